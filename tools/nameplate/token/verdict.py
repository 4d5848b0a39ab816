"""The verdicts, their reason codes and their sentences: one list everywhere (docs/wire.md, section 9)."""

from collections.abc import Mapping
from typing import Any, NamedTuple

GENUINE = "genuine"
LATE = "late"
DUPLICATE = "duplicate"
GAP = "gap"
CLONE = "clone"
FORGED = "forged"
REVOKED = "revoked"
UNKNOWN_DEVICE = "unknown device"
BAD_CLOCK = "bad clock"

VERDICTS = (GENUINE, LATE, DUPLICATE, GAP, CLONE, FORGED, REVOKED, UNKNOWN_DEVICE, BAD_CLOCK)
# Signed by the unit, new to this receiver, and nothing against it: safe to store and to act on.
FRESH = frozenset({GENUINE, LATE, GAP})
# What makes a command end with exit code 1.
ALARMING = frozenset({CLONE, FORGED, REVOKED, UNKNOWN_DEVICE, BAD_CLOCK})

# code -> (verdict, sentence). The sentences are for people, the codes for programs; neither repeats bytes of
# the sender's.
CODES: dict[str, tuple[str, str]] = {
    # genuine
    "in-order": (GENUINE, "the next token of this unit"),
    "first-seen": (GENUINE, "the first token this receiver has of this unit"),
    "signed": (GENUINE, "signed by the key it names, for this kind"),
    "binding-new": (GENUINE, "the manufacturer binds this key to this board"),
    "binding-known": (GENUINE, "the binding this receiver already holds"),
    # late
    "fills-gap": (LATE, "one of the missing tokens, arrived after later ones"),
    "declared-but-came": (LATE, "declared lost, and arrived after all"),
    "before-first-seen": (LATE, "older than the first token this receiver saw"),
    "superseded": (LATE, "a newer statement of this kind is already known"),
    # duplicate
    "same-bytes": (DUPLICATE, "these very bytes were received before"),
    "number-seen": (DUPLICATE, "this number was received too long ago to compare the bytes"),
    "too-old": (DUPLICATE, "older than this receiver's memory, so it cannot be told from a replay"),
    # gap
    "gap-open": (GAP, "tokens before it are missing"),
    "gap-declared": (GAP, "tokens before it are missing, and the unit has declared them lost"),
    "chain-restarted": (GAP, "the unit no longer knows its last token, so what came before may be missing"),
    # clone
    "same-number": (CLONE, "another token with this number was received: two units hold this key"),
    "forked-prev": (CLONE, "the chain forks here: two units continue from the same token"),
    "clone-branch": (CLONE, "continues the branch of a clone"),
    "same-key": (CLONE, "this key is bound to another board already: two boards hold it"),
    # forged
    "oversize": (FORGED, "longer than a token of this kind may be"),
    "not-jws": (FORGED, "not a compact JWS of three parts"),
    "base64url": (FORGED, "not base64url in its one canonical spelling"),
    "not-json": (FORGED, "not a JSON object in UTF-8"),
    "duplicate-key": (FORGED, "a JSON object holds the same name twice"),
    "header": (FORGED, "the header is not the exact header of a Nameplate token"),
    "alg-none": (FORGED, "algorithm none: not signed at all"),
    "other-curve": (FORGED, "signed or keyed on another curve than P-256"),
    "other-alg": (FORGED, "another algorithm than ES256"),
    "wrong-kind": (FORGED, "a token of another kind than expected here"),
    "cut-signature": (FORGED, "the signature is cut short"),
    "signature-size": (FORGED, "the signature is not 64 bytes"),
    "high-s": (FORGED, "a second spelling of a signature: s is not the smaller of the two that verify"),
    "bad-signature": (FORGED, "the signature does not fit: altered after signing, or signed by another key"),
    "altered": (FORGED, "carries the signature of a genuine token over altered bytes"),
    "other-key": (FORGED, "signed by another key than this board's"),
    "wrong-kid": (FORGED, "names another key than the one that signed it"),
    "role": (FORGED, "the key that signed it has another role"),
    "not-manufacturer": (FORGED, "not signed by a key in the trust file"),
    "schema": (FORGED, "the claims do not fit the schema of this kind"),
    "topic": (FORGED, "the topic is not one of Nameplate's"),
    "topic-ueid": (FORGED, "published under another board's topic"),
    "topic-oem": (FORGED, "published under another manufacturer's topic"),
    "oemid": (FORGED, "names another manufacturer than its binding or its key"),
    "wrong-nonce": (FORGED, "answers another nonce than the one asked"),
    "wrong-pass": (FORGED, "proves another pass than its key's"),
    # revoked, unknown device, bad clock
    "revoked-key": (REVOKED, "the key is revoked in the trust file"),
    "revoked-board": (REVOKED, "the board is revoked in the trust file"),
    "revoked-binding": (REVOKED, "bound to its board by a manufacturer's key that is revoked"),
    "no-binding": (UNKNOWN_DEVICE, "no binding of this board has been received yet"),
    "no-pass": (UNKNOWN_DEVICE, "the pass of this technician's key has not been received"),
    "future": (BAD_CLOCK, "dated later than now"),
    "before-made": (BAD_CLOCK, "dated before the board was made"),
    "backwards": (BAD_CLOCK, "its date runs against the order of the tokens"),
    "expired": (BAD_CLOCK, "its time is over"),
}

Missing = tuple[int, int, int | None]


class Verdict(NamedTuple):
    """What a verifier says of one token.

    `verdict` is one of VERDICTS, `code` one of CODES, `reason` a plain sentence. `claims` is the verified
    payload, and None unless the signature, the kind and the schema were all right. `ueid` comes from the
    verified payload where there is one, else it is only what the token claims. `missing` lists the ranges
    (bootcount, first, last) a gap is about; last is None where the end is not known. `cloned` says that two
    units with this key have been seen, so that no token of either is beyond doubt.
    """

    verdict: str
    code: str
    reason: str
    kind: str | None = None
    ueid: str | None = None
    kid: str | None = None
    bootcount: int | None = None
    seq: int | None = None
    claims: Mapping[str, Any] | None = None
    missing: tuple[Missing, ...] = ()
    cloned: bool = False

    @property
    def fresh(self) -> bool:
        """Signed by the unit and new: the token may be stored and acted on."""
        return self.verdict in FRESH

    @property
    def alarming(self) -> bool:
        """Somebody should look: clone, forged, revoked, unknown device or bad clock."""
        return self.verdict in ALARMING

    def to_dict(self) -> dict[str, Any]:
        """A JSON-ready form, without the members that say nothing."""
        named = {
            "verdict": self.verdict,
            "code": self.code,
            "reason": self.reason,
            "kind": self.kind,
            "ueid": self.ueid,
            "kid": self.kid,
            "bootcount": self.bootcount,
            "seq": self.seq,
            "missing": [list(gap) for gap in self.missing] or None,
            "cloned": self.cloned or None,
            "claims": self.claims,
        }
        return {name: value for name, value in named.items() if value is not None}


class Rejected(Exception):
    """Raised inside the verifier as soon as a token's fate is known: a code of CODES, and what to add to it."""

    def __init__(self, code: str, detail: str = "") -> None:
        super().__init__(code)
        self.code = code
        self.detail = detail


def sentence(code: str, detail: str = "") -> str:
    """The sentence of a code, with the particulars of this token where there are any."""
    return f"{CODES[code][1]} ({detail})" if detail else CODES[code][1]
