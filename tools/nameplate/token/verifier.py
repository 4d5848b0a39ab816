"""The verifier: give it a trust file and tokens, it gives each its verdict.

    verifier = Verifier(Trust.load("acme.jwks"))
    verdict = verifier.check(payload, topic=topic)
    if verdict.fresh: store(verdict.claims)

It learns which key belongs to which board from the bindings it is shown, and keeps, within bounds, what it received
of each. It is not thread-safe: one verifier belongs to one thread.
"""

import json
import time
from collections.abc import Callable, Mapping
from typing import Any

from nameplate.errors import USAGE, NameplateError
from nameplate.token import schemas
from nameplate.token.base64url import decode, encode
from nameplate.token.jws import Token, kind_of, parse
from nameplate.token.kinds import DEVICE, is_ueid
from nameplate.token.mint import PublicKey, public_key, thumbprint
from nameplate.token.order import Order, Outcome
from nameplate.token.status import Recent
from nameplate.token.topics import Topic
from nameplate.token.trust import Trust
from nameplate.token.units import Unit, Units
from nameplate.token.verdict import CODES, FRESH, Rejected, Verdict, sentence

TOLERANCE_S = 300
MAX_UNITS = 100_000
REMEMBER = 16_384
MAX_PASSES = 256
MAX_COMMANDS = 4096
_STATE_FORMAT = "nameplate-verifier-1"


class _Case:
    """One token on its way to a verdict: what is known of it so far."""

    __slots__ = ("claims", "token", "topic", "ueid", "unit")

    def __init__(self) -> None:
        self.token: Token | None = None
        self.topic: Topic | None = None
        self.unit: Unit | None = None
        self.ueid: str | None = None
        self.claims: dict[str, Any] | None = None


