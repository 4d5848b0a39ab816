"""A fridge compartment: air, what lies in it, a compressor with a thermostat, a door.

Two bodies (air, contents) exchange heat; walls and an open door let the room in, the compressor takes heat out.
Units: seconds, degrees Celsius; the rates are per second and give a cycle of some ten minutes on, twenty off.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from nameplate.sim.world import Key, World

_STEP_S = 1.0
_WALL = 1 / 9000  # air <- room through the walls
_DOOR = 1 / 90  # air <- room through an open door
_CONTENTS_TO_AIR = 1 / 300
_AIR_TO_CONTENTS = 1 / 9000  # the contents weigh thirty times as much
_COOLING = 0.016  # degrees per second while the compressor runs


class Fridge:
    """`air_c` after `advance`; `door_open` may be set at any time."""

    keys: ClassVar[Mapping[str, Key]] = {}
    percents: ClassVar[Mapping[str, str]] = {}

    def __init__(self, room_c: float = 22.0, on_above_c: float = 5.5, off_below_c: float = 3.5) -> None:
        self.room_c = room_c
        self.on_above_c = on_above_c
        self.off_below_c = off_below_c
        self.air_c = 4.5
        self.contents_c = 4.5
        self.compressor = False
        self.door_open = False
        self._at_s = 0.0

    def advance(self, now_s: float) -> None:
        """Let the fridge live until then."""
        while self._at_s + _STEP_S <= now_s:
            self._at_s += _STEP_S
            if self.air_c > self.on_above_c:
                self.compressor = True
            elif self.air_c < self.off_below_c:
                self.compressor = False
            inflow = (self.room_c - self.air_c) * (_WALL + (_DOOR if self.door_open else 0.0))
            exchange = self.contents_c - self.air_c
            self.contents_c -= exchange * _AIR_TO_CONTENTS * _STEP_S
            cooling = _COOLING if self.compressor else 0.0
            self.air_c += (inflow + exchange * _CONTENTS_TO_AIR - cooling) * _STEP_S

    def obey(self, world: World) -> None:
        self.room_c = float(world["room_c"])
        self.door_open = world["door"] == "open"

    def celsius(self, sensor: str) -> float | None:
        return {"fridge": self.air_c, "freezer": -18.0, "evap": -25.0}.get(sensor)

    def contact(self, sensor: str) -> bool | None:
        return None

    def shows(self) -> dict[str, str]:
        return {"air_c": f"{self.air_c:.3f}", "compressor": "on" if self.compressor else "off"}
