"""Verifying with lib.p256: loaded when a signature is to be checked, and forgotten after."""

from lib import p256_point
from lib.p256_comb import odd
from lib.p256_curve import N, P, inverse, on_curve


def steps(curve, public, digest, signature):
    """Steps whose value is whether `signature` is that of `public` over `digest`; `curve` is a lib.p256.P256."""
    if len(public) != 64 or len(digest) != 32 or len(signature) != 64:
        return False
    r = int.from_bytes(signature[:32], "big")
    s = int.from_bytes(signature[32:], "big")
    if not (0 < r < N and 0 < s < N):
        return False
    x = int.from_bytes(public[:32], "big")
    y = int.from_bytes(public[32:], "big")
    # The curve has no point (0, 0), and its cofactor is 1: a point on it is a key.
    if x >= P or y >= P or not on_curve((x, y, 1, 1)):
        return False
    checked = curve.checked
    if checked is None or checked[0] != public:
        table = yield from p256_point.table(x, y)
        checked = curve.checked = (bytes(public), table)
        yield
    w = inverse(s, N)
    yield
    product = _Product(checked[1], r * w % N)
    yield
    scalar, negative = odd(int.from_bytes(digest, "big") * w % N)
    point = yield from curve.sum(scalar, negative, product)
    if point is None:
        return False
    # Compare x = X/ZZ with r without dividing; x may have been above N before r was reduced.
    x, _, zz, _ = point
    return not (x - r * zz) % P or (r + N < P and not (x - (r + N) * zz) % P)


class _Product:
    """factor * the point of a table, column by column."""

    columns = p256_point.COLUMNS

    def __init__(self, table, factor):
        factor, self._negative = odd(factor)
        self._table = memoryview(table)
        self._digits = p256_point.digits(factor)

    def add(self, total, column):
        return p256_point.add_stored(total, self._table, self._digits[column], self._negative)
