"""The curve P-256 (FIPS 186-4, D.1.2.3): inversion, and points in the coordinates that cost the least here.

A point is None (infinity) or a tuple (X, Y, ZZ, ZZZ) with x = X/ZZ, y = Y/ZZZ and ZZ^3 = ZZZ^2, added only to affine
points (x, y). On this runtime a product of two 256-bit integers is cheap and `%` costs three of them, so these
coordinates were chosen for their count of `%`: nine in an addition, eight in a doubling. Clever reductions for this
prime lose: each big-integer operation allocates. Not constant time.
"""

P = 0xFFFFFFFF00000001000000000000000000000000FFFFFFFFFFFFFFFFFFFFFFFF
N = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
B = 0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B

_WORD_MAX = 0x3FFFFFFF  # the largest small int of a 32-bit interpreter
_HALF = 0x8000


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
