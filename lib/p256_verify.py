"""Verifying ECDSA on P-256, and preparing a key for it. Loaded when a signature is to be checked.

Half of a verification is a number times the public key. From the key alone that takes 256 doublings, which is more than
four signatures. So a key is prepared once, before the first signature by it is looked at: its teeth are its multiples
by 1, 2^52, 2^104, 2^156 and 2^208, 320 bytes which whoever vouches for the key keeps beside it. They make a comb of one
block of five teeth and 52 columns (see lib.p256) in half a signature's time.
"""

from lib.p256 import BASE_COLUMNS, N, P, add, affine, base_points, checked, double, inverse, odd, on_curve

TEETH = 5
COLUMNS = 52
_POINT = 64  # bytes of a stored point
TEETH_SIZE = TEETH * _POINT
_HALF = 1 << (TEETH - 1)
_LOW_OF_8 = int.from_bytes(b"\x01" * COLUMNS, "big")
_DOUBLINGS = 8  # in a slice of work


def teeth_steps(public):
    """Steps to the teeth of a 64-byte public key, which they begin with; None if it is no key. Five signatures' work."""
    if len(public) != _POINT or not on_curve_all(public):
        return None
    x, y = _coordinates(public)
    point = (x, y, 1, 1)
    chain = []
    for _ in range(1, TEETH):
        for i in range(COLUMNS):
            if i % _DOUBLINGS == 0:
                yield
            point = double(point)
        chain.append(point)
    yield
    teeth = bytes(public)
    for x, y in affine(chain):
        teeth += x.to_bytes(32, "big") + y.to_bytes(32, "big")
    return teeth


def steps(comb_path, teeth, digest, signature):
    """Steps to whether `signature` (r || s) over a 32-byte digest is by the key of these teeth. Anything odd is False.

    `comb_path` is the file of the base point's table; a damaged one raises TableError.
    """
    if len(teeth) != TEETH_SIZE or len(digest) != 32 or len(signature) != 64:
        return False
    r = int.from_bytes(signature[:32], "big")
    s = int.from_bytes(signature[32:], "big")
    if not (0 < r < N and 0 < s < N and on_curve_all(teeth)):
        return False
    yield
    w = inverse(s, N)
    yield
    table = yield from _table(teeth)
    # One sum for both products: its last columns are the base point's.
    scalar, negative = odd(int.from_bytes(digest, "big") * w % N)
    base = yield from base_points(comb_path, scalar, negative)
    scalar, negative = odd(r * w % N)
    total = None
    column = COLUMNS
    for digit in digits(scalar):
        column -= 1
        if column & 3 == 3 or column < BASE_COLUMNS:
            yield
        total = double(total)
        opposite = digit < _HALF
        x, y = table[_HALF - 1 - digit if opposite else digit - _HALF]
        total = add(total, x, y if opposite == negative else P - y)
        if column < BASE_COLUMNS:
            for x, y in base[BASE_COLUMNS - 1 - column]:
                total = add(total, x, y)
    if total is None:
        return False
    # Compare x = X/ZZ with r without dividing; x may have been above N before r was reduced.
    x, _, zz, _ = checked(total)
    return not (x - r * zz) % P or (r + N < P and not (x - (r + N) * zz) % P)


def digits(scalar):
    """The digits of an odd scalar for a comb of teeth, one for each column from the highest down."""
    length = TEETH * COLUMNS
    # One letter a bit, after a leading 1: so the bits of a tooth are the bytes of a number, and all columns go at once.
    letters = bin(((scalar + (1 << length) - 1) >> 1) + (1 << length))[3:].encode()
    found = 0
    for at in range(0, length, COLUMNS):
        found = found << 1 | int.from_bytes(letters[at : at + COLUMNS], "big") & _LOW_OF_8
    return found.to_bytes(COLUMNS, "big")


def _coordinates(stored):
    return int.from_bytes(stored[:32], "big"), int.from_bytes(stored[32:64], "big")


def on_curve_all(stored):
    """Whether each of the points stored one after the other is on the curve."""
    # The curve has no point (0, 0), and its cofactor is 1: a point on it is a key.
    for at in range(0, len(stored), _POINT):
        x, y = _coordinates(stored[at : at + _POINT])
        if x >= P or y >= P or not on_curve((x, y, 1, 1)):
            return False
    return True


def _table(teeth):
    """Steps to the comb's points: entry i is the top tooth, plus each other one whose bit of i is set, minus the rest."""
    t0, t1, t2, t3, top = [_coordinates(teeth[at : at + _POINT]) for at in range(0, TEETH_SIZE, _POINT)]
    low, high = yield from _both([(t1, t0), (t3, t2)])
    sums = yield from _both([(high[0], low[0]), (high[0], low[1]), (high[1], low[0]), (high[1], low[1])])
    upper = []  # of the lower four teeth, in the order of their bits, those with the fourth tooth added
    for at in (0, 2):
        upper += [sums[at + 1][0], sums[at][0], sums[at][1], sums[at + 1][1]]
    ends = yield from _both([(top, point) for point in upper])
    return [less for less, _ in reversed(ends)] + [more for _, more in ends]


def _both(pairs):
    """Steps to (a - b, a + b) of each pair (a, b) of affine points, never equal or opposite: one inversion for all."""
    p = P
    product = 1
    before = []
    for a, b in pairs:
        before.append(product)
        product = product * (b[0] - a[0]) % p
    yield
    rest = inverse(product, p)
    found = []
    while before:
        yield
        (x1, y1), (x2, y2) = pairs[len(before) - 1]
        one_over = rest * before.pop() % p
        rest = rest * (x2 - x1) % p
        both = []
        for y in (-y2, y2):
            slope = (y - y1) * one_over % p
            x = (slope * slope - x1 - x2) % p
            both.append((x, (slope * (x1 - x) - y1) % p))
        found.append(both)
    found.reverse()
    return found
