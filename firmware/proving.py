"""Signatures of others and the keys they are checked with. Needed when a message wants it, and forgotten after.

A key of the manufacturer is prepared (lib.p256_verify) before messages that name it are looked at, once in the life of
the key: so no message, not even the first, costs more than another. What was prepared lies in a file for each role.
"""

import os

from lib import p256_verify
from lib.p256_verify import TEETH_SIZE


async def prove(verifier, role, signed):
    """As firmware.verifier has it."""
    if signed is None:
        return await _prepare(verifier, role)
    public, digest, signature = signed
    teeth = _prepared(verifier, role, public)
    if teeth is None:
        return "unprepared"
    steps = p256_verify.steps(verifier.curve.comb_path, teeth, digest, signature)
    try:
        return None if await verifier.curve.run(steps, True) else "signature"
    except OSError:  # the table is damaged
        return "unprepared"


async def _prepare(verifier, role):
    made = []
    whole = True
    for public in verifier.unit.anchors(role).values():
        teeth = _prepared(verifier, role, public)
        if teeth is None or not p256_verify.on_curve_all(teeth):
            whole = False
            teeth = await verifier.curve.run(p256_verify.teeth_steps(public), True)
        if teeth:
            made.append(teeth)
    if whole:
        return
    try:
        _store(verifier.keys_path + role, b"".join(made))
    except OSError:
        for teeth in made:
            verifier.unstored[teeth[:64]] = teeth


def _store(path, content):
    with open(path + ".new", "wb") as file:
        file.write(content)
    os.rename(path + ".new", path)


def _prepared(verifier, role, public):
    try:
        with open(verifier.keys_path + role, "rb") as file:
            while True:
                teeth = file.read(TEETH_SIZE)
                if len(teeth) < TEETH_SIZE:
                    break
                if teeth[:64] == public:
                    return teeth
    except OSError:
        pass
    return verifier.unstored.get(public)
