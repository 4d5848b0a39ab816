"""Whether a command from the network is to be obeyed. Needed when one comes, and forgotten after.

All that can be told without arithmetic is told first: size, form, kind, key, addressee, time, nonce, method.
"""

from firmware import proving
from firmware.clock import FLOOR
from firmware.reply import is_nonce
from firmware.uplink.commands import LIMIT
from lib import jws_verify, strictjson

_TYPE = "nameplate-command+jwt"
_PROFILE = "urn:nameplate:1:command"
_ROLE = "backend"
_DEPTH = 4
_REMEMBERED = 8
_WORDS = {"typ": "kind", "kid": "key"}


async def judge(commands):
    """The nonce of the command that waits, if it is to be answered; else None, and the reason is counted.

    The first call after a start prepares the keys that commands are signed with.
    """
    if not commands.prepared:
        commands.prepared = True
        await proving.prepare(commands.verifier, _ROLE)
    if commands.token is None:
        return None
    nonce, why = await _check(commands)
    if why is None and commands.settings.consent != "full":
        why = "consent"
    if why is not None:
        commands.refused.count(why)
        return None
    commands.answered = commands.answered[1 - _REMEMBERED :] + [nonce]
    return nonce


async def _check(commands):
    """(nonce, None) of a command that a backend key signed, for this unit, for now, for the first time; else (None, why)."""
    unit, clock = commands.verifier.unit, commands.clock
    try:
        payload, public, digest, signature = jws_verify.read(
            commands.token, _TYPE, unit.anchors.get(_ROLE, {}), LIMIT
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
        (nonce in commands.answered, "repeated"),
        (claims.get("method") != "identity", "method"),
    ):
        if wrong:
            return None, reason
    try:
        if not await proving.proved(commands.verifier, _ROLE, public, digest, signature):
            return None, "signature"
    except OSError:
        return None, "unprepared"
    clock.learn(issued, FLOOR)  # a time that was signed has come
    return nonce, None
