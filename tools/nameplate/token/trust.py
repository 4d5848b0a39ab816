"""The trust file: the manufacturer's public keys by role, and what is revoked (docs/wire.md, section 8)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nameplate.errors import USAGE, NameplateError
from nameplate.token import schemas
from nameplate.token.base64url import decode
from nameplate.token.jws import strict_json
from nameplate.token.mint import PublicKey, public_key, thumbprint
from nameplate.token.verdict import Rejected, sentence

_HINT = "use the JWK Set the manufacturer publishes (`nameplate factory keys` writes one)"


@dataclass(frozen=True, slots=True)
class TrustedKey:
    """One key of the manufacturer: its thumbprint, its one role, and the manufacturer it is limited to, if any."""

    kid: str
    role: str
    public: PublicKey
    oemid: int | None = None


@dataclass(frozen=True, slots=True)
class Trust:
    """Whom a receiver believes. `revoked` holds thumbprints and ueids, with the reason given or ""."""

    keys: Mapping[str, TrustedKey]
    revoked: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def load(cls, path: str | Path) -> "Trust":
        """Read a trust file. Raises NameplateError when it cannot be read or is not one."""
        try:
            data = Path(path).read_bytes()
        except OSError as error:
            raise NameplateError(
                f"cannot read the trust file {path}: {error.strerror}", _HINT, USAGE
            ) from None
        return cls.from_bytes(data, str(path))

    @classmethod
    def from_bytes(cls, data: bytes, name: str = "the trust file") -> "Trust":
        """A trust file's bytes. Raises NameplateError naming what is wrong."""
        try:
            return cls.from_jwks(strict_json(data, name))
        except Rejected as error:
            raise NameplateError(f"{name}: {sentence(error.code)}", _HINT, USAGE) from None
        except ValueError as error:
            raise NameplateError(f"{name}: {error}", _HINT, USAGE) from None

    @classmethod
    def from_jwks(cls, jwks: Mapping[str, Any]) -> "Trust":
        """A JWK Set as JSON. Raises ValueError naming what is wrong."""
        listed = jwks.get("keys")
        for jwk in listed if isinstance(listed, list) else ():
            if isinstance(jwk, Mapping) and "d" in jwk:
                raise ValueError(
                    "it holds a private key: keep that one at home, and revoke it if it travelled"
                )
        problem = schemas.problem("trust", jwks)
        if problem:
            raise ValueError(problem)
        keys: dict[str, TrustedKey] = {}
        for jwk in jwks["keys"]:
            key = _key(jwk)
            if key.kid in keys:
                raise ValueError(f"key {key.kid[:8]} is listed twice: roles never share a key")
            keys[key.kid] = key
        revoked = {
            entry.get("kid") or entry["ueid"]: entry.get("reason", "") for entry in jwks.get("revoked", ())
        }
        return cls(keys, revoked)


def _key(jwk: Mapping[str, Any]) -> TrustedKey:
    if thumbprint(jwk) != jwk["kid"]:
        raise ValueError(f"key {jwk['kid'][:8]}: its kid is not its thumbprint")
    try:
        public = public_key(decode(jwk["x"]) + decode(jwk["y"]))
    except ValueError:
        raise ValueError(f"key {jwk['kid'][:8]} is not a point on P-256") from None
    return TrustedKey(jwk["kid"], jwk["role"], public, jwk.get("oemid"))
