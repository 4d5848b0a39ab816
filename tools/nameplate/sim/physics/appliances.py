"""Which appliance a board is in: told from the names of its sensors, so that a model of one's own finds one too."""

from __future__ import annotations

from collections.abc import Container, Mapping
from typing import ClassVar

from nameplate.sim.physics.appliance import Appliance
from nameplate.sim.physics.fridge import Fridge
from nameplate.sim.physics.washer import DISHWASHER, WASHING_MACHINE, Washer
from nameplate.sim.world import Key, World


class Room:
    """No appliance: everything is as warm as the room."""

    keys: ClassVar[Mapping[str, Key]] = {}
    percents: ClassVar[Mapping[str, str]] = {}

    def __init__(self) -> None:
        self._room_c = 22.0

    def advance(self, now_s: float) -> None:
        """Nothing happens."""

    def obey(self, world: World) -> None:
        self._room_c = float(world["room_c"])

    def celsius(self, sensor: str) -> float | None:
        return self._room_c

    def contact(self, sensor: str) -> bool | None:
        return None

    def shows(self) -> dict[str, str]:
        return {}


def appliance_of(sensors: Container[str]) -> Appliance:
    """The appliance that sensors of these names belong to; a room where they belong to none."""
    if "fridge" in sensors or "freezer" in sensors:
        return Fridge()
    if "inlet" in sensors or "drain" in sensors:
        return Washer(DISHWASHER if "floor" in sensors else WASHING_MACHINE)
    return Room()
