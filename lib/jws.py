"""Compact JWS (RFC 7515) with ES256 only, the header written in one way only:

    {"alg":"ES256","kid":"<RFC 7638 thumbprint of the key>","typ":"<type>"}

Signing covers exactly the bytes that are sent. Verifying is in lib.jws_verify.
"""

import asyncio
import hashlib

from lib import base64url
from lib.p256_curve import N

ALG = b'{"alg":'
ES256 = b'"ES256"'
HEAD = ALG + ES256 + b',"kid":"'
TYPE = b'","typ":"'
END = b'"}'


def thumbprint(public):
    """The RFC 7638 thumbprint of a 64-byte P-256 public key, as text."""
    x = base64url.encode(public[:32])
    y = base64url.encode(public[32:])
    jwk = b'{"crv":"P-256","kty":"EC","x":"' + x + b'","y":"' + y + b'"}'
    return base64url.encode(hashlib.sha256(jwk).digest()).decode()


class Signer:
    """One private key. Signatures are made one at a time, in slices between which other tasks run."""

    def __init__(self, p256, key):
        self._p256 = p256
        self._key = key
        self._lock = asyncio.Lock()
        self.public = p256.public(key)
        self.kid = thumbprint(self.public)

    async def sign(self, typ, payload):
        """The compact token, as bytes, of the payload's bytes and the whole `typ` of its header."""
        header = HEAD + self.kid.encode() + TYPE + typ.encode() + END
        message = base64url.encode(header) + b"." + base64url.encode(payload)
        digest = hashlib.sha256(message).digest()
        async with self._lock:
            signature = await run(self._p256.sign_steps(self._key, digest))
        return message + b"." + base64url.encode(_low(signature))


def _low(signature):
    # With s also n - s verifies. Were both taken, anyone could give a token second bytes, and a unit a clone.
    s = int.from_bytes(signature[32:], "big")
    return signature if s <= N >> 1 else signature[:32] + (N - s).to_bytes(32, "big")


async def run(steps):
    """Take the steps of some work to their end, letting other tasks run between two, and return its value."""
    while True:
        try:
            next(steps)
        except StopIteration as done:
            return done.value
        await asyncio.sleep(0)
