"""The MicroPython inside an application: its release, its board, and what its build has, found in the program itself.

Release and date are the banner's. The rest is `sys.implementation`, a constant of the program: found by the release's
numbers, which it holds as a tuple, and followed as the interpreter would follow it. A build in which that is not found
has no board and no `.mpy` version to tell; nothing is guessed.
"""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass
from itertools import islice

from nameplate.factory.base_image import EspImage

_BANNER = re.compile(rb"MicroPython (v(\d{1,3})\.(\d{1,3})\.(\d{1,3})[-.\w]{0,60}) on (\d{4}-\d\d-\d\d)")
_UMQTT = b"umqtt/simple.py\0"
_TEXT_MOST = 80
_CANDIDATES_MOST = 32  # a real program has one of each; a hostile file is not searched for ever


@dataclass(frozen=True)
class MicroPython:
    """`machine`, `board` and `mpy` are None where the program does not tell them; release 1.23 has no `board` yet."""

    version: str
    release: tuple[int, int, int]
    date: str
    machine: str | None
    board: str | None
    mpy: tuple[int, int] | None
    umqtt: bool


def find(program: EspImage) -> MicroPython | None:
    """The MicroPython in a program; None where there is none, or more than one release's banner."""
    banners = {match.groups() for _, content in program.segments for match in _BANNER.finditer(content)}
    if len(banners) != 1:
        return None
    version, *numbers, date = banners.pop()
    major, minor, micro = (int(number) for number in numbers)
    machine, mpy, board = _implementation(program, (major, minor, micro))
    umqtt = any(_UMQTT in content for _, content in program.segments)
    return MicroPython(version.decode(), (major, minor, micro), date.decode(), machine, board, mpy, umqtt)


def _implementation(
    program: EspImage, release: tuple[int, int, int]
) -> tuple[str | None, tuple[int, int] | None, str | None]:
    """Machine, `.mpy` version and board of sys.implementation, a tuple of: type, length, name, version, these three."""
    # A tuple is: type, length, items; a small integer n is 2n + 1. The version has four items.
    version = struct.pack("<4I", 4, *(2 * number + 1 for number in release))
    for at in islice(program.find(version), _CANDIDATES_MOST):
        for pointer in islice(program.find(struct.pack("<I", at - 4)), _CANDIDATES_MOST):
            around = program.at(pointer - 8, 24)
            if len(around) < 20:
                continue
            length, _, _, machine, mpy, board = struct.unpack("<6I", around.ljust(24, b"\0"))
            words = _text(program, machine)
            if words is None or not mpy & 1 or length not in range(4, 10):
                continue
            number = mpy >> 1
            return words, (number & 0xFF, number >> 8 & 3), _text(program, board) if length > 4 else None
    return None, None, None


def _text(program: EspImage, address: int) -> str | None:
    """The string object at an address (type, hash, length, where its bytes are); None where there is none."""
    held = program.at(address, 16)
    if len(held) < 16:
        return None
    _, _, size, where = struct.unpack("<4I", held)
    content = program.at(where, size) if 0 < size <= _TEXT_MOST else b""
    if len(content) != size or not content.isascii() or not content.decode("ascii").isprintable():
        return None
    return content.decode("ascii")
