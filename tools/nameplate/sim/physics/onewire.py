"""A 1-Wire bus, slot by slot: one line with a pull-up, and devices that hold it low.

The master resets, writes bits and reads bits; each device follows what it hears. What is read is 1 only when nobody
holds the line, so two that answer at once give the AND of both.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol


class Device(Protocol):
    """What hangs on the bus. A bit it does not send is 1: it leaves the line alone."""

    def reset(self) -> None:
        """A reset pulse was seen."""

    def sends(self) -> int:
        """The bit it sends in a read slot."""

    def hears(self, bit: int) -> None:
        """A write slot was seen."""


def crc8(data: bytes) -> int:
    """The Dallas CRC (x^8 + x^5 + x^4 + 1, least significant bit first); 0 over data and its own CRC."""
    crc = 0
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x8C if crc & 1 else 0)
    return crc


class Bus:
    """`shorted`: the line lies at ground, which looks like a device that is there and says only zeros."""

    def __init__(self, devices: Sequence[Device] = ()) -> None:
        self.devices = list(devices)
        self.shorted = False

    def reset(self) -> bool:
        """A reset pulse; True when something held the line low after it."""
        if self.shorted:
            return True
        for device in self.devices:
            device.reset()
        return bool(self.devices)

    def write(self, bit: int) -> None:
        """One write slot."""
        if not self.shorted:
            for device in self.devices:
                device.hears(bit)

    def read(self) -> int:
        """One read slot."""
        if self.shorted:
            return 0
        return min((device.sends() for device in self.devices), default=1)
