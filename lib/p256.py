"""ECDSA on P-256 with SHA-256 digests, for keys and signatures as JOSE spells them: 32 bytes a number, big-endian.

Work is done in slices: `sign_steps` and `verify_steps` are generators whose value is the result, and between two
yields they do at most a fifth of a signature. `finish` runs one to its end; lib.jws runs them between other tasks.

NOT CONSTANT TIME. Every signature makes the same additions and doublings, and the nonce is blinded before it is
inverted, but the runtime's big integers take time that depends on their values, and which table entries are read
shows on the flash bus. Who can measure a board that closely can also read its flash.
"""

import hashlib

from lib.p256_comb import (
    BASE_COLUMNS,
    POINT_COLUMNS,
    PointTable,
    TableError,
    base_points,
    odd,
    point_digits,
)
from lib.p256_curve import N, P, add, affine, double, inverse, on_curve
from lib.rfc6979 import nonces

_ADDITIONS = 4  # in a slice of work


def finish(steps):
    """Run a generator of work to its end and return its value."""
    try:
        while True:
            next(steps)
    except StopIteration as done:
        return done.value


class P256:
    """Signs and verifies with the base point's table in the file `comb_path`.

    A damaged table raises TableError (an OSError) instead of giving a wrong signature. The table of the public key
    that was used last is kept (1 KiB), since a device hears mostly one signer; another key costs about six
    signatures more, once.
    """

    def __init__(self, comb_path):
        self._comb_path = comb_path
        self._public = None
        self._table = None

    def public(self, key):
        """The 64-byte public key of a 32-byte private one. Raises ValueError if it is no private key."""
        scalar, negative = odd(_private(key))
        x, y = affine([finish(self._sum(scalar, negative))])[0]
        return x.to_bytes(32, "big") + y.to_bytes(32, "big")

    def sign_steps(self, key, digest):
        """The 64-byte signature r || s over a 32-byte digest, with the nonce of RFC 6979."""
        d = _private(key)
        if len(digest) != 32:
            raise ValueError("digest is not 32 bytes")
        z = int.from_bytes(digest, "big")
        for nonce in nonces(key, digest, N):
            yield
            scalar, negative = odd(nonce)
            point = yield from self._sum(scalar, negative)
            yield
            x, _, zz, _ = point
            r = x * inverse(zz, P) % P % N
            yield
            # The time of an inversion depends on its number, so the nonce itself is never inverted. The factor is
            # unknown to whoever has no key, and needs no random number generator, as RFC 6979 needs none.
            blind = hashlib.sha256(key + nonce.to_bytes(32, "big")).digest()
            blind = int.from_bytes(blind, "big") % N or 1
            s = inverse(nonce * blind % N, N) * blind % N * ((z + r * d) % N) % N
            if r and s:
                return r.to_bytes(32, "big") + s.to_bytes(32, "big")

    def verify_steps(self, public, digest, signature):
        """Whether `signature` is the one of the 64-byte `public` key over a 32-byte digest. Anything odd is False."""
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
        table = self._table
        if public != self._public:
            table = PointTable()
            yield from table.make(x, y)
            self._public = bytes(public)
            self._table = table
            yield
        w = inverse(s, N)
        yield
        scalar, negative = odd(int.from_bytes(digest, "big") * w % N)
        point = yield from self._sum(scalar, negative, table, r * w % N)
        if point is None:
            return False
        # Compare x = X/ZZ with r without dividing; x may have been above N before r was reduced.
        x, _, zz, _ = point
        return not (x - r * zz) % P or (r + N < P and not (x - (r + N) * zz) % P)

    def _sum(self, scalar, negative, table=None, factor=0):
        """scalar * G (an odd scalar, its sign turned if `negative`) plus factor * the point of `table`."""
        base = yield from base_points(self._comb_path, scalar, negative)
        columns = BASE_COLUMNS
        if table:
            factor, factor_negative = odd(factor)
            digits = point_digits(factor)
            columns = POINT_COLUMNS
        total = None
        work = _ADDITIONS
        for column in range(columns - 1, -1, -1):
            if work >= _ADDITIONS:
                yield
                work = 0
            total = double(total)
            if table:
                total = table.add(total, digits[column], factor_negative)
                work += 2
            if column < BASE_COLUMNS:
                for x, y in base.pop(0):
                    total = add(total, x, y)
                work += 4
        # A flipped bit in the table leads off the curve. The wrong signature made there, and the right one of the same
        # digest, share a nonce: together they would tell the key.
        # Infinity is a sum only where a second point takes part: no private key and no nonce is a multiple of N.
        if not (on_curve(total) if total else table):
            raise TableError("p256 table damaged")
        return total


def _private(key):
    d = int.from_bytes(key, "big")
    if len(key) != 32 or not 0 < d < N:
        raise ValueError("not a P-256 private key")
    return d
