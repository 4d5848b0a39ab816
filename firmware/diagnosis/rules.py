"""The rules of the model as the build compiles them (models/rules.bin), and how each lays out its row of cells.

    "NPR1" | sensors u8 | faults u8 | length of all u16 | a name of 12 bytes for each sensor | the faults |
    the first 8 bytes of the SHA-256 of all before, which also are the name under which stored state is known
    a fault: code of 3 letters | severity u8 | rule u8 | sensor u8 | other u8 | flags u8 | cells u16 | numbers u8 |
    0 u8 | the rule's numbers, i32 each. Little endian; NONE is no sensor.

Where the file is damaged or missing there are no rules but the leaks', which need none. Needed at the start and once a
minute; nothing of it may live on.
"""

import hashlib
import os
import struct
import sys

from firmware.diagnosis.faults import HEAD

# The kinds, as numbered in the file.
WET = 0
RETURNS = 1
HEALTH = 2
ABOVE = 3
BELOW = 4
NO_PROGRESS = 5
TOO_LONG = 6
NEVER_RESTS = 7
TREND = 8
NAMES = ("wet", "returns", "health", "above", "below", "no_progress", "too_long", "never_rests", "trend")
# How many numbers each has; the judge and docs/diagnosis.md say which.
_NUMBERS = (0, 2, 2, 6, 6, 4, 3, 4, 6)
# The least cells of a row, whatever comes after them. Returns: one more for each time it counts.
_CELLS = (HEAD + 2, HEAD + 1, HEAD + 1, HEAD + 6, HEAD + 6, HEAD + 5, HEAD + 3, HEAD + 3, HEAD + 3)
NONE = 255

# Flags of a fault in the file.
FALLING = 1  # no_progress: is to fall
WHILE = 2  # too_long: only while `other` is on
WHILE_NOT = 4  # too_long: only while it is off
LEVEL = 8  # too_long: of a temperature above a level

# Cells behind the head. Of temperatures, since it was suspected: in thousandths, the mean in 64ths of them.
LOW = HEAD
MEAN = HEAD + 1
HIGH = HEAD + 2
FINE = 64
# above, below: the running mean (in 64ths), the seconds it is of, the seconds that it has not been known for.
AVERAGE = HEAD + 3
AVERAGE_S = HEAD + 4
UNSEEN_S = HEAD + 5
# no_progress: the worst since it moved, the seconds that the gate has been off for.
WORST = HEAD + 3
OFF_S = HEAD + 4
# health: what was wrong last, a place in QUALITIES; 0: now and then not ok.
QUALITY = HEAD
QUALITIES = ("ok", "open", "short", "stuck", "stale", "out of range", "implausible", "unknown")
# returns: how many leaks were counted, and how long ago the last ones were (and one second; 0: none), newest first.
COUNTED = HEAD
AGES = HEAD + 1

_MAGIC = b"NPR1"
_NAME = 12
_ROW = "<3sBBBBBHBB"
_ROW_BYTES = struct.calcsize(_ROW)
_DIGEST = 8
_LONGEST = 4096
_MOST_CELLS = 4096


def path():
    """Where the file is in the slot."""
    return sys.path[0] + "/models/rules.bin"


def read(name):
    """The bytes of the file `name` if it is whole, else None."""
    try:
        size = os.stat(name)[6]
        if size > _LONGEST:
            return None
        with open(name, "rb") as file:
            blob = file.read()
    except OSError:
        return None
    return blob if whole(blob) else None


def digest(blob):
    """The name under which state is stored."""
    return blob[-_DIGEST:]


def whole(blob):
    """Whether `blob` is what the build made, every number of it within what this module expects."""
    least = len(_MAGIC) + 4 + _DIGEST
    if len(blob) < least or blob[:4] != _MAGIC or struct.unpack_from("<H", blob, 6)[0] != len(blob):
        return False
    if hashlib.sha256(blob[:-_DIGEST]).digest()[:_DIGEST] != blob[-_DIGEST:]:
        return False
    return _sound(blob)


def _sound(blob):
    sensors, faults = blob[4], blob[5]
    at = 8 + _NAME * sensors
    end = len(blob) - _DIGEST
    total = 0
    if not _plain(blob[8:at].replace(b"\0", b"")):
        return False
    for _ in range(faults):
        if at + _ROW_BYTES > end:
            return False
        code, severity, kind, sensor, other, _, cells, count, _ = struct.unpack_from(_ROW, blob, at)
        if (
            not _plain(code)
            or kind >= len(NAMES)
            or severity > 2
            or count != _NUMBERS[kind]
            or cells < _CELLS[kind]
        ):
            return False
        if (sensor >= sensors and sensor != NONE) or (other >= max(sensors, faults) and other != NONE):
            return False
        at += _ROW_BYTES + 4 * count
        total += cells
    return at == end and total <= _MOST_CELLS


def _plain(text):
    return all(32 < byte < 127 for byte in text)


def sensors(blob):
    """The names of the sensors, in the order of their numbers."""
    return [blob[at : at + _NAME].rstrip(b"\0").decode() for at in range(8, 8 + _NAME * blob[4], _NAME)]


def each(blob):
    """(code, severity, kind, sensor, other, flags, cells, numbers) of each fault, in the profile's order."""
    at = 8 + _NAME * blob[4]
    for _ in range(blob[5]):
        code, severity, kind, sensor, other, flags, cells, count, _ = struct.unpack_from(_ROW, blob, at)
        at += _ROW_BYTES
        yield (
            code.decode(),
            severity,
            kind,
            sensor,
            other,
            flags,
            cells,
            struct.unpack_from(f"<{count}i", blob, at),
        )
        at += 4 * count
