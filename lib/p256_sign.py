"""Compact JWS with ES256 (RFC 7515, ECDSA on P-256 with SHA-256). Loaded when something is signed, and forgotten after.

The header is written in one way only: {"alg":"ES256","kid":"<RFC 7638 thumbprint of the key>","typ":"<type>"}. Signing
covers exactly the bytes that are sent. Numbers are as JOSE spells them: 32 bytes, big-endian.

The nonce is that of RFC 6979 (section 3.2): no random number generator is asked, so a board with a bad one still does
not give its key away. Every signature makes the same additions and doublings, and the nonce is blinded before it is
inverted; for the rest see lib.p256 on time that depends on secrets.
"""

import hashlib

from lib import base64url
from lib.p256 import N, P, affine, base_product, finish, inverse, odd

_BLOCK = 64
_INNER = int.from_bytes(b"\x36" * _BLOCK, "big")
_OUTER = int.from_bytes(b"\x5c" * _BLOCK, "big")


def token_steps(comb_path, key, kid, typ, payload):
    """Steps to the compact token, as bytes, of a payload's bytes and the whole `typ` of the header."""
    header = b'{"alg":"ES256","kid":"' + kid.encode() + b'","typ":"' + typ.encode() + b'"}'
    message = base64url.encode(header) + b"." + base64url.encode(payload)
    signature = yield from steps(comb_path, key, hashlib.sha256(message).digest())
    return message + b"." + base64url.encode(_low(signature))


def steps(comb_path, key, digest):
    """Steps to the 64-byte signature r || s over a 32-byte digest; `comb_path` is the file of the base point's table.

    A damaged table raises TableError (an OSError) instead of giving a wrong signature.
    """
    d = _private(key)
    if len(digest) != 32:
        raise ValueError("digest is not 32 bytes")
    z = int.from_bytes(digest, "big")
    for nonce in nonces(key, digest, N):
        yield
        scalar, negative = odd(nonce)
        x, _, zz, _ = yield from base_product(comb_path, scalar, negative)
        yield
        r = x * inverse(zz, P) % P % N
        yield
        # The time of an inversion depends on its number, so the nonce itself is never inverted. The factor is unknown
        # to whoever has no key, and needs no random number generator either.
        blind = hashlib.sha256(key + nonce.to_bytes(32, "big")).digest()
        blind = int.from_bytes(blind, "big") % N or 1
        s = inverse(nonce * blind % N, N) * blind % N * ((z + r * d) % N) % N
        if r and s:
            return r.to_bytes(32, "big") + s.to_bytes(32, "big")


def _low(signature):
    """Of the two signatures that verify, (r, s) and (r, n - s), the smaller.

    Were both sent, anyone could give a token second bytes, and a unit a clone.
    """
    s = int.from_bytes(signature[32:], "big")
    return signature if s <= N >> 1 else signature[:32] + (N - s).to_bytes(32, "big")


def public_of(comb_path, key):
    """The 64-byte public key, x || y, of a 32-byte private one. Raises ValueError if it is no private key."""
    scalar, negative = odd(_private(key))
    x, y = affine([finish(base_product(comb_path, scalar, negative))])[0]
    return x.to_bytes(32, "big") + y.to_bytes(32, "big")


def thumbprint(public):
    """The RFC 7638 thumbprint of a 64-byte public key, as text."""
    x = base64url.encode(public[:32])
    y = base64url.encode(public[32:])
    jwk = b'{"crv":"P-256","kty":"EC","x":"' + x + b'","y":"' + y + b'"}'
    return base64url.encode(hashlib.sha256(jwk).digest()).decode()


def _private(key):
    d = int.from_bytes(key, "big")
    if len(key) != 32 or not 0 < d < N:
        raise ValueError("not a P-256 private key")
    return d


def nonces(key, digest, order):
    """Yield integers in 1..order-1 from the 32-byte private `key` and the 32-byte message `digest`.

    The first is the nonce; the next ones are for a caller whose r or s came out zero.
    """
    reduced = (int.from_bytes(digest, "big") % order).to_bytes(32, "big")
    v = b"\x01" * 32
    k = bytes(32)
    for mark in (b"\x00", b"\x01"):
        k = hmac_sha256(k, v + mark + key + reduced)
        v = hmac_sha256(k, v)
    while True:
        v = hmac_sha256(k, v)
        nonce = int.from_bytes(v, "big")
        if 0 < nonce < order:
            yield nonce
        k = hmac_sha256(k, v + b"\x00")
        v = hmac_sha256(k, v)


def hmac_sha256(key, message):
    """HMAC-SHA-256 (RFC 2104). The runtime has no hmac module, and its sha256 objects cannot be copied."""
    if len(key) > _BLOCK:
        key = hashlib.sha256(key).digest()
    # The whole block is one integer: two exclusive-ors instead of a loop over 128 bytes.
    block = int.from_bytes(key + bytes(_BLOCK - len(key)), "big")
    inner = hashlib.sha256((block ^ _INNER).to_bytes(_BLOCK, "big"))
    inner.update(message)
    outer = hashlib.sha256((block ^ _OUTER).to_bytes(_BLOCK, "big"))
    outer.update(inner.digest())
    return outer.digest()
