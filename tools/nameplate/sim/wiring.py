"""Which pin leads where: read from the model's profile in the flash image, where the firmware reads it too."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

import littlefs

from nameplate.factory.partitions import Partition
from nameplate.sim.flash import BLOCK, Flash

PROFILES = ("/a/models/profile.json", "/b/models/profile.json")


@dataclass(frozen=True)
class Wiring:
    """`signals` maps a pin to what is on it; `sensors` is the profile's list, by name."""

    model: str = ""
    signals: dict[int, str] = field(default_factory=dict)
    sensors: dict[str, dict[str, Any]] = field(default_factory=dict)
    alarm_active_high: bool = True
    button_active_low: bool = True
    panel_address: int | None = None

    def pin_of(self, signal: str) -> int | None:
        return next((pin for pin, name in self.signals.items() if name == signal), None)


def from_profile(profile: dict[str, Any], chip: str) -> Wiring:
    """The wiring of a profile for one chip; a chip the profile does not know has nothing connected."""
    pins = profile.get("pins", {}).get(chip, {})
    return Wiring(
        model=str(profile.get("model", "")),
        signals={int(pin): name for name, pin in pins.items()},
        sensors={sensor["name"]: sensor for sensor in profile.get("sensors", [])},
        alarm_active_high=profile.get("alarm", {}).get("active", "high") == "high",
        button_active_low=profile.get("button", {}).get("active", "low") == "low",
        panel_address=profile.get("panel", {}).get("address", 0x27) if "scl" in pins else None,
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
        except (FileNotFoundError, littlefs.LittleFSError, ValueError, KeyError):
            continue
    return Wiring()
