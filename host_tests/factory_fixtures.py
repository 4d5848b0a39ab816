"""Fixtures that make what a factory makes: a manufacturer's keys, an image, and units ready to boot.

The factory is imported on first use, so that tests which need none start quickly.
One manufacturer and one image serve a whole test session; every unit has a register of its own, so two tests may
use the same serial.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from nameplate.factory.provision import Unit

OEM, OEMID = "Acme", 32473  # the enterprise number that RFC 5612 sets aside for examples
UNIT: dict[str, Any] = {
    "made": "2026-03-02",
    "revision": "C",
    "warranty": {"parts": 24, "compressor": 120},
    "support_until": "2036-03-02",
    "report_url": "https://report.example/v1",
    "wifi_ssid": "Kitchen",
    "wifi_psk": "correct horse",
    "broker_url": "mqtt://127.0.0.1:1883",
    "period_s": 60,
}


@dataclass(frozen=True)
class Keys:
    """A manufacturer: the folder with the private keys, and the public trust file in it."""

    directory: Path
    trust: Path


@pytest.fixture(scope="session")
def manufacturer(tmp_path_factory: pytest.TempPathFactory) -> Keys:
    """Fresh keys of every role, for Acme."""
    from nameplate.factory.keys import make_keys

    made = make_keys(tmp_path_factory.mktemp("manufacturer") / "keys", oem=OEM, oemid=OEMID)
    return Keys(made.directory, made.trust)


@pytest.fixture(scope="session")
def image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The flash image of a KF-320, built from the checkout."""
    from nameplate.factory.image import build_image

    path = tmp_path_factory.mktemp("image") / "kf320.bin"
    build_image("kf320", path)
    return path


@pytest.fixture(scope="session")
def make_unit(
    tmp_path_factory: pytest.TempPathFactory, manufacturer: Keys, image: Path
) -> Callable[..., Unit]:
    """`make_unit(serial="4F7-220918", **fields)` provisions a unit; fields are those of ProvisionRequest.

    `registry=PATH` puts several units into one register.
    """
    from nameplate.factory.provision import provision
    from nameplate.factory.request import ProvisionRequest

    number = count(1)

    def make(serial: str = "4F7-220918", *, registry: Path | None = None, **given: Any) -> Unit:
        folder = tmp_path_factory.mktemp(f"unit{next(number)}-")
        return provision(
            ProvisionRequest(serial=serial, **{**UNIT, **given}),
            image=image,
            out=folder / "unit.bin",
            keys=manufacturer.directory,
            registry=registry or folder / "registry.sqlite",
        )

    return make
