"""The P-256 base point's comb table: the file `/p256_comb.bin`, which both slots use.

The layout is the one `lib/p256.py` reads: eight blocks of 128 points of 64 bytes. Entry `i` of block `b` is
2^(32 b) * (2^28 + the sum over t = 0..6 of +2^(4 t) where bit t of i is set and -2^(4 t) where not) * G,
stored as x || y, big-endian. The table is computed, not shipped: the same bytes each time, in a tenth of a second.
"""

from pathlib import Path

TEETH = 8
COLUMNS = 4
BLOCKS = 8
SIZE = BLOCKS * 2 ** (TEETH - 1) * 64

_P = 0xFFFFFFFF00000001000000000000000000000000FFFFFFFFFFFFFFFFFFFFFFFF
_G = (
    0x6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296,
    0x4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5,
)

_Point = tuple[int, int]


def _add(a: _Point, b: _Point) -> _Point:
    """Sum of two affine points, neither infinity nor the negative of the other."""
    if a == b:
        slope = 3 * (a[0] - 1) * (a[0] + 1) * pow(2 * a[1], -1, _P) % _P
    else:
        slope = (b[1] - a[1]) * pow(b[0] - a[0], -1, _P) % _P
    x = (slope * slope - a[0] - b[0]) % _P
    return x, (slope * (a[0] - x) - a[1]) % _P


def table() -> bytes:
    """The table's bytes, `SIZE` of them."""
    stored = bytearray()
    tooth = _G
    for _ in range(BLOCKS):
        teeth = []
        for _ in range(TEETH):
            teeth.append(tooth)
            for _ in range(COLUMNS):
                tooth = _add(tooth, tooth)
        lowest = teeth[-1]
        for x, y in teeth[:-1]:
            lowest = _add(lowest, (x, _P - y))
        points = [lowest]
        for x_y in teeth[:-1]:
            twice = _add(x_y, x_y)
            points += [_add(point, twice) for point in points]
        for x, y in points:
            stored += x.to_bytes(32, "big") + y.to_bytes(32, "big")
    return bytes(stored)


def write(path: Path | str) -> Path:
    """Write the table to `path` and return it. Raises OSError when the file cannot be written."""
    path = Path(path)
    path.write_bytes(table())
    return path
