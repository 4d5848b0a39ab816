"""Signed commands from the manufacturer's backend.

A command is taken one at a time and within the budget of its carrier, before anything is computed. There is one method
so far: `identity`, answered with who this appliance is, if the owner's consent is full.
"""

from firmware.reply import Busy, Unsigned
from lib import rare
from lib.loading import Quick

_CARRIER = "mqtt"
LIMIT = 1024
_RARE = (
    "firmware.uplink.command_check", "firmware.proving", "lib.strictjson", "lib.jws_verify", "lib.p256_verify",
)  # fmt: skip


class Commands:
    """`refused.count(reason)` is told of every message that gets no answer. Judging is in firmware.uplink.command_check."""

    def __init__(self, settings, clock, verifier, replies, refused):
        self.settings = settings
        self.clock = clock
        self.verifier = verifier
        self.refused = refused
        self.token = None  # the command that waits
        self.prepared = False
        self.answered = []  # the last nonces
        self._replies = replies

    def offer(self, payload):
        """Take a message for later, or refuse it. Called while reading from the network: computes nothing."""
        if self.settings.consent != "full":
            self.refused.count("consent")
        elif len(payload) > LIMIT:
            self.refused.count("oversize")
        elif self.token is not None or not self.verifier.admit(_CARRIER):
            self.refused.count("rate")
        else:
            self.token = payload

    @property
    def waiting(self):
        """Whether there is something to do: a command, or, once after the start, the keys to prepare for one."""
        return self.token is not None or not self.prepared

    async def answer(self):
        """The signed reply to the command that waits, or None when it deserves none."""
        verifier = self.verifier
        async with verifier.one_at_a_time:
            try:
                async with verifier.curve:
                    with Quick():
                        from firmware.uplink import command_check

                    nonce = await command_check.judge(self)
            finally:
                self.token = command_check = None
                rare.forget(_RARE)
        if nonce is not None:
            try:
                return await self._replies.identity(nonce, _CARRIER)
            except (Busy, Unsigned):
                self.refused.count("rate")
        return None
