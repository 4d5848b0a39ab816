"""Tokens that no unit signs: the manufacturer's, the backend's, and a technician's under a pass."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from nameplate.token.base64url import decode, encode
from nameplate.token.case import Case, check_revoked
from nameplate.token.jws import Token
from nameplate.token.mint import PublicKey, public_key, thumbprint
from nameplate.token.order import Order
from nameplate.token.status import Recent
from nameplate.token.trust import Trust
from nameplate.token.units import Unit, Units
from nameplate.token.verdict import Rejected

MAX_PASSES = 256
MAX_COMMANDS = 4096


class _Pass(NamedTuple):
    """A pass that was genuine: its compact token, the SHA-256 of that, the technician's key, and when it ends."""

    compact: str
    digest: str
    public: PublicKey
    expires: int


class Authority:
    """Judges those tokens by the trust file, and learns boards from bindings and technicians from passes."""

    def __init__(self, trust: Trust, units: Units, now: Callable[[], float], tolerance: int) -> None:
        self._trust = trust
        self._units = units
        self._now = now
        self._tolerance = tolerance
        self._passes: dict[str, _Pass] = {}
        self._commands = Recent(MAX_COMMANDS)

    def judge(self, case: Case, token: Token) -> str:
        """The code of a token signed by a key of the trust file. Raises Rejected."""
        if token.kind.name == "proof":
            return self._proof(case, token)
        key = self._trust.keys.get(token.kid)
        if key is None:
            raise Rejected("not-manufacturer")
        if key.role != token.kind.signer:
            raise Rejected("role", f"{key.role}, where a {token.kind.name} needs {token.kind.signer}")
        if not token.is_signed_by(key.public):
            raise Rejected("bad-signature")
        claims = case.read(token)
        named = claims.get("oemid")
        if key.oemid is not None and named is not None and named != key.oemid:
            raise Rejected("oemid")
        case.check_topic(named)
        if token.kind.name == "binding":
            return self._learn(token, claims)
        check_revoked(self._trust, token.kid, case.ueid)
        if token.kind.name in ("command", "ack"):
            said = token.signed_digest()[:12]
            if said in self._commands:
                raise Rejected("same-bytes")
            self._commands.add(said)
        self._check_dates(claims)
        if token.kind.name == "pass":
            point = _point(claims)
            self._passes[thumbprint(claims["cnf"]["jwk"])] = _Pass(
                token.compact.decode("ascii"), encode(token.digest()), point, claims["exp"]
            )
            if len(self._passes) > MAX_PASSES:
                del self._passes[next(iter(self._passes))]
        return "signed"

    def to_state(self) -> dict[str, Any]:
        """The passes and the commands seen, JSON-ready."""
        return {
            "passes": [held.compact for held in self._passes.values()],
            "commands": self._commands.to_state(),
        }

    def restore_commands(self, state: list[str]) -> None:
        """Put back the commands seen. Raises TypeError or ValueError when it is something else."""
        self._commands = Recent.from_state(state, MAX_COMMANDS)

    def _learn(self, token: Token, claims: Mapping[str, Any]) -> str:
        """Take in a binding whose signature, role and schema are right.

        A binding under a revoked key is kept too, so that the tokens of its board can be called revoked; it never
        replaces one under a good key, and any good one replaces it.
        """
        kid = thumbprint(claims["cnf"]["jwk"])
        if kid in self._trust.keys:
            raise Rejected("role", "a board may not hold a key of the manufacturer")
        public = _point(claims)
        holder, known = self._units.by_kid(kid), self._units.by_ueid(claims["ueid"])
        if holder is not None and holder is not known:
            raise Rejected("same-key")
        if known is not None:
            good, was_good = token.kid not in self._trust.revoked, known.signer not in self._trust.revoked
            if was_good and not good:
                check_revoked(self._trust, token.kid)
            if claims["iat"] <= known.bound_at and (was_good or not good):
                check_revoked(self._trust, token.kid, known.ueid)
                return "binding-known" if kid == known.kid else "superseded"
        unit = Unit(
            ueid=claims["ueid"],
            kid=kid,
            public=public,
            oemid=claims["oemid"],
            hwmodel=claims["hwmodel"],
            key_origin=claims["key_origin"],
            bound_at=claims["iat"],
            signer=token.kid,
            binding=token.compact.decode("ascii"),
            order=Order(self._units.pages),
        )
        if known is not None and known.kid == kid:
            unit.order, unit.status, unit.latest = known.order, known.status, known.latest
            unit.recent, unit.signatures = known.recent, known.signatures
        self._units.put(unit)
        check_revoked(self._trust, token.kid, unit.ueid)
        check_revoked(self._trust, kid)
        self._check_dates(claims)
        return "binding-new"

    def _proof(self, case: Case, token: Token) -> str:
        held = self._passes.get(token.kid)
        if held is None:
            raise Rejected("no-pass")
        if not token.is_signed_by(held.public):
            raise Rejected("bad-signature")
        claims = case.read(token)
        check_revoked(self._trust, token.kid, case.ueid)
        if claims["pass"] != held.digest:
            raise Rejected("wrong-pass")
        case.check_nonce(claims)
        self._check_dates({"exp": held.expires})
        return "signed"

    def _check_dates(self, claims: Mapping[str, Any]) -> None:
        now = self._now()
        if claims.get("iat", 0) > now + self._tolerance:
            raise Rejected("future")
        if claims.get("exp", now) < now - self._tolerance:
            raise Rejected("expired")


def _point(claims: Mapping[str, Any]) -> PublicKey:
    jwk = claims["cnf"]["jwk"]
    try:
        return public_key(decode(jwk["x"]) + decode(jwk["y"]))
    except ValueError:
        raise Rejected("other-curve", "not a point on P-256") from None
