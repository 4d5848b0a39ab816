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
from nameplate.token.authority import Authority
from nameplate.token.base64url import decode
from nameplate.token.case import Case, check_revoked
from nameplate.token.jws import Token, kind_of, parse
from nameplate.token.kinds import DEVICE, is_ueid
from nameplate.token.order import Outcome
from nameplate.token.topics import Topic
from nameplate.token.trust import Trust
from nameplate.token.units import Unit, Units
from nameplate.token.verdict import CODES, FRESH, Rejected, Verdict

TOLERANCE_S = 300
MAX_UNITS = 100_000
REMEMBER = 16_384
_STATE_FORMAT = "nameplate-verifier-1"


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
        self._authority = Authority(trust, self.units, now, tolerance)

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
        case = Case(nonce)
        if kind is not None:
            kind_of(kind)
        try:
            return self._judge(case, token, kind, topic)
        except Rejected as rejected:
            return case.verdict(rejected.code, rejected.detail)

    def to_json(self) -> str:
        """Everything learnt and received, for `from_json` after a restart."""
        units = [unit.to_state() for unit in self.units]
        state = {"format": _STATE_FORMAT, "units": units, **self._authority.to_state()}
        return json.dumps(state, separators=(",", ":"))

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
            for held in state["passes"]:
                verifier.check(held, "pass")
            verifier._authority.restore_commands(state["commands"])
        except (ValueError, KeyError, TypeError, IndexError, AttributeError):
            raise NameplateError(
                "the state file is damaged or from another version", "move it away and start anew", USAGE
            ) from None
        return verifier

    def _judge(self, case: Case, compact: bytes | str, kind: str | None, topic: str | None) -> Verdict:
        kinds: tuple[str, ...] | None = (kind,) if kind else None
        if topic is not None:
            case.topic = Topic.parse(topic)
            kinds = tuple(name for name in case.topic.kinds if kind in (None, name))
        case.token = token = parse(compact, kinds)
        if token.kind.signer == DEVICE:
            return self._device(case, token)
        return case.verdict(self._authority.judge(case, token))

    # Tokens of a unit.

    def _device(self, case: Case, token: Token) -> Verdict:
        unit = self.units.by_kid(token.kid)
        if unit is None:
            raise self._unknown_key(case, token)
        case.ueid = unit.ueid
        if not token.is_signed_by(unit.public):
            raise self._bad_signature(token, unit)
        if not token.has_low_s:
            raise Rejected("high-s")
        claims = case.read(token)
        if claims["ueid"] != unit.ueid:
            raise Rejected("other-key", "the key of another board")
        case.unit = unit
        case.check_topic(unit.oemid)
        if claims.get("oemid", unit.oemid) != unit.oemid:
            raise Rejected("oemid")
        check_revoked(self.trust, token.kid, unit.ueid)
        if unit.signer in self.trust.revoked:
            raise Rejected("revoked-binding", self.trust.revoked[unit.signer])
        case.check_nonce(claims)
        self.units.heard(unit)
        unit.signatures.add(token.signature[:16])
        outcome = self._order(unit, token, claims)
        code = outcome.code
        if CODES[code][0] in FRESH:
            code = self._clock(unit, claims) or code
        return case.verdict(code, missing=outcome.missing)

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

    def _unknown_key(self, case: Case, token: Token) -> Rejected:
        """No board is known to hold the key this header names: why, and whose token does it claim to be?"""
        if token.kid in self.trust.keys:
            return Rejected(
                "role", f"a key of role {self.trust.keys[token.kid].role} signed a {token.kind.name}"
            )
        claimed = token.claims().get("ueid")
        if not is_ueid(claimed):
            return Rejected("schema", "ueid")
        case.ueid = claimed
        check_revoked(self.trust, token.kid)
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
