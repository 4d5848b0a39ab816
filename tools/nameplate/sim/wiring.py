"""Which pin leads where: read from the model's profile in the flash image, where the firmware reads it too.

What cannot be made sense of is not connected: a damaged profile is the firmware's trouble, and leaves the board a board.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

import littlefs

from nameplate.factory.partitions import Partition
from nameplate.sim.flash import BLOCK, Flash

PROFILES = ("/a/models/profile.json", "/b/models/profile.json")
_PANEL_ADDRESS = 0x27


@dataclass(frozen=True)
class Wiring:
    """`signals` maps a pin to what is on it; `sensors` is the profile's list of those that this chip has, by name."""

    model: str = ""
    signals: dict[int, str] = field(default_factory=dict)
    sensors: dict[str, dict[str, Any]] = field(default_factory=dict)
    alarm_active_high: bool = True
    button_active_low: bool = True
    panel_address: int | None = None

    def pin_of(self, signal: str) -> int | None:
        return next((pin for pin, name in self.signals.items() if name == signal), None)


def _members(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _fitted(value: Any, names: set[str]) -> dict[str, dict[str, Any]]:
    """The sensors that have a pin; a pin of null is a sensor that this chip has not."""
    return {
        sensor["name"]: sensor
        for sensor in (value if isinstance(value, list) else [])
        if isinstance(sensor, dict) and isinstance(sensor.get("name"), str) and sensor["name"] in names
    }


def from_profile(profile: Any, chip: str) -> Wiring:
    """The wiring of a profile for one chip; a chip the profile does not know has nothing connected."""
    content = _members(profile)
    numbers = _members(_members(content.get("pins")).get(chip))
    pins = {name: pin for name, pin in numbers.items() if isinstance(pin, int) and not isinstance(pin, bool)}
    address = _members(content.get("panel")).get("address", _PANEL_ADDRESS)
    return Wiring(
        model=str(content.get("model", "")),
        signals={pin: name for name, pin in pins.items()},
        sensors=_fitted(content.get("sensors"), set(pins)),
        alarm_active_high=_members(content.get("alarm")).get("active", "high") == "high",
        button_active_low=_members(content.get("button")).get("active", "low") == "low",
        panel_address=address if "scl" in pins and isinstance(address, int) else None,
    )


def read_files(flash: Flash, vfs: Partition) -> littlefs.LittleFS:
    """The file system as it is in the flash now. Raises littlefs.LittleFSError when there is none."""
    fs = littlefs.LittleFS(block_size=BLOCK, block_count=vfs.size // BLOCK, mount=False)
    fs.context.buffer = bytearray(flash.peek(vfs.offset, vfs.size))
    fs.mount()
    return fs


def from_flash(flash: Flash, vfs: Partition | None, chip: str) -> Wiring:
    """The wiring of the model in the image; nothing is connected when the image names none."""
    if vfs is None:
        return Wiring()
    try:
        fs = read_files(flash, vfs)
    except littlefs.LittleFSError:
        return Wiring()
    for name in PROFILES:
        try:
            with fs.open(name, "r") as file:
                return from_profile(json.load(file), chip)
        except (FileNotFoundError, littlefs.LittleFSError, ValueError):
            continue
    return Wiring()
