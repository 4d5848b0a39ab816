"""What the board is built into: what its sensors would see there, and what of it the world can change."""

from __future__ import annotations

from collections.abc import Mapping
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
