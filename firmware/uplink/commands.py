"""Signed commands from the manufacturer's backend.

A command is taken one at a time and within the budget of its carrier, before anything is computed. There is one method
so far: `identity`, answered with who this appliance is, if the owner's consent is full.
"""

from firmware.clock import FLOOR
from firmware.reply import Busy, Unsigned
from lib import rare

_CARRIER = "mqtt"
_ROLE = "backend"
_LIMIT = 1024
_REMEMBERED = 8
_RARE = ("firmware.uplink.command_check", "lib.strictjson", "lib.jws_verify")


class Commands:
    """`refused.count(reason)` is told of every message that gets no answer."""

    def __init__(self, unit, settings, clock, verifier, replies, refused):
        self._unit = unit
        self._settings = settings
        self._clock = clock
        self._verifier = verifier
        self._replies = replies
        self._refused = refused
        self._command = None
        self._prepared = False
        self._nonces = []

    def offer(self, payload):
        """Take a message for later, or refuse it. Called while reading from the network: computes nothing."""
        if self._settings.consent != "full":
            self._refused.count("consent")
        elif len(payload) > _LIMIT:
            self._refused.count("oversize")
        elif self._command is not None or not self._verifier.admit(_CARRIER):
            self._refused.count("rate")
        else:
            self._command = payload

    @property
    def waiting(self):
        """Whether there is something to do: a command, or, once after the start, the keys to prepare for one."""
        return self._command is not None or not self._prepared

    async def answer(self):
        """The signed reply to the command that waits, or None when it deserves none."""
        if not self._prepared:
            self._prepared = True
            await self._verifier.prove(_ROLE, None)
        if self._command is None:
            return None
        try:
            return await self._answer()
        finally:
            self._command = None

    async def _answer(self):
        # What can be told without arithmetic is told first, and its code is gone before that of the curve is loaded.
        from firmware.uplink import command_check

        try:
            claims, why = command_check.check(
                self._command, _LIMIT, self._unit, _ROLE, self._clock.floor, self._nonces
            )
        finally:
            command_check = None
            rare.forget(_RARE)
        if why is None:
            nonce, issued, signed = claims
            why = await self._verifier.prove(_ROLE, signed)
        if why is None:
            self._clock.learn(issued, FLOOR)  # a time that was signed has come
            self._nonces = self._nonces[1 - _REMEMBERED :] + [nonce]
            if self._settings.consent != "full":
                why = "consent"
        if why is None:
            try:
                return await self._replies.identity(nonce, _CARRIER)
            except (Busy, Unsigned):
                why = "rate"
        self._refused.count(why)
        return None
