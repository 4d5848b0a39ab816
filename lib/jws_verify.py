"""Verifying a compact JWS as lib.jws makes it. Loaded when one is to be checked, and forgotten after.

The header's text is compared and no JSON is parsed; size, form, algorithm, type and key are all settled before the
first multiplication.
"""

import hashlib

from lib import base64url
from lib.jws import ALG, END, ES256, HEAD, TYPE, run

_KID = 43  # letters of a thumbprint


class JwsError(ValueError):
    """A refused token. `reason` is one of: size, form, base64, header, alg, typ, kid, signature."""

    def __init__(self, reason):
        super().__init__(reason)
        self.reason = reason


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
    if not await run(p256.verify_steps(public, digest, signature)):
        raise JwsError("signature")
    return payload


def _key_of(header, typ, keys):
    """The public key that the header names, if every other byte of it is as it must be."""
    if not header.startswith(HEAD):
        other = header.startswith(ALG) and not header.startswith(ALG + ES256)
        raise JwsError("alg" if other else "header")
    kid = header[len(HEAD) : len(HEAD) + _KID]
    rest = header[len(HEAD) + _KID :]
    if not (rest.startswith(TYPE) and rest.endswith(END)):
        raise JwsError("header")
    if rest[len(TYPE) : -len(END)] != typ.encode():
        raise JwsError("typ")
    try:
        base64url.decode(kid)
        return keys[kid.decode()]
    except (ValueError, KeyError):
        raise JwsError("kid")
