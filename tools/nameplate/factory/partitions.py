"""ESP-IDF's binary partition table, and the flash layout of a plain 4 MiB board.

The layout is the one that stock MicroPython builds for the ESP32 used up to 1.23; an image over a base has the base's.
"""

from __future__ import annotations

import hashlib
import struct
from dataclasses import dataclass

FLASH_SIZE = 0x400000
TABLE_OFFSET = 0x8000
TABLE_SIZE = 0xC00
SECTOR = 0x1000
NVS_FEWEST = 4 * SECTOR

_ENTRY = struct.Struct("<2sBBII16sI")
_ENTRY_MAGIC = b"\xaa\x50"
_MD5_MAGIC = b"\xeb\xeb" + b"\xff" * 14
APP, DATA = 0, 1
OTA_DATA, NVS_DATA, FAT = 0x00, 0x02, 0x81


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


NVS = Partition("nvs", DATA, NVS_DATA, 0x9000, 0x6000)
PHY_INIT = Partition("phy_init", DATA, 0x01, 0xF000, 0x1000)
FACTORY = Partition("factory", APP, 0x00, 0x10000, 0x1F0000)
VFS = Partition("vfs", DATA, FAT, 0x200000, 0x200000)
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
        if row[:2] != _ENTRY_MAGIC or len(row) < _ENTRY.size:
            break
        _, kind, subtype, offset, size, name, flags = _ENTRY.unpack(row)
        rows.append(
            Partition(name.rstrip(b"\0").decode("ascii", "replace"), kind, subtype, offset, size, flags)
        )
    raise ValueError("no partition table with an MD5 row")


def has_vfs(rows: tuple[Partition, ...]) -> bool:
    """Whether the table itself says where the file system is."""
    return any(row.name in ("vfs", "ffat") for row in rows)


def with_vfs(rows: tuple[Partition, ...], flash_size: int) -> tuple[Partition, ...]:
    """The rows as MicroPython runs with: where none is for files, one from the end of the last to the end of the flash."""
    end = max((row.end for row in rows), default=flash_size)
    if has_vfs(rows) or end >= flash_size:
        return rows
    return (*rows, Partition("vfs", DATA, FAT, end, flash_size - end))


def check_table(rows: tuple[Partition, ...], flash_size: int) -> None:
    """Raises ValueError in words when the rows cannot be the layout of a flash of `flash_size` bytes."""
    if not rows:
        raise ValueError("the partition table is empty")
    last = TABLE_OFFSET + SECTOR
    for row in sorted(rows, key=lambda row: row.offset):
        if row.offset % SECTOR or row.size % SECTOR or not row.size:
            raise ValueError(f"partition {row.name} is not made of whole sectors")
        if row.offset < last:
            raise ValueError(f"partition {row.name} overlaps what lies before it")
        if row.end > flash_size:
            raise ValueError(
                f"partition {row.name} ends at {row.end:#x}, a flash of {flash_size // 1024} KiB at {flash_size:#x}"
            )
        last = row.end
    names = [row.name for row in rows]
    for name in ("nvs", "vfs"):
        if names.count(name) > 1:
            raise ValueError(f"the partition table has {name} twice")
    found = [row for row in rows if row.name == "nvs" and (row.type, row.subtype) == (DATA, NVS_DATA)]
    if not found or found[0].size < NVS_FEWEST:
        raise ValueError(f"the partition table has no nvs of {NVS_FEWEST // 1024} KiB for a unit's identity")
