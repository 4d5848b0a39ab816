"""Sets the stage: a manufacturer, an image, a fridge, a broker, and somebody who listens. Takes it down again."""

from __future__ import annotations

import contextlib
import secrets
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Self

from nameplate.broker import EmbeddedBroker, free_port
from nameplate.factory.image import build_image
from nameplate.factory.keys import make_keys
from nameplate.factory.provision import Unit, provision
from nameplate.factory.request import ProvisionRequest
from nameplate.sim.board import VirtualBoard

SERIAL = "4F7-220918"
PERIOD_S = 3
LISTENER = "listener"
# The number that RFC 5612 keeps for examples.
EXAMPLE_PEN = 32473


class Stage:
    """What the story needs, alive; a context manager that leaves nothing behind.

    `on_step` is told, in a few words, what is being made: the first image takes some seconds.
    """

    folder: Path
    unit: Unit
    broker: EmbeddedBroker
    board: VirtualBoard
    trust: Path
    listener_url: str

    def __init__(self, on_step: Callable[[str], None]) -> None:
        self._exits = contextlib.ExitStack()
        self._on_step = on_step

    def __enter__(self) -> Self:
        try:
            self._build()
        except BaseException:
            self._exits.close()
            raise
        return self

    def __exit__(self, *error: object) -> None:
        self._exits.close()

    def _build(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="nameplate-demo-"))
        self._exits.callback(shutil.rmtree, self.folder, ignore_errors=True)
        self._on_step("a manufacturer makes its keys")
        make_keys(self.folder / "keys", oem="Acme", oemid=EXAMPLE_PEN)
        self._on_step("the firmware is compiled into a flash image")
        build_image("kf320", self.folder / "image.bin")
        self._on_step("a fridge gets its identity, and a broker starts")
        port = free_port()
        self.unit = self._provision(f"mqtt://127.0.0.1:{port}")
        password = secrets.token_urlsafe(16)
        users = {LISTENER: password, self.unit.broker_user: self.unit.broker_secret}
        self.broker = self._exits.enter_context(EmbeddedBroker(users, port))
        self.trust = self.unit.trust
        self.listener_url = f"mqtt://{LISTENER}:{password}@127.0.0.1:{port}"

    def _provision(self, broker_url: str) -> Unit:
        request = ProvisionRequest(
            serial=SERIAL,
            made="2026-03-02",
            revision="C",
            warranty={"parts": 24, "compressor": 120},
            support_until="2036-03-02",
            report_url="https://example.com/report",
            broker_url=broker_url,
            wifi_ssid="kitchen",
            wifi_psk=secrets.token_urlsafe(12),
            period_s=PERIOD_S,
        )
        return provision(
            request,
            image=self.folder / "image.bin",
            out=self.folder / "fridge.bin",
            keys=self.folder / "keys",
            registry=self.folder / "units.sqlite",
        )

    @property
    def board_name(self) -> str:
        """What `nameplate sim set` calls the fridge."""
        return f"fridge-{self.broker.port}"

    def switch_on(self) -> VirtualBoard:
        """Plug the fridge in; it runs until the stage is taken down."""
        self.board = self._exits.enter_context(VirtualBoard(self.unit.path, name=self.board_name))
        return self.board

    def switch_on_clone(self) -> VirtualBoard:
        """Copy the fridge's whole flash, key and all, onto a second board and switch that on beside it."""
        copy = self.folder / "clone.bin"
        shutil.copyfile(self.unit.path, copy)
        return self._exits.enter_context(VirtualBoard(copy, name=f"clone-{self.broker.port}", seed=1))
