"""Signed commands from the manufacturer's backend.

A command is taken one at a time and at a bounded rate, before anything is computed. There is one method so far:
`identity`, answered with who this appliance is, if the owner's consent is full.
"""

import time

from firmware.reply import Busy, Unsigned
from lib import rare
from lib.loading import Quick

_BURST = 3
_REFILL_MS = 5000
_REMEMBERED = 8
_RARE = (
    "firmware.uplink.command_check", "lib.strictjson", "lib.jws_verify", "lib.p256_verify", "lib.p256_point",
)  # fmt: skip


class Commands:
    """`refused.count(reason)` is told of every message that gets no answer."""

    def __init__(self, unit, settings, clock, p256, replies, refused, ticks=time):
        self._unit = unit
        self._settings = settings
        self._clock = clock
        self._p256 = p256
        self._replies = replies
        self._refused = refused
        self._ticks = ticks
        self._command = None
        self._credit = _BURST
        self._refilled = ticks.ticks_ms()
        self._nonces = []

    def offer(self, payload):
        """Take a message for later, or refuse it. Called while reading from the network: computes nothing."""
        self._refill()
        if self._settings.consent != "full":
            self._refused.count("consent")
        elif self._command is not None or not self._credit:
            self._refused.count("rate")
        else:
            self._credit -= 1
            self._command = payload

    @property
    def waiting(self):
        return self._command is not None

    async def answer(self):
        """The signed reply to the command that waits, or None when it deserves none."""
        try:
            return await self._answer()
        finally:
            self._command = None
            rare.forget(_RARE)

    async def _answer(self):
        with Quick():
            from firmware.uplink import command_check

        nonce, why = await command_check.check(
            self._command, self._unit, self._clock, self._p256, self._nonces
        )
        if why is None and self._settings.consent != "full":
            why = "consent"
        if why is None:
            self._nonces = self._nonces[1 - _REMEMBERED :] + [nonce]
            try:
                return await self._replies.identity(nonce, "mqtt")
            except (Busy, Unsigned):
                why = "rate"
        self._refused.count(why)
        return None

    def _refill(self):
        now = self._ticks.ticks_ms()
        passed = self._ticks.ticks_diff(now, self._refilled)
        if passed >= _REFILL_MS or passed < 0:
            self._credit = min(_BURST, self._credit + max(1, passed // _REFILL_MS))
            self._refilled = now
