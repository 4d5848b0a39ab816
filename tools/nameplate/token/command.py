"""Commands to units: made by the backend's key, signed, expiring, answered over the same nonce."""

import os
import time
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from nameplate.errors import USAGE, NameplateError
from nameplate.token import mint
from nameplate.token.base64url import encode
from nameplate.token.kinds import KINDS

LIFETIME_S = 60


def new_nonce() -> str:
    """16 random bytes as base64url: 22 characters."""
    return encode(os.urandom(16))


def command(
    ueid: str,
    method: str,
    key: mint.PrivateKey,
    nonce: str,
    *,
    params: dict[str, Any] | None = None,
    now: float | None = None,
    lifetime_s: int = LIFETIME_S,
) -> str:
    """A compact command to one board; publish it on its topic cmd. `now` is Unix seconds."""
    issued = int(time.time() if now is None else now)
    claims: dict[str, Any] = {"eat_profile": KINDS["command"].profile, "aud": ueid, "method": method}
    if params:
        claims["params"] = params
    claims |= {"eat_nonce": nonce, "iat": issued, "exp": issued + lifetime_s}
    return mint.sign("command", claims, key)


def load_key(path: Path) -> mint.PrivateKey:
    """A P-256 private key from a PEM file. Raises NameplateError."""
    try:
        key = serialization.load_pem_private_key(path.read_bytes(), password=None)
    except OSError as error:
        raise NameplateError(
            f"cannot read the key {path}: {error.strerror}", "give the backend's key", USAGE
        ) from None
    except (ValueError, TypeError):
        raise NameplateError(
            f"{path} is not a private key in PEM without a passphrase", "give the backend's key", USAGE
        ) from None
    if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(key.curve, ec.SECP256R1):
        raise NameplateError(f"{path} is not a P-256 key", "give the backend's key", USAGE)
    return key
