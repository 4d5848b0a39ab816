"""Compact JWS (RFC 7515) with ES256 only, the header written in one way only:

    {"alg":"ES256","kid":"<RFC 7638 thumbprint of the key>","typ":"<type>"}

Signing covers exactly the bytes that are sent. A verifier compares the header's text and parses no JSON; size,
form, algorithm, type and key are all settled before the first multiplication.
"""

import asyncio
import hashlib

from lib import base64url
from lib.p256_curve import N

_ALG = b'{"alg":'
_ES256 = b'"ES256"'
_HEAD = _ALG + _ES256 + b',"kid":"'
_TYPE = b'","typ":"'
_END = b'"}'
_KID = 43  # letters of a thumbprint


class JwsError(ValueError):
    """A refused token. `reason` is one of: size, form, base64, header, alg, typ, kid, signature."""

    def __init__(self, reason):
        super().__init__(reason)
        self.reason = reason


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
        header = _HEAD + self.kid.encode() + _TYPE + typ.encode() + _END
        message = base64url.encode(header) + b"." + base64url.encode(payload)
        digest = hashlib.sha256(message).digest()
        async with self._lock:
            signature = await _run(self._p256.sign_steps(self._key, digest))
        return message + b"." + base64url.encode(_low(signature))


async def verify(p256, compact, typ, keys, limit):
    """The payload's bytes of a token of type `typ` signed by one of `keys`, {kid: 64-byte public key}.

    `compact` is bytes or text of at most `limit` bytes. Raises JwsError for every token that is not right.
    """
    if len(compact) > limit:
        raise JwsError("size")
    if isinstance(compact, str):
        try:
            compact = compact.encode()
        except ValueError:  # half of a surrogate pair
            raise JwsError("base64")
    if compact.count(b".") != 2:
        raise JwsError("form")
    try:
        header, payload, signature = [base64url.decode(part) for part in compact.split(b".")]
    except ValueError:
        raise JwsError("base64")
    public = _key_of(header, typ, keys)
    if len(signature) != 64:
        raise JwsError("signature")
    digest = hashlib.sha256(compact[: compact.rfind(b".")]).digest()
    if not await _run(p256.verify_steps(public, digest, signature)):
        raise JwsError("signature")
    return payload


def _key_of(header, typ, keys):
    """The public key that the header names, if every other byte of it is as it must be."""
    if not header.startswith(_HEAD):
        other = header.startswith(_ALG) and not header.startswith(_ALG + _ES256)
        raise JwsError("alg" if other else "header")
    kid = header[len(_HEAD) : len(_HEAD) + _KID]
    rest = header[len(_HEAD) + _KID :]
    if not (rest.startswith(_TYPE) and rest.endswith(_END)):
        raise JwsError("header")
    if rest[len(_TYPE) : -len(_END)] != typ.encode():
        raise JwsError("typ")
    try:
        base64url.decode(kid)
        return keys[kid.decode()]
    except (ValueError, KeyError):
        raise JwsError("kid")


def _low(signature):
    # With s also n - s verifies. Were both taken, anyone could give a token second bytes, and a unit a clone.
    s = int.from_bytes(signature[32:], "big")
    return signature if s <= N >> 1 else signature[:32] + (N - s).to_bytes(32, "big")


async def _run(steps):
    while True:
        try:
            next(steps)
        except StopIteration as done:
            return done.value
        await asyncio.sleep(0)
