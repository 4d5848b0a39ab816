"""HMAC-SHA-256 (RFC 2104). The runtime has no hmac module, and its sha256 objects cannot be copied."""

import hashlib

_BLOCK = 64
_INNER = int.from_bytes(b"\x36" * _BLOCK, "big")
_OUTER = int.from_bytes(b"\x5c" * _BLOCK, "big")


def hmac_sha256(key, message):
    if len(key) > _BLOCK:
        key = hashlib.sha256(key).digest()
    # The whole block is one integer: two exclusive-ors instead of a loop over 128 bytes.
    block = int.from_bytes(key + bytes(_BLOCK - len(key)), "big")
    inner = hashlib.sha256((block ^ _INNER).to_bytes(_BLOCK, "big"))
    inner.update(message)
    outer = hashlib.sha256((block ^ _OUTER).to_bytes(_BLOCK, "big"))
    outer.update(inner.digest())
    return outer.digest()
