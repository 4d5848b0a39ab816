"""The flash chip: a file that behaves like NOR flash, counts its wear and can lose power in the middle of an operation.

An operation is one erase of a block or one program of a run of bytes, whoever asks (littlefs or NVS). Programming can
only clear bits. An operation at which power is cut leaves part of its work behind, and part undone, unless `torn` is off.
"""

from __future__ import annotations

import os
import random
from pathlib import Path

BLOCK = 4096


class PowerCut(Exception):
    """The supply failed in the middle of a flash operation."""


class Flash:
    """4 MiB or whatever the file holds, which begins at the flash's address `start`. All addresses and sizes are bytes."""

    def __init__(self, path: Path, rng: random.Random, start: int = 0) -> None:
        self.path = path
        self.start = start
        self._file = os.open(path, os.O_RDWR | getattr(os, "O_BINARY", 0))
        self.size = start + os.fstat(self._file).st_size
        self._rng = rng
        self.torn = True
        self.reads = 0
        self.programs = 0
        self.programmed_bytes = 0
        self.erases = 0
        self.erased_blocks: dict[int, int] = {}
        self.programmed_blocks: dict[int, int] = {}
        self.cut_in: int | None = None  # operations until power fails; None: never

    def read(self, address: int, size: int) -> bytes:
        self.reads += 1
        return self.peek(address, size)

    def peek(self, address: int, size: int) -> bytes:
        """Read without counting: a look from outside."""
        erased = b"\xff" * min(size, max(0, self.start - address))
        return erased + os.pread(self._file, size - len(erased), address + len(erased) - self.start)

    def poke(self, address: int, data: bytes) -> None:
        """Put bytes there from outside: no operation, no wear."""
        self._check(address, len(data))
        os.pwrite(self._file, data, address - self.start)

    def _operation(self) -> bool:
        """Count one operation; True when power fails in it."""
        if self.cut_in is None:
            return False
        self.cut_in -= 1
        if self.cut_in > 0:
            return False
        self.cut_in = None
        return True

    def program(self, address: int, data: bytes) -> None:
        """Clear bits. Raises PowerCut."""
        self._check(address, len(data))
        cut = self._operation()
        self.programs += 1
        block = address // BLOCK
        self.programmed_blocks[block] = self.programmed_blocks.get(block, 0) + 1
        if cut:
            data = data[: self._rng.randrange(len(data) + 1) if self.torn else 0]
        old = self.peek(address, len(data))
        new = (int.from_bytes(old) & int.from_bytes(data)).to_bytes(len(data))
        os.pwrite(self._file, new, address - self.start)
        self.programmed_bytes += len(data)
        if cut:
            raise PowerCut

    def erase(self, address: int, size: int) -> None:
        """Set all bits of whole blocks. Raises PowerCut."""
        self._check(address, size)
        if address % BLOCK or size % BLOCK:
            raise ValueError("erases are whole blocks")
        for start in range(address, address + size, BLOCK):
            cut = self._operation()
            self.erases += 1
            self.erased_blocks[start // BLOCK] = self.erased_blocks.get(start // BLOCK, 0) + 1
            done = BLOCK if not cut else self._rng.randrange(BLOCK + 1) if self.torn else 0
            os.pwrite(self._file, b"\xff" * done, start - self.start)
            if cut:
                raise PowerCut

    def _check(self, address: int, size: int) -> None:
        if not self.start <= address <= address + size <= self.size:
            raise ValueError(f"no flash at {address:#x}+{size:#x}")

    def counts(self) -> dict[str, int]:
        return {
            "reads": self.reads,
            "programs": self.programs,
            "programmed_bytes": self.programmed_bytes,
            "erases": self.erases,
            "operations": self.programs + self.erases,
            "most_erased_block": max(self.erased_blocks.values(), default=0),
        }

    def close(self) -> None:
        os.close(self._file)
