"""The nonces of deterministic ECDSA (RFC 6979 section 3.2) for P-256 with SHA-256.

The first number is the nonce; the next ones are for a caller whose r or s came out zero. No random number generator
is asked, so a board with a bad one still does not give its key away.
"""

from lib.hmac_sha256 import hmac_sha256


def nonces(key, digest, order):
    """Yield integers in 1..order-1 from the 32-byte private `key` and the 32-byte message `digest`."""
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
