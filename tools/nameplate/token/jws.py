"""Compact JWS, read as strictly as it can be: ES256 only, one exact header, one spelling of every byte."""

import hashlib
import json
import math
from collections.abc import Collection
from functools import lru_cache
from typing import Any, NamedTuple

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from nameplate.token.base64url import decode
from nameplate.token.kinds import BY_TYP, KINDS, LIMIT, Kind
from nameplate.token.mint import ORDER, PublicKey, header_bytes
from nameplate.token.verdict import Rejected

_ES256 = ec.ECDSA(hashes.SHA256())
_SIGNATURE_CHARACTERS = 86
_OTHER_CURVES = frozenset({"ES384", "ES512", "ES256K", "EdDSA", "Ed25519", "Ed448"})
_HEADERS_KEPT = 65536


class Token(NamedTuple):
    """A token whose form is right; nothing in it is believed yet.

    `compact` is the whole token, `kind` and `kid` what its header says.
    """

    compact: bytes
    kind: Kind
    kid: str
    payload: str
    signature: bytes

    def is_signed_by(self, key: PublicKey) -> bool:
        """Whether `key` signed exactly these bytes."""
        r, s = int.from_bytes(self.signature[:32], "big"), int.from_bytes(self.signature[32:], "big")
        try:
            key.verify(encode_dss_signature(r, s), self.compact[: -_SIGNATURE_CHARACTERS - 1], _ES256)
        except InvalidSignature:
            return False
        return True

    @property
    def has_low_s(self) -> bool:
        """Whether s is the smaller of the two values that verify. The other is anyone's to write."""
        return int.from_bytes(self.signature[32:], "big") <= ORDER // 2

    def signed_digest(self) -> bytes:
        """SHA-256 of the part that is signed: the same whichever s is written."""
        return hashlib.sha256(self.compact[: -_SIGNATURE_CHARACTERS - 1]).digest()

    def digest(self) -> bytes:
        """SHA-256 of the compact token."""
        return hashlib.sha256(self.compact).digest()

    def claims(self) -> dict[str, Any]:
        """The payload as JSON. Raises Rejected: base64url, not-json, duplicate-key."""
        return strict_json(_bytes(self.payload, "payload"), "payload")


def parse(compact: bytes | str, kinds: Collection[str] | None = None) -> Token:
    """Check the form of a token before any arithmetic; `kinds` names those expected here (None: any).

    Raises Rejected with the reason.
    """
    data = compact if isinstance(compact, bytes) else compact.encode("utf-8", "surrogatepass")
    if len(data) > LIMIT:
        raise Rejected("oversize", f"{len(data)} bytes")
    try:
        text = data.decode("ascii")
    except UnicodeDecodeError:
        raise Rejected("not-jws") from None
    parts = text.split(".")
    if len(parts) == 2:
        _header(parts[0])
        raise Rejected("cut-signature", "no third part")
    if len(parts) != 3:
        raise Rejected("not-jws", f"{len(parts)} parts")
    kind, kid = _header(parts[0])
    if kinds is not None and kind.name not in kinds:
        raise Rejected("wrong-kind", f"{kind.name}, expected {' or '.join(sorted(kinds))}")
    if len(data) > kind.limit:
        raise Rejected("oversize", f"{len(data)} bytes, at most {kind.limit}")
    signature = parts[2]
    if len(signature) < _SIGNATURE_CHARACTERS:
        raise Rejected("cut-signature", f"{len(signature)} of {_SIGNATURE_CHARACTERS} characters")
    if len(signature) > _SIGNATURE_CHARACTERS:
        raise Rejected("signature-size")
    return Token(data, kind, kid, parts[1], _bytes(signature, "signature"))


def strict_json(data: bytes, what: str) -> dict[str, Any]:
    """A JSON object in UTF-8 with no name twice, no NaN, no infinity. Raises Rejected."""
    try:
        value = _DECODER.decode(data.decode("utf-8"))
    except (ValueError, RecursionError):
        raise Rejected("not-json", what) from None
    if not isinstance(value, dict):
        raise Rejected("not-json", what)
    return value


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise Rejected("duplicate-key")
    return members


def _number(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError("not a finite number")
    return value


def _constant(text: str) -> None:
    raise ValueError(f"{text} is not JSON")


_DECODER = json.JSONDecoder(object_pairs_hook=_object, parse_float=_number, parse_constant=_constant)


def _bytes(text: str, what: str) -> bytes:
    try:
        return decode(text)
    except ValueError as error:
        raise Rejected("base64url", f"{what}: {error}") from None


@lru_cache(maxsize=_HEADERS_KEPT)
def _header(segment: str) -> tuple[Kind, str]:
    """Kind and kid of a header. A unit sends the same one every time, so right ones are remembered."""
    data = _bytes(segment, "header")
    header = strict_json(data, "header")
    alg, typ, kid = header.get("alg"), header.get("typ"), header.get("kid")
    if isinstance(alg, str) and alg.lower() == "none":
        raise Rejected("alg-none")
    if isinstance(alg, str) and alg in _OTHER_CURVES:
        raise Rejected("other-curve", alg)
    if alg != "ES256":
        raise Rejected("other-alg", alg if isinstance(alg, str) and alg.isalnum() and len(alg) <= 16 else "")
    kind = BY_TYP.get(typ) if isinstance(typ, str) else None
    if kind is None:
        raise Rejected("wrong-kind", "its typ is none of Nameplate's")
    if not isinstance(kid, str) or not _is_thumbprint(kid):
        raise Rejected("wrong-kid", "not a thumbprint")
    if data != header_bytes(kind.name, kid):
        raise Rejected("header")
    return kind, kid


def _is_thumbprint(kid: str) -> bool:
    try:
        return len(decode(kid)) == 32
    except ValueError:
        return False


def kind_of(name: str) -> Kind:
    """The kind called `name`. Raises ValueError naming the twelve there are."""
    try:
        return KINDS[name]
    except KeyError:
        raise ValueError(f"no kind {name!r}; there are {', '.join(KINDS)}") from None
