"""Comb tables for P-256: a scalar times a point for one doubling per column and one addition per digit.

An odd scalar is written with 256 or more digits that are all +1 or -1. Bit `column` of tooth `tooth` of block `block`
weighs 2^(columns * (teeth * block + tooth) + column); the teeth of one block and column make one digit, which picks
one stored point, and its top tooth is the sign, so half the points are stored. No digit is zero: the sequence of
additions is the same for every scalar. Stored points are 64 bytes, x || y, big-endian.

The base point has eight blocks of eight teeth and four columns: 32 points to add and 3 doublings, and a table of
64 KiB, which is a file on flash (nameplate.factory.comb writes it). A sum reads its 32 points and nothing else. For any
other point see lib.p256_point.
"""

from lib.p256_curve import N, P, inverse

BASE_TEETH = 8
BASE_COLUMNS = 4
BASE_BLOCKS = 8

_POINT = 64  # bytes of a stored point
_BLOCK = _POINT << (BASE_TEETH - 1)  # bytes of a block of the base table

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
