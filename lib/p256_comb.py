"""Comb tables for P-256: a scalar times a point for one doubling per column and one addition per digit.

An odd scalar is written with 256 or more digits that are all +1 or -1. Bit `column` of tooth `tooth` of block `block`
weighs 2^(columns * (teeth * block + tooth) + column); the teeth of one block and column make one digit, which picks
one stored point, and its top tooth is the sign, so half the points are stored. No digit is zero: the sequence of
additions is the same for every scalar. Stored points are 64 bytes, x || y, big-endian.

The base point has eight blocks of eight teeth and four columns: 32 points to add and 3 doublings, and a table of
64 KiB, which is a file on flash (nameplate.factory.comb writes it). A sum reads its 32 points and nothing else. Any other
point gets one block of five teeth and 52 columns, whose table of 1 KiB is made when a key is first used.
"""

from lib.p256_curve import N, P, add, affine, double, inverse

BASE_TEETH = 8
BASE_COLUMNS = 4
BASE_BLOCKS = 8
POINT_TEETH = 5
POINT_COLUMNS = 52

_POINT = 64  # bytes of a stored point
_BLOCK = _POINT << (BASE_TEETH - 1)  # bytes of a block of the base table
_DOUBLINGS = 5  # in a slice of work

_LOW_OF_4 = int.from_bytes(b"\x11" * 32, "big")
_LOW_2_OF_8 = int.from_bytes(b"\x03" * 32, "big")
_LOW_4_OF_16 = int.from_bytes(b"\x00\x0f" * 16, "big")


class TableError(OSError):
    """The base table is cut short, or holds what is no point of the curve."""


def odd(scalar):
    """(odd, negative): the odd one of scalar and N - scalar, and whether the product wants its sign turned."""
    return (scalar, False) if scalar & 1 else (N - scalar, True)


def base_digits(scalar):
    """For each column the digits of an odd scalar for the base table: the one of block b is byte 4 * b."""
    bits = (scalar + (1 << 256) - 1) >> 1
    rows = []
    for column in range(BASE_COLUMNS):
        # Every fourth bit, gathered eight to a byte: in all blocks at once, by folding the long integer.
        row = bits >> column & _LOW_OF_4
        row = (row | row >> 3) & _LOW_2_OF_8
        row = (row | row >> 6) & _LOW_4_OF_16
        rows.append((row | row >> 12).to_bytes(32, "little"))
    return rows


def point_digits(scalar):
    """The digits of an odd scalar for a point's table, one for each column."""
    length = POINT_TEETH * POINT_COLUMNS
    bits = (scalar + (1 << length) - 1) >> 1
    digits = bytearray(POINT_COLUMNS)
    for tooth in range(POINT_TEETH):
        row = (bits >> POINT_COLUMNS * tooth).to_bytes(40, "little")
        for column in range(POINT_COLUMNS):
            digits[column] |= (row[column >> 3] >> (column & 7) & 1) << tooth
    return digits


def base_points(path, scalar, negative):
    """Steps whose value is, for each column of an odd scalar from the highest down, the four points to add.

    Their signs are turned if `negative`.

    Each is the sum of the stored points of two neighbouring blocks. Adding in affine coordinates needs an inversion,
    but all sixteen sums share one, and then cost less than an addition in the others. Stored points of two blocks are
    never equal or opposite, so these sums have no special cases.
    """
    p = P
    half = 1 << (BASE_TEETH - 1)
    stored = bytearray(_POINT)
    stored_x = memoryview(stored)[:32]
    stored_y = memoryview(stored)[32:]
    pairs = []
    products = []
    product = 1
    x1 = y1 = 0
    with open(path, "rb") as file:
        for row in base_digits(scalar):
            for block in range(BASE_BLOCKS):
                entry = row[4 * block] - half
                opposite = entry < 0
                if opposite:
                    entry = -1 - entry
                file.seek(block * _BLOCK + entry * _POINT)
                if file.readinto(stored) != _POINT:
                    raise TableError("p256 table cut short")
                x2 = int.from_bytes(stored_x, "big")
                y2 = int.from_bytes(stored_y, "big")
                if opposite != negative:
                    y2 = p - y2
                if block & 1:
                    pairs.append((x1, y1, x2, y2))
                    products.append(product)
                    product = product * (x2 - x1) % p
                x1 = x2
                y1 = y2
    yield
    rest = inverse(product, p)
    columns = []
    for column in range(BASE_COLUMNS):
        if column & 1 == 0:
            yield
        sums = []
        for _ in range(BASE_BLOCKS // 2):
            x1, y1, x2, y2 = pairs.pop()
            slope = rest * products.pop() % p * (y2 - y1) % p
            rest = rest * (x2 - x1) % p
            x = (slope * slope - x1 - x2) % p
            sums.append((x, (slope * (x1 - x) - y1) % p))
        columns.append(sums)
    return columns


class PointTable:
    """The table of one point, made in slices by `make`."""

    def __init__(self):
        self._stored = memoryview(bytearray(_POINT << (POINT_TEETH - 1)))

    def make(self, x, y):
        # 2^(52 t) * Q for each tooth t, and the double of each but the top one.
        point = (x, y, 1, 1)
        chain = [point]
        for _ in range(1, POINT_TEETH):
            for i in range(POINT_COLUMNS):
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
        for tooth in range(POINT_TEETH - 1):
            x, y = chain[2 * tooth]
            total = add(total, x, P - y)
        points = [total]
        for tooth in range(POINT_TEETH - 1):
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
                self._stored[at : at + 32] = x.to_bytes(32, "big")
                self._stored[at + 32 : at + 64] = y.to_bytes(32, "big")
                at += _POINT

    def add(self, total, digit, negative):
        half = 1 << (POINT_TEETH - 1)
        if digit < half:
            digit = 2 * half - 1 - digit
            negative = not negative
        at = (digit - half) * _POINT
        y = int.from_bytes(self._stored[at + 32 : at + 64], "big")
        return add(total, int.from_bytes(self._stored[at : at + 32], "big"), P - y if negative else y)
