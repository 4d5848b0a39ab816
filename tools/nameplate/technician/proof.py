"""Whether a board is who it says: three tokens, one nonce, and the manufacturer's keys.

The manufacturer signs that this key belongs to this board (binding) and what appliance is around it (identity); the
board signs, with that key and over our nonce, how it is now (reply). All three must speak of the same board.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from nameplate.token import jws, schemas
from nameplate.token.base64url import decode
from nameplate.token.mint import hwmodel, public_key, thumbprint
from nameplate.token.trust import Trust
from nameplate.token.verdict import FORGED, GENUINE, Rejected, Verdict, sentence
from nameplate.token.verifier import Verifier

PROVED = "proved"
NOT_PROVED = "not proved"
NO_TRUST = "no trust file"

KINDS = ("binding", "identity", "reply")
Claims = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Proof:
    """The outcome. `state` is PROVED, NOT_PROVED or NO_TRUST (everything fits, and nobody vouches for it).

    `reason` is a sentence and `code` its short form; `token` is the one at fault, if one is; `verdict` is one of
    the verifier's words, None without a trust file. `signer` and `key` are the thumbprints of the manufacturer's
    and the board's key. `claims` holds what each token says, {} where it cannot be read; believe them when PROVED.
    """

    state: str
    code: str
    reason: str
    verdict: str | None = None
    token: str | None = None
    signer: str | None = None
    key: str | None = None
    claims: Mapping[str, Claims] = field(default_factory=dict)


def prove(
    tokens: Mapping[str, str],
    nonce: str,
    trust: Trust | None,
    now: Callable[[], float],
    carrier: str = "serial",
) -> Proof:
    """Check the three `tokens` (by kind) that answered `nonce` over `carrier`. `now` gives Unix seconds."""
    claims = {kind: _claimed(tokens.get(kind, ""), kind) for kind in KINDS}
    binding, identity, reply = (claims[kind] for kind in KINDS)
    signer, key = _kid(tokens.get("binding", "")), _kid(tokens.get("reply", ""))

    def outcome(state: str, code: str, reason: str, verdict: str | None, token: str | None = None) -> Proof:
        return Proof(state, code, reason, verdict, token, signer, key, claims)

    for kind in KINDS:
        if not tokens.get(kind):
            return outcome(NOT_PROVED, "missing", "the answer has no such token", FORGED, kind)
    try:
        if trust is None:
            _check_whole(tokens, nonce)
        else:
            for kind, verdict in _judge(tokens, nonce, trust, now):
                if not verdict.fresh:
                    return outcome(NOT_PROVED, verdict.code, verdict.reason, verdict.verdict, kind)
    except Rejected as rejected:
        return outcome(
            NOT_PROVED,
            rejected.code,
            sentence(rejected.code, rejected.detail),
            FORGED,
            _faulty(tokens, claims),
        )
    code, reason, token = _mismatch(binding, identity, reply, carrier)
    if code:
        return outcome(NOT_PROVED, code, reason, FORGED, token)
    if trust is None:
        return outcome(NO_TRUST, "no-trust", "no trust file says whose keys to believe", None)
    return outcome(
        PROVED, "signed", "signed by the manufacturer, and answered by this board just now", GENUINE
    )


def _judge(
    tokens: Mapping[str, str], nonce: str, trust: Trust, now: Callable[[], float]
) -> list[tuple[str, Verdict]]:
    verifier = Verifier(trust, now)
    return [
        ("binding", verifier.check(tokens["binding"], "binding")),
        ("identity", verifier.check(tokens["identity"], "identity")),
        ("reply", verifier.check(tokens["reply"], "reply", nonce=nonce)),
    ]


def _check_whole(tokens: Mapping[str, str], nonce: str) -> None:
    """What can be said without a trust file: the reply is signed by the key that the binding names, over our nonce.

    Raises Rejected.
    """
    for kind in KINDS:
        claims = jws.parse(tokens[kind], (kind,)).claims()
        if not schemas.is_valid(kind, claims):
            raise Rejected("schema", f"{kind}: {schemas.problem(kind, claims)}")
    jwk = jws.parse(tokens["binding"]).claims()["cnf"]["jwk"]
    reply = jws.parse(tokens["reply"])
    if reply.kid != thumbprint(jwk):
        raise Rejected("other-key")
    try:
        public = public_key(decode(jwk["x"]) + decode(jwk["y"]))
    except ValueError:
        raise Rejected("other-curve", "not a point on P-256") from None
    if not reply.is_signed_by(public):
        raise Rejected("bad-signature")
    if reply.claims()["eat_nonce"] != nonce:
        raise Rejected("wrong-nonce")


def _mismatch(
    binding: Claims, identity: Claims, reply: Claims, carrier: str
) -> tuple[str, str, str] | tuple[None, str, None]:
    """What the tokens contradict each other in: code, sentence and the token at fault."""
    if identity["ueid"] != binding["ueid"]:
        return "other-board", "the identity is another board's", "identity"
    if reply["ueid"] != binding["ueid"]:
        return "other-board", "the reply is another board's", "reply"
    if not identity["oemid"] == binding["oemid"] == reply.get("oemid"):
        return "oemid", "its tokens name different manufacturers", "identity"
    if not hwmodel(identity["model"]) == binding["hwmodel"] == reply.get("hwmodel"):
        return "other-model", "its tokens name different models", "identity"
    if reply["method"] != "read" or "error" in reply:
        return "other-method", "the reply answers another question", "reply"
    if reply["carrier"] != carrier:
        return "relayed", f"the reply was given over {reply['carrier']}, not over this line", "reply"
    return None, "", None


def _claimed(compact: str, kind: str) -> Claims:
    try:
        claims = jws.parse(compact, (kind,)).claims()
    except Rejected:
        return {}
    return claims if schemas.is_valid(kind, claims) else {}


def _kid(compact: str) -> str | None:
    try:
        return jws.parse(compact).kid
    except Rejected:
        return None


def _faulty(tokens: Mapping[str, str], claims: Mapping[str, Claims]) -> str:
    """The first token that cannot be read at all; else it is the reply that does not fit."""
    return next((kind for kind in KINDS if not claims[kind] or _kid(tokens[kind]) is None), "reply")
