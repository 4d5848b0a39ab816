"""Reading a compact JWS as lib.p256_sign makes it. Loaded when one is to be checked, and forgotten after.

The header's text is compared and no JSON is parsed; size, form, algorithm, type and key are all settled here, before
anything is computed. Whether the signature is the key's is for lib.p256_verify.
"""

import hashlib

from lib import base64url

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


def read(compact, typ, keys, limit):
    """(payload, public key, digest, signature), all bytes, of a token of type `typ` that names one of `keys`.

    NOTHING OF IT IS PROVED until the signature over the digest is found to be the key's. `keys`: {kid: 64-byte public
    key}; `compact`: bytes or text of at most `limit` bytes. Raises JwsError for every token that is not as it must be.
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
    return payload, public, digest, signature


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
