"""ECDSA on P-256 with SHA-256 digests, for keys and signatures as JOSE spells them: 32 bytes a number, big-endian.

Work is done in slices: `sign_steps` and `verify_steps` are generators whose value is the result, and between two
yields they do at most a fifth of a signature. `finish` runs one to its end; lib.jws runs them between other tasks.

NOT CONSTANT TIME. Every signature makes the same additions and doublings, and the nonce is blinded before it is
inverted, but the runtime's big integers take time that depends on their values, and which table entries are read
shows on the flash bus. Who can measure a board that closely can also read its flash.
"""

import hashlib

from lib.p256_comb import BASE_COLUMNS, TableError, base_points, odd
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
        self.checked = None  # the public key that was verified with last, and its table

    def public(self, key):
        """The 64-byte public key of a 32-byte private one. Raises ValueError if it is no private key."""
        scalar, negative = odd(_private(key))
        x, y = affine([finish(self.sum(scalar, negative))])[0]
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
            point = yield from self.sum(scalar, negative)
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
        # Loaded by who verifies: most boards hardly ever do. Who is done forgets lib.p256_verify and lib.p256_point.
        from lib import p256_verify

        return p256_verify.steps(self, public, digest, signature)

    def sum(self, scalar, negative, other=None):
        """Steps to scalar * G (an odd scalar, its sign turned if `negative`), plus `other`, a product being summed up.

        `other` has `columns`, and add(total, column), as lib.p256_verify makes it.
        """
        base = yield from base_points(self._comb_path, scalar, negative)
        total = None
        work = _ADDITIONS
        for column in range((other.columns if other else BASE_COLUMNS) - 1, -1, -1):
            if work >= _ADDITIONS:
                yield
                work = 0
            total = double(total)
            if other:
                total = other.add(total, column)
                work += 2
            if column < BASE_COLUMNS:
                for x, y in base.pop(0):
                    total = add(total, x, y)
                work += 4
        # A flipped bit in the table leads off the curve. The wrong signature made there, and the right one of the same
        # digest, share a nonce: together they would tell the key.
        # Infinity is a sum only where a second point takes part: no private key and no nonce is a multiple of N.
        if not (on_curve(total) if total else other):
            raise TableError("p256 table damaged")
        return total


def _private(key):
    d = int.from_bytes(key, "big")
    if len(key) != 32 or not 0 < d < N:
        raise ValueError("not a P-256 private key")
    return d
