"""A model as the device has it, for the judge; and as its source has it, for the physics."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nameplate.factory import device_model
from nameplate.factory import profile as profiles
from nameplate.factory.sources import device_root

MODELS = ("kf320", "gs45", "wm90")


@dataclass(frozen=True)
class Model:
    """`content`: the profile's source; `files`: those of the slot, by their path in it."""

    folder: str
    root: Path
    content: dict[str, Any]
    files: Mapping[str, bytes]

    @property
    def sensor_codes(self) -> frozenset[str]:
        """The codes that say that a sensor is faulty."""
        return frozenset(fault["code"] for fault in self.content["faults"] if fault["rule"] == "health")

    def rule(self, code: str) -> dict[str, Any]:
        """The rule of that code in the profile."""
        found: dict[str, Any] = next(fault for fault in self.content["faults"] if fault["code"] == code)
        return found

    def chips(self) -> list[str]:
        """Chips that have a pin for every sensor."""
        return [chip for chip, pins in self.content["pins"].items() if None not in pins.values()]


def load(folder: str) -> Model:
    """The model in models/`folder`. Raises NameplateError when it is refused."""
    checked = profiles.load(device_root(), folder)
    files = dict(device_model.files(checked))
    return Model(folder, device_root(), dict(checked.content), files)
