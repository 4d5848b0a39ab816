"""Whether a command from the network is to be obeyed. Needed when one comes, and forgotten after."""

from firmware.clock import FLOOR
from firmware.reply import is_nonce
from lib import (
    p256_verify,  # noqa: F401 - so that it is loaded before the arithmetic, not in it
    strictjson,
)
from lib.jws_verify import JwsError, verify

_TYPE = "nameplate-command+jwt"
_PROFILE = "urn:nameplate:1:command"
_LIMIT = 1024
_DEPTH = 4


async def check(token, unit, clock, p256, nonces):
    """(nonce, None) of a command that a backend key signed, for this unit, for now, for the first time; else (None, why).

    `nonces` are those answered lately. A verified `iat` is proof that this time has come, whatever else is wrong.
    """
    try:
        payload = await verify(p256, token, _TYPE, unit.anchors.get("backend", {}), _LIMIT)
    except JwsError:
        return None, "token"
    try:
        claims = strictjson.loads(payload, _DEPTH)
        issued, expires, nonce = claims["iat"], claims["exp"], claims["eat_nonce"]
        whole = type(issued) is int and type(expires) is int and claims["eat_profile"] == _PROFILE
    except (ValueError, TypeError, KeyError):
        return None, "malformed"
    if not whole or not is_nonce(nonce) or issued > expires:
        return None, "malformed"
    clock.learn(issued, FLOOR)
    for wrong, reason in (
        (claims.get("aud") != unit.ueid, "addressee"),
        (expires < clock.floor, "expired"),
        (nonce in nonces, "repeated"),
        (claims.get("method") != "identity", "method"),
    ):
        if wrong:
            return None, reason
    return nonce, None
