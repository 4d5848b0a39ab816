"""Multiples of any point of P-256 by a comb: one block of five teeth and 52 columns, as lib.p256_comb has it.

Its table of 1 KiB is made when a key is first used, in slices of work; it is plain bytes, so that it can be kept while
this module is forgotten.
"""

from lib.p256_curve import P, add, affine, double

TEETH = 5
COLUMNS = 52
_POINT = 64  # bytes of a stored point
_DOUBLINGS = 5  # in a slice of work


def digits(scalar):
    """The digits of an odd scalar for a point's table, one for each column."""
    length = TEETH * COLUMNS
    bits = (scalar + (1 << length) - 1) >> 1
    found = bytearray(COLUMNS)
    for tooth in range(TEETH):
        row = (bits >> COLUMNS * tooth).to_bytes(40, "little")
        for column in range(COLUMNS):
            found[column] |= (row[column >> 3] >> (column & 7) & 1) << tooth
    return found


def table(x, y):
    """Steps whose value is the table of the point (x, y)."""
    stored = bytearray(_POINT << (TEETH - 1))
    # 2^(52 t) * Q for each tooth t, and the double of each but the top one.
    point = (x, y, 1, 1)
    chain = [point]
    for _ in range(1, TEETH):
        for i in range(COLUMNS):
            if i % _DOUBLINGS == 0:
                yield
            point = double(point)
            if i == 0:
                chain.append(point)
        chain.append(point)
    # In parts: each costs an inversion more, and all at once would be too long a slice.
    yield
    low = affine(chain[:4])
    yield
    chain = low + affine(chain[4:])
    yield
    total = chain[-1] + (1, 1)
    for tooth in range(TEETH - 1):
        x, y = chain[2 * tooth]
        total = add(total, x, P - y)
    points = [total]
    for tooth in range(TEETH - 1):
        yield
        x, y = chain[2 * tooth + 1]
        for i in range(len(points)):
            if i == 4:
                yield
            points.append(add(points[i], x, y))
    chain = None
    for first in range(0, len(points), 4):
        yield
        at = first * _POINT
        for x, y in affine(points[first : first + 4]):
            stored[at : at + 32] = x.to_bytes(32, "big")
            stored[at + 32 : at + 64] = y.to_bytes(32, "big")
            at += _POINT
    return stored


def add_stored(total, stored, digit, negative):
    """`total` plus the multiple of the stored point that a column's digit stands for, its sign turned if `negative`."""
    half = 1 << (TEETH - 1)
    if digit < half:
        digit = 2 * half - 1 - digit
        negative = not negative
    at = (digit - half) * _POINT
    y = int.from_bytes(stored[at + 32 : at + 64], "big")
    return add(total, int.from_bytes(stored[at : at + 32], "big"), P - y if negative else y)
