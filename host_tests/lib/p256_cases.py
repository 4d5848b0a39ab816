"""Cases for P-256 from the `cryptography` package, which p256_batch works through on any interpreter.

A case is one line: `sign PRIVATE DIGEST SIGNATURE` or `verify PUBLIC DIGEST SIGNATURE 0|1`, numbers in hexadecimal.
"""

import random
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import (
    Prehashed,
    decode_dss_signature,
    encode_dss_signature,
)

N = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551

_RANDOM_NONCE = ec.ECDSA(Prehashed(hashes.SHA256()))
_DETERMINISTIC = ec.ECDSA(Prehashed(hashes.SHA256()), deterministic_signing=True)

SCRIPT = (Path(__file__).parent / "p256_batch.py").read_text()


def private_key(scalar):
    return ec.derive_private_key(scalar, ec.SECP256R1())


def public_bytes(key):
    """x || y of a private or public key of `cryptography`."""
    public = key.public_key() if hasattr(key, "public_key") else key
    numbers = public.public_numbers()
    return numbers.x.to_bytes(32, "big") + numbers.y.to_bytes(32, "big")


def sign(key, digest, deterministic=False):
    """r || s by `cryptography`, with a random nonce or that of RFC 6979."""
    r, s = decode_dss_signature(key.sign(digest, _DETERMINISTIC if deterministic else _RANDOM_NONCE))
    return r.to_bytes(32, "big") + s.to_bytes(32, "big")


def is_valid(public, digest, signature):
    """What `cryptography` says of it: x || y that is no point counts as not valid."""
    try:
        key = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), b"\x04" + public)
        r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
        key.verify(encode_dss_signature(r, s), digest, _RANDOM_NONCE)
    except (ValueError, InvalidSignature):
        return False
    return True


def cases(count, seed, keys):
    """Lines of `count` rounds over `keys` private keys: sign, verify the other's signature, verify an altered one."""
    chance = random.Random(seed)
    lines = []
    for number in range(keys):
        key = private_key(chance.randrange(1, N))
        private = key.private_numbers().private_value.to_bytes(32, "big")
        public = public_bytes(key)
        for _ in range(number, count, keys):
            digest = chance.randbytes(32)
            lines.append(f"sign {private.hex()} {digest.hex()} {sign(key, digest, deterministic=True).hex()}")
            signature = sign(key, digest)
            lines.append(f"verify {public.hex()} {digest.hex()} {signature.hex()} 1")
            altered = [public, digest, signature]
            # Mostly digest and signature: an altered key is another key, which is to be prepared.
            part = chance.choice((0, 1, 1, 1, 2, 2, 2, 2)) if number % 8 == 0 else chance.choice((1, 2))
            bit = chance.randrange(8 * len(altered[part]))
            flipped = int.from_bytes(altered[part], "big") ^ 1 << bit
            altered[part] = flipped.to_bytes(len(altered[part]), "big")
            verdict = int(is_valid(*altered))
            lines.append(f"verify {altered[0].hex()} {altered[1].hex()} {altered[2].hex()} {verdict}")
    return lines
