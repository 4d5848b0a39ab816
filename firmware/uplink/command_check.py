"""What a command from the network says, and all that can be told of it without arithmetic.

That is form, kind, key, addressee, time, nonce and method. Needed when one comes, and forgotten before the signature is
looked at.
"""

from firmware.reply import is_nonce
from lib import jws_verify, strictjson

_TYPE = "nameplate-command+jwt"
_PROFILE = "urn:nameplate:1:command"
_DEPTH = 4
_WORDS = {"typ": "kind", "kid": "key"}


def check(token, limit, ueid, keys, floor, nonces):
    """((nonce, iat, signed), None) of a command that may be obeyed if the signature is right; else (None, why not).

    `signed`: the public key it names, one of `keys` (kid -> 64 bytes), the digest and the signature. `floor`: a time that has passed;
    `nonces`: those answered lately.
    """
    try:
        payload, *signed = jws_verify.read(token, _TYPE, keys, limit)
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
        (claims.get("aud") != ueid, "addressee"),
        (expires < floor, "expired"),
        (nonce in nonces, "repeated"),
        (claims.get("method") != "identity", "method"),
    ):
        if wrong:
            return None, reason
    return (nonce, issued, signed), None
