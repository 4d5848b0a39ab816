"""Signed commands from the manufacturer's backend.

A command is taken one at a time and within the budget of its carrier, before anything is computed. There is one method
so far: `identity`, answered with who this appliance is, if the owner's consent is full.
"""

from firmware.reply import Busy, Unsigned
from lib import rare
from lib.loading import Quick

_CARRIER = "mqtt"
_LIMIT = 1024
_REMEMBERED = 8
_RARE = (
    "firmware.uplink.command_check", "firmware.proving", "lib.strictjson", "lib.jws_verify", "lib.p256_verify",
)  # fmt: skip


class Commands:
    """`refused.count(reason)` is told of every message that gets no answer."""

    def __init__(self, settings, clock, verifier, replies, refused):
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
        async with self._verifier.one_at_a_time:
            try:
                async with self._verifier.curve:
                    nonce = await self._check()
            finally:
                self._command = None
                rare.forget(_RARE)
        if nonce is None:
            return None
        try:
            return await self._replies.identity(nonce, _CARRIER)
        except (Busy, Unsigned):
            self._refused.count("rate")
            return None

    async def _check(self):
        """The nonce to answer, or None."""
        with Quick():
            from firmware import proving
            from firmware.uplink import command_check

        if not self._prepared:
            self._prepared = True
            await proving.prepare(self._verifier, "backend")
        if self._command is None:
            return None
        nonce, why = await command_check.check(
            self._command, _LIMIT, self._clock, self._verifier, self._nonces
        )
        if why is None and self._settings.consent != "full":
            why = "consent"
        if why is not None:
            self._refused.count(why)
            return None
        self._nonces = self._nonces[1 - _REMEMBERED :] + [nonce]
        return nonce