class Verifier:
    """Judges tokens against one trust file.

    `now` gives Unix seconds; `tolerance` is how many seconds a date may be off; at most `max_units` boards are kept,
    and of each the digests of about `remember` tokens.
    """

    def __init__(
        self,
        trust: Trust,
        now: Callable[[], float] = time.time,
        *,
        tolerance: int = TOLERANCE_S,
        max_units: int = MAX_UNITS,
        remember: int = REMEMBER,
    ) -> None:
        self.trust = trust
        self.now = now
        self.tolerance = tolerance
        self.units = Units(max_units, remember)
        self._passes: dict[str, tuple[str, PublicKey, int]] = {}
        self._commands = Recent(MAX_COMMANDS)

    def binding(self, token: bytes | str) -> Verdict:
        """Judge a binding and learn it when it is genuine."""
        return self.check(token, "binding")

    def unit(self, ueid: str) -> Unit | None:
        """What is known of a board, or None."""
        return self.units.by_ueid(ueid)

    def check(
        self,
        token: bytes | str,
        kind: str | None = None,
        *,
        topic: str | None = None,
        nonce: str | None = None,
    ) -> Verdict:
        """Judge one compact token. Never raises for anything a stranger can send.

        Name the `kind` you expect, or the `topic` it came on, or both; with neither, any kind goes (RFC 8725 says
        to name it). `nonce` is the one a reply must answer. Raises ValueError for a `kind` that does not exist.
        """
        case = _Case()
        if kind is not None:
            kind_of(kind)
        try:
            return self._judge(case, token, kind, topic, nonce)
        except Rejected as rejected:
            return self._verdict(case, rejected.code, rejected.detail)

    def to_json(self) -> str:
        """Everything learnt and received, for `from_json` after a restart."""
        return json.dumps(
            {"format": _STATE_FORMAT, "units": [unit.to_state() for unit in self.units]},
            separators=(",", ":"),
        )

    @classmethod
    def from_json(
        cls, trust: Trust, text: str, now: Callable[[], float] = time.time, **limits: int
    ) -> "Verifier":
        """A verifier that goes on where `to_json` stopped.

        Every binding is judged again by `trust`, so a key revoked meanwhile is revoked. Raises NameplateError
        when the text is not such a state.
        """
        verifier = cls(trust, now, **limits)
        try:
            state = json.loads(text)
            if state["format"] != _STATE_FORMAT:
                raise ValueError("another format")
            for held in state["units"]:
                ueid = verifier.binding(held["binding"]).ueid
                unit = verifier.units.by_ueid(ueid)
                if unit is not None and unit.binding == held["binding"]:
                    unit.restore(held)
        except (ValueError, KeyError, TypeError, IndexError, AttributeError):
            raise NameplateError(
                "the state file is damaged or from another version", "move it away and start anew", USAGE
            ) from None
        return verifier

    def _judge(
        self, case: _Case, compact: bytes | str, kind: str | None, topic: str | None, nonce: str | None
    ) -> Verdict:
        kinds: tuple[str, ...] | None = (kind,) if kind else None
        if topic is not None:
            case.topic = Topic.parse(topic)
            kinds = tuple(name for name in case.topic.kinds if kind in (None, name))
        case.token = token = parse(compact, kinds)
        if token.kind.signer == DEVICE:
            return self._device(case, token, nonce)
        if token.kind.name == "proof":
            return self._proof(case, token, nonce)
        return self._manufacturer(case, token)

    # Tokens of a unit.

    def _device(self, case: _Case, token: Token, nonce: str | None) -> Verdict:
        unit = self.units.by_kid(token.kid)
        if unit is None:
            raise self._unknown_key(case, token)
        case.ueid = unit.ueid
        if not token.is_signed_by(unit.public):
            raise self._bad_signature(token, unit)
        claims = self._claims(case, token)
        if claims["ueid"] != unit.ueid:
            raise Rejected("other-key", "the key of another board")
        case.unit = unit
        self._check_topic(case, unit.oemid)
        if claims.get("oemid", unit.oemid) != unit.oemid:
            raise Rejected("oemid")
        self._check_revoked(token.kid, unit.ueid)
        if unit.signer in self.trust.revoked:
            raise Rejected("revoked-binding", self.trust.revoked[unit.signer])
        if nonce is not None and claims.get("eat_nonce") != nonce:
            raise Rejected("wrong-nonce")
        self.units.heard(unit)
        unit.signatures.add(token.signature[:16])
        outcome = self._order(unit, token, claims)
        code = outcome.code
        if CODES[code][0] in FRESH:
            code = self._clock(unit, claims) or code
        return self._verdict(case, code, missing=outcome)

    def _order(self, unit: Unit, token: Token, claims: Mapping[str, Any]) -> Outcome:
        digest = token.digest()
        kind = token.kind.name
        if kind == "status":
            return Outcome(unit.status.judge(claims["bootcount"], claims["conn"], claims["state"], digest))
        if kind in ("heartbeat", "event"):
            prev = claims.get("prev")
            return unit.order.judge(
                (claims["bootcount"], claims["seq"]),
                digest,
                decode(prev) if prev else None,
                [(int(count), int(first), int(last)) for count, first, last, _ in claims.get("lost", ())],
            )
        if digest[:12] in unit.recent:
            return Outcome("same-bytes")
        unit.recent.add(digest[:12])
        return Outcome("signed")

    def _clock(self, unit: Unit, claims: Mapping[str, Any]) -> str | None:
        date = claims.get("iat")
        if date is None:
            return None
        if date > self.now() + self.tolerance:
            return "future"
        if date < unit.bound_at - self.tolerance:
            return "before-made"
        if "seq" not in claims:
            return None
        number = (claims["bootcount"], claims["seq"])
        if unit.latest is not None:
            latest, dated = unit.latest
            behind = number > latest and date < dated - self.tolerance
            if behind or (number < latest and date > dated + self.tolerance):
                return "backwards"
        if unit.latest is None or number > unit.latest[0]:
            unit.latest = (number, date)
        return None

    def _unknown_key(self, case: _Case, token: Token) -> Rejected:
        """No board is known to hold the key this header names: why, and whose token does it claim to be?"""
        if token.kid in self.trust.keys:
            return Rejected(
                "role", f"a key of role {self.trust.keys[token.kid].role} signed a {token.kind.name}"
            )
        claimed = token.claims().get("ueid")
        if not is_ueid(claimed):
            return Rejected("schema", "ueid")
        case.ueid = claimed
        self._check_revoked(token.kid, None)
        unit = self.units.by_ueid(claimed)
        if unit is None:
            return Rejected("no-binding")
        return Rejected("wrong-kid" if token.is_signed_by(unit.public) else "other-key")

    def _bad_signature(self, token: Token, unit: Unit) -> Rejected:
        if token.signature[:16] in unit.signatures:
            return Rejected("altered")
        try:
            claimed = self.units.by_ueid(token.claims().get("ueid"))
        except Rejected:
            claimed = None
        if claimed is not None and claimed is not unit and token.is_signed_by(claimed.public):
            return Rejected("wrong-kid")
        return Rejected("bad-signature")

    # Tokens of the manufacturer, the backend and technicians.

    def _manufacturer(self, case: _Case, token: Token) -> Verdict:
        key = self.trust.keys.get(token.kid)
        if key is None:
            raise Rejected("not-manufacturer")
        if key.role != token.kind.signer:
            raise Rejected("role", f"{key.role}, where a {token.kind.name} needs {token.kind.signer}")
        if not token.is_signed_by(key.public):
            raise Rejected("bad-signature")
        claims = self._claims(case, token)
        named = claims.get("oemid")
        if key.oemid is not None and named is not None and named != key.oemid:
            raise Rejected("oemid")
        self._check_topic(case, named)
        if token.kind.name == "binding":
            return self._verdict(case, self._learn(token, claims))
        self._check_revoked(token.kid, case.ueid)
        digest = token.digest()
        if token.kind.name in ("command", "ack"):
            if digest[:12] in self._commands:
                raise Rejected("same-bytes")
            self._commands.add(digest[:12])
        self._check_dates(claims)
        if token.kind.name == "pass":
            self._learn_pass(digest, claims)
        return self._verdict(case, "signed")

    def _learn(self, token: Token, claims: Mapping[str, Any]) -> str:
        """Take in a binding whose signature, role and schema are right."""
        jwk = claims["cnf"]["jwk"]
        kid = thumbprint(jwk)
        if kid in self.trust.keys:
            raise Rejected("role", "a board may not hold a key of the manufacturer")
        try:
            public = public_key(decode(jwk["x"]) + decode(jwk["y"]))
        except ValueError:
            raise Rejected("other-curve", "not a point on P-256") from None
        holder, known = self.units.by_kid(kid), self.units.by_ueid(claims["ueid"])
        if holder is not None and holder is not known:
            raise Rejected("same-key")
        signed_by_revoked = token.kid in self.trust.revoked
        if known is not None:
            revoked_before = known.signer in self.trust.revoked
            if signed_by_revoked and not revoked_before:
                raise Rejected("revoked-key", self.trust.revoked[token.kid])
            newer = claims["iat"] > known.bound_at or (revoked_before and not signed_by_revoked)
            if not newer:
                self._check_revoked(token.kid, known.ueid)
                return "binding-known" if kid == known.kid else "superseded"
        unit = Unit(
            claims["ueid"], kid, public, claims["oemid"], claims["hwmodel"], claims["key_origin"], claims["iat"],
            token.kid, token.compact.decode("ascii"), Order(self.units.pages),
        )  # fmt: skip
        if known is not None and known.kid == kid:
            unit.order, unit.status, unit.latest = known.order, known.status, known.latest
            unit.recent, unit.signatures = known.recent, known.signatures
        self.units.put(unit)
        self._check_revoked(token.kid, unit.ueid)
        self._check_revoked(kid, None)
        if claims["iat"] > self.now() + self.tolerance:
            raise Rejected("future")
        return "binding-new"

    def _learn_pass(self, digest: bytes, claims: Mapping[str, Any]) -> None:
        jwk = claims["cnf"]["jwk"]
        try:
            public = public_key(decode(jwk["x"]) + decode(jwk["y"]))
        except ValueError:
            raise Rejected("other-curve", "not a point on P-256") from None
        self._passes[thumbprint(jwk)] = (encode(digest), public, claims["exp"])
        if len(self._passes) > MAX_PASSES:
            del self._passes[next(iter(self._passes))]

    def _proof(self, case: _Case, token: Token, nonce: str | None) -> Verdict:
        held = self._passes.get(token.kid)
        if held is None:
            raise Rejected("no-pass")
        digest, public, expires = held
        if not token.is_signed_by(public):
            raise Rejected("bad-signature")
        claims = self._claims(case, token)
        self._check_revoked(token.kid, case.ueid)
        if claims["pass"] != digest:
            raise Rejected("wrong-pass")
        if nonce is not None and claims["eat_nonce"] != nonce:
            raise Rejected("wrong-nonce")
        self._check_dates({"exp": expires})
        return self._verdict(case, "signed")

    # What all of them share.

    def _claims(self, case: _Case, token: Token) -> dict[str, Any]:
        """The payload of a token whose signature is right, checked against the schema of its kind."""
        claims = token.claims()
        if claims.get("eat_profile") != token.kind.profile:
            raise Rejected("wrong-kind", "its eat_profile names another kind than its typ")
        cnf = claims.get("cnf")
        jwk = cnf.get("jwk") if isinstance(cnf, dict) else None
        if isinstance(jwk, dict) and jwk.get("crv", "P-256") != "P-256":
            raise Rejected("other-curve", "its cnf")
        name = token.kind.name
        if not schemas.is_valid(name, claims):
            raise Rejected("schema", schemas.problem(name, claims) or "")
        if any(type(value) is float for value in claims.values()):
            raise Rejected("schema", "a number that is not whole")
        case.ueid = claims.get("ueid") or claims.get("aud")
        case.claims = claims
        return claims

    def _check_topic(self, case: _Case, oemid: int | None) -> None:
        if case.topic is None:
            return
        if case.topic.ueid != case.ueid:
            raise Rejected("topic-ueid")
        if oemid is not None and case.topic.oemid != oemid:
            raise Rejected("topic-oem")

    def _check_revoked(self, kid: str, ueid: str | None) -> None:
        revoked = self.trust.revoked
        if kid in revoked:
            raise Rejected("revoked-key", revoked[kid])
        if ueid is not None and ueid in revoked:
            raise Rejected("revoked-board", revoked[ueid])

    def _check_dates(self, claims: Mapping[str, Any]) -> None:
        now = self.now()
        if claims.get("iat", 0) > now + self.tolerance:
            raise Rejected("future")
        if claims.get("exp", now) < now - self.tolerance:
            raise Rejected("expired")

    def _verdict(self, case: _Case, code: str, detail: str = "", missing: Outcome | None = None) -> Verdict:
        token, claims = case.token, case.claims
        return Verdict(
            CODES[code][0],
            code,
            sentence(code, detail),
            token.kind.name if token else None,
            case.ueid or (case.topic.ueid if case.topic else None),
            token.kid if token else None,
            claims.get("bootcount") if claims else None,
            claims.get("seq") if claims else None,
            claims,
            missing.missing if missing else (),
            case.unit is not None and case.unit.cloned,
        )
