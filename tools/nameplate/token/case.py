"""One token on its way to a verdict, and the checks every kind goes through."""

from collections.abc import Mapping
from typing import Any

from nameplate.token import schemas
from nameplate.token.jws import Token
from nameplate.token.topics import Topic
from nameplate.token.trust import Trust
from nameplate.token.units import Unit
from nameplate.token.verdict import CODES, Missing, Rejected, Verdict, sentence


class Case:
    """What is known of one token so far.

    `claims` stays None until signature, kind and schema are right; until then `ueid` is only what is claimed.
    """

    __slots__ = ("claims", "nonce", "token", "topic", "ueid", "unit")

    def __init__(self, nonce: str | None = None) -> None:
        self.nonce = nonce
        self.token: Token | None = None
        self.topic: Topic | None = None
        self.unit: Unit | None = None
        self.ueid: str | None = None
        self.claims: dict[str, Any] | None = None

    def read(self, token: Token) -> dict[str, Any]:
        """The payload of a token whose signature is right, checked against its kind. Raises Rejected."""
        claims = token.claims()
        name = token.kind.name
        if claims.get("eat_profile") != token.kind.profile:
            raise Rejected("wrong-kind", "its eat_profile names another kind than its typ")
        if not schemas.is_valid(name, claims):
            if _curve(claims) not in (None, "P-256"):
                raise Rejected("other-curve", "its cnf")
            raise Rejected("schema", schemas.problem(name, claims) or "")
        # JSON Schema takes 1.0 for an integer; a 32-bit board must not have to.
        if any(type(value) is float for value in claims.values()):
            raise Rejected("schema", "a number that is not whole")
        self.ueid = claims.get("ueid") or claims.get("aud")
        self.claims = claims
        return claims

    def check_topic(self, oemid: int | None) -> None:
        """Raises Rejected when the token was published under another board or manufacturer (None: names none)."""
        if self.topic is None:
            return
        if self.topic.ueid != self.ueid:
            raise Rejected("topic-ueid")
        if oemid is not None and self.topic.oemid != oemid:
            raise Rejected("topic-oem")

    def check_nonce(self, claims: Mapping[str, Any]) -> None:
        """Raises Rejected when the caller asked another nonce than the token answers."""
        if self.nonce is not None and claims.get("eat_nonce") != self.nonce:
            raise Rejected("wrong-nonce")

    def verdict(self, code: str, detail: str = "", missing: tuple[Missing, ...] = ()) -> Verdict:
        """Close the case."""
        token, claims = self.token, self.claims
        return Verdict(
            CODES[code][0],
            code,
            sentence(code, detail),
            token.kind.name if token else None,
            self.ueid or (self.topic.ueid if self.topic else None),
            token.kid if token else None,
            claims.get("bootcount") if claims else None,
            claims.get("seq") if claims else None,
            claims,
            missing,
            self.unit is not None and self.unit.cloned,
        )


def check_revoked(trust: Trust, kid: str, ueid: str | None = None) -> None:
    """Raises Rejected when the trust file revokes the key or the board."""
    if kid in trust.revoked:
        raise Rejected("revoked-key", trust.revoked[kid])
    if ueid is not None and ueid in trust.revoked:
        raise Rejected("revoked-board", trust.revoked[ueid])


def _curve(claims: Mapping[str, Any]) -> object:
    cnf = claims.get("cnf")
    jwk = cnf.get("jwk") if isinstance(cnf, dict) else None
    return jwk.get("crv") if isinstance(jwk, dict) else None
