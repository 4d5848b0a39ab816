"""Whether a command from the network is to be obeyed. Needed when one comes, and forgotten after."""

from firmware import proving
from firmware.clock import FLOOR
from firmware.reply import is_nonce
from lib import jws_verify, strictjson

_TYPE = "nameplate-command+jwt"
_PROFILE = "urn:nameplate:1:command"
_DEPTH = 4
_WORDS = {"typ": "kind", "kid": "key"}


async def check(token, limit, clock, verifier, nonces):
    """(nonce, None) of a command that a backend key signed, for this unit, for now, for the first time; else (None, why).

    All that can be told without arithmetic is told first. `nonces` are those answered lately.
    """
    unit = verifier.unit
    try:
        payload, public, digest, signature = jws_verify.read(
            token, _TYPE, unit.anchors.get("backend", {}), limit
        )
    except jws_verify.JwsError as error:
        return None, _WORDS.get(error.reason, "token")
    try:
        claims = strictjson.loads(payload, _DEPTH)
        issued, expires, nonce = claims["iat"], claims["exp"], claims["eat_nonce"]
        whole = type(issued) is int and type(expires) is int and claims["eat_profile"] == _PROFILE
    except (ValueError, TypeError, KeyError):
        return None, "malformed"
    if not whole or not is_nonce(nonce) or issued > expires:
        return None, "malformed"
    for wrong, reason in (
        (claims.get("aud") != unit.ueid, "addressee"),
        (expires < clock.floor, "expired"),
        (nonce in nonces, "repeated"),
        (claims.get("method") != "identity", "method"),
    ):
        if wrong:
            return None, reason
    try:
        if not await proving.proved(verifier, "backend", public, digest, signature):
            return None, "signature"
    except OSError:
        return None, "unprepared"
    clock.learn(issued, FLOOR)  # a time that was signed has come
    return nonce, None
