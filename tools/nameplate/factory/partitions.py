"""The flash layout of a 4 MiB board and ESP-IDF's binary partition table.

The layout is the one that stock MicroPython builds for the ESP32 use, so that a stock base fits underneath.
"""

from __future__ import annotations

import hashlib
import struct
from dataclasses import dataclass

FLASH_SIZE = 0x400000
TABLE_OFFSET = 0x8000
TABLE_SIZE = 0xC00

_ENTRY = struct.Struct("<2sBBII16sI")
_ENTRY_MAGIC = b"\xaa\x50"
_MD5_MAGIC = b"\xeb\xeb" + b"\xff" * 14
_APP, _DATA = 0, 1


@dataclass(frozen=True)
class Partition:
    """One row of the table; offset and size in bytes."""

    name: str
    type: int
    subtype: int
    offset: int
    size: int
    flags: int = 0

    @property
    def end(self) -> int:
        return self.offset + self.size


NVS = Partition("nvs", _DATA, 0x02, 0x9000, 0x6000)
PHY_INIT = Partition("phy_init", _DATA, 0x01, 0xF000, 0x1000)
FACTORY = Partition("factory", _APP, 0x00, 0x10000, 0x1F0000)
VFS = Partition("vfs", _DATA, 0x81, 0x200000, 0x200000)
LAYOUT = (NVS, PHY_INIT, FACTORY, VFS)


def write_table(partitions: tuple[Partition, ...] = LAYOUT) -> bytes:
    """The binary table of `partitions` with its MD5 row, padded with 0xFF to TABLE_SIZE bytes."""
    rows = b"".join(
        _ENTRY.pack(_ENTRY_MAGIC, p.type, p.subtype, p.offset, p.size, p.name.encode("ascii"), p.flags)
        for p in partitions
    )
    return (rows + _MD5_MAGIC + hashlib.md5(rows, usedforsecurity=False).digest()).ljust(TABLE_SIZE, b"\xff")


def read_table(table: bytes) -> tuple[Partition, ...]:
    """The rows of a binary table. Raises ValueError when it is none, or its MD5 row is absent or wrong."""
    rows: list[Partition] = []
    for start in range(0, min(len(table), TABLE_SIZE), _ENTRY.size):
        row = table[start : start + _ENTRY.size]
        if row[:16] == _MD5_MAGIC:
            if row[16:] != hashlib.md5(table[:start], usedforsecurity=False).digest():
                raise ValueError("the partition table's MD5 does not match")
            return tuple(rows)
        if row[:2] != _ENTRY_MAGIC:
            break
        _, kind, subtype, offset, size, name, flags = _ENTRY.unpack(row)
        rows.append(
            Partition(name.rstrip(b"\0").decode("ascii", "replace"), kind, subtype, offset, size, flags)
        )
    raise ValueError("no partition table with an MD5 row")
