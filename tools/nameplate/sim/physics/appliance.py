"""What the board is built into: what its sensors would see there, and what of it the world can change."""

from __future__ import annotations

from collections.abc import Container, Mapping
from typing import ClassVar, Protocol

from nameplate.sim.world import Key, World


class Appliance(Protocol):
    """One appliance. Time is simulated seconds since the world began, temperatures are degrees Celsius."""

    keys: ClassVar[Mapping[str, Key]]
    percents: ClassVar[Mapping[str, str]]  # contacts whose key may be a percentage, and of what

    def advance(self, now_s: float) -> None:
        """Let it live until then."""

    def obey(self, world: World) -> None:
        """Take what the world says from now on; what happens once is put back to its default."""

    def celsius(self, sensor: str) -> float | None:
        """How warm it is where that sensor sits; None for a place it does not know."""

    def contact(self, sensor: str) -> bool | None:
        """Whether that contact is on; None for one it does not move."""

    def shows(self) -> dict[str, str]:
        """What else may be asked of it, as text."""


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
    """The appliance that sensors of these names belong to."""
    from nameplate.sim.physics.fridge import Fridge

    return Fridge() if "fridge" in sensors else Room()
