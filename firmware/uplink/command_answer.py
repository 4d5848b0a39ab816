"""What is done with one command from the network. Loaded for it and forgotten after.

What can be told without arithmetic is told first, and its code is gone before that of the curve is loaded.
"""

from firmware.clock import FLOOR
from firmware.reply import Busy, Unsigned
from lib import rare

_REMEMBERED = 8
_RARE = ("firmware.uplink.command_check", "lib.strictjson", "lib.jws_verify")


async def answer(commands, command, carrier, role, limit):
    """The signed reply to a command, or None when it deserves none, which is counted. `commands`: a Commands; `role`: whose
    keys may sign it; `limit`: bytes at most."""
    nonce, why = await _obey(commands, command, role, limit)
    if why is None:
        try:
            return await commands.replies.identity(nonce, carrier)
        except (Busy, Unsigned):
            why = "rate"
    commands.refused.count(why)
    return None


async def _obey(commands, command, role, limit):
    keys = commands.unit.anchors(role)
    from firmware.uplink import command_check

    try:
        claims, why = command_check.check(
            command, limit, commands.unit.ueid, keys, commands.clock.floor, commands.nonces
        )
    finally:
        command_check = None
        rare.forget(_RARE)
    if why is not None:
        return None, why
    nonce, issued, signed = claims
    why = await commands.verifier.prove(role, signed)
    if why is None:
        commands.clock.learn(issued, FLOOR)  # a time that was signed has come
        commands.nonces = commands.nonces[1 - _REMEMBERED :] + [nonce]
        if commands.settings.consent != "full":
            why = "consent"
    return nonce, why
