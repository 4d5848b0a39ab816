"""P-256: the curve, the base point's comb table, and a number times the base point. ECDSA is in p256_sign and p256_verify.

Loaded for a signature or a verification, and forgotten soon after (lib.jws.Curve).

A point (FIPS 186-4, D.1.2.3) is None (infinity) or a tuple (X, Y, ZZ, ZZZ) with x = X/ZZ, y = Y/ZZZ and ZZ^3 = ZZZ^2,
added only to affine points (x, y). On this runtime a product of two 256-bit integers is cheap and `%` costs three of
them, so these coordinates were chosen for their count of `%`: nine in an addition, eight in a doubling. Clever
reductions for this prime lose: each big-integer operation allocates.

The comb: an odd scalar is written with 256 or more digits that are all +1 or -1. Bit `column` of tooth `tooth` of
block `block` weighs 2^(columns * (teeth * block + tooth) + column); the teeth of one block and column make one digit,
which picks one stored point, and its top tooth is the sign, so half the points are stored. No digit is zero: the
sequence of additions is the same for every scalar. The base point has eight blocks of eight teeth and four columns: 32
points to add and 3 doublings, and a table of 64 KiB, which is a file on flash (nameplate.factory.comb writes it).
A sum reads its 32 points, 64 bytes each, x || y, big-endian, and nothing else.

Work is done in slices: what is called steps is a generator whose value is the result, and between two yields it does at
most a fifth of a signature. `finish` runs one to its end; lib.jws runs them between other tasks.

NOT CONSTANT TIME. The runtime's big integers take time that depends on their values, and which table entries are read
shows on the flash bus. Who can measure a board that closely can also read its flash.
"""

P = 0xFFFFFFFF00000001000000000000000000000000FFFFFFFFFFFFFFFFFFFFFFFF
N = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
B = 0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B

BASE_TEETH = 8
BASE_COLUMNS = 4
BASE_BLOCKS = 8

_POINT = 64  # bytes of a stored point
_BLOCK = _POINT << (BASE_TEETH - 1)  # bytes of a block of the base table

_WORD_MAX = 0x3FFFFFFF  # the largest small int of a 32-bit interpreter
_HALF = 0x8000
_LOW_OF_4 = int.from_bytes(b"\x11" * 32, "big")
_LOW_2_OF_8 = int.from_bytes(b"\x03" * 32, "big")
_LOW_4_OF_16 = int.from_bytes(b"\x00\x0f" * 16, "big")


class TableError(OSError):
    """The base table is cut short, or holds what is no point of the curve."""


def finish(steps):
    """Run a generator of work to its end and return its value."""
    try:
        while True:
            next(steps)
    except StopIteration as done:
        return done.value


def inverse(a, m):
    """1/a modulo the prime m (256 bits), for 0 < a < m. pow(a, -1, m) silently gives 0 on this runtime.

    Lehmer's extended Euclid: quotients come from the 30 leading bits, which are small integers, and reach the long
    numbers once for every 15 bits. A quotient of the leading bits may be wrong for the long numbers; that is
    harmless, since each step keeps gcd(r0, r1) and r = t*a modulo m whatever its quotient, and only the signs want
    mending. Ten times quicker than pow(a, m - 2, m).
    """
    r0, t0 = m, 0
    r1, t1 = a, 1
    shift = 226
    while r1:
        x = r0 >> shift
        y = r1 >> shift
        while x > _WORD_MAX:
            x >>= 1
            y >>= 1
            shift += 1
        # With no bits cut off the quotients are exact, and Euclid runs to its end.
        stop = _HALF if shift else 0
        if y > stop:
            # x = u0*r0 - v0*r1 and y = v1*r1 - u1*r0, in units of the leading bits.
            u0 = v1 = 1
            u1 = v0 = 0
            while True:
                q = x // y
                x -= q * y
                u0 += q * u1
                v0 += q * v1
                if x <= stop:
                    break
                q = y // x
                y -= q * x
                u1 += q * u0
                v1 += q * v0
                if y <= stop:
                    break
            r0, r1 = u0 * r0 - v0 * r1, v1 * r1 - u1 * r0
            t0, t1 = u0 * t0 - v0 * t1, v1 * t1 - u1 * t0
            if r0 < 0:
                r0, t0 = -r0, -t0
            if r1 < 0:
                r1, t1 = -r1, -t1
            if r0 < r1:
                r0, r1, t0, t1 = r1, r0, t1, t0
        else:
            q = r0 // r1
            r0, r1 = r1, r0 - q * r1
            t0, t1 = t1, t0 - q * t1
        shift = shift - 15 if shift > 15 else 0
    return t0 % m


def double(point):
    if point is None:
        return None
    p = P
    x, y, zz, zzz = point
    u = y + y
    v = u * u % p
    w = u * v % p
    s = x * v % p
    m = 3 * (x - zz) * (x + zz) % p
    x3 = (m * m - s - s) % p
    return x3, (m * (s - x3) - w * y) % p, v * zz % p, w * zzz % p


def add(point, x2, y2):
    """`point` plus the affine (x2, y2)."""
    if point is None:
        return x2, y2, 1, 1
    p = P
    x, y, zz, zzz = point
    h = (x2 * zz - x) % p
    r = (y2 * zzz - y) % p
    if not h:
        return None if r else double(point)
    hh = h * h % p
    hhh = h * hh % p
    v = x * hh % p
    x3 = (r * r - hhh - v - v) % p
    return x3, (r * (v - x3) - y * hhh) % p, zz * hh % p, zzz * hhh % p


def on_curve(point):
    """Whether a point's x and y satisfy y^2 = x^3 - 3x + b. An affine one is (x, y, 1, 1)."""
    p = P
    x, y, zz, _ = point
    zz2 = zz * zz % p
    return zz2 and not (x * ((x * x - 3 * zz2) % p) + B * (zz2 * zz % p) - y * y) % p


def affine(points):
    """The affine (x, y) of each point, none of them infinity, for one inversion in all."""
    p = P
    product = 1
    before = []
    for point in points:
        before.append(product)
        product = product * point[3] % p
    rest = inverse(product, p)
    found = []
    for i in range(len(points) - 1, -1, -1):
        x, y, zz, zzz = points[i]
        inverse_zzz = rest * before[i] % p
        rest = rest * zzz % p
        inverse_z = zz * inverse_zzz % p
        found.append((x * (inverse_z * inverse_z % p) % p, y * inverse_zzz % p))
    found.reverse()
    return found


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


def base_product(path, scalar, negative):
    """Steps to scalar * G (an odd scalar, its sign turned if `negative`). `path`: the table's file."""
    columns = yield from base_points(path, scalar, negative)
    total = None
    for column in columns:
        yield
        total = double(total)
        for x, y in column:
            total = add(total, x, y)
    return checked(total)


def checked(total):
    """`total`, if it is on the curve; else TableError.

    A flipped bit in the table leads off the curve. The wrong signature made there, and the right one of the same digest,
    share a nonce: together they would tell the key.
    """
    if not (total and on_curve(total)):
        raise TableError("p256 table damaged")
    return total
