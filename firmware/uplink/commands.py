"""Signed commands from the manufacturer's backend.

A command is taken one at a time and within the budget of its carrier, before anything is computed. There is one method
so far: `identity`, answered with who this appliance is, if the owner's consent is full.
"""

from lib import rare

_CARRIER = "mqtt"
_ROLE = "backend"
_LIMIT = 1024
_RARE = ("firmware.uplink.command_answer",)


class Commands:
    """`refused.count(reason)` is told of every message that gets no answer."""

    def __init__(self, unit, settings, clock, verifier, replies, refused):
        self.unit = unit
        self.settings = settings
        self.clock = clock
        self.verifier = verifier
        self.replies = replies
        self.refused = refused
        self._command = None
        self._prepared = False
        self.nonces = []

    def offer(self, payload):
        """Take a message for later, or refuse it. Called while reading from the network: computes nothing."""
        if self.settings.consent != "full":
            self.refused.count("consent")
        elif len(payload) > _LIMIT:
            self.refused.count("oversize")
        elif self._command is not None or not self.verifier.admit(_CARRIER):
            self.refused.count("rate")
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
            await self.verifier.prove(_ROLE, None)
        if self._command is None:
            return None
        try:
            from firmware.uplink import command_answer

            return await command_answer.answer(self, self._command, _CARRIER, _ROLE, _LIMIT)
        finally:
            command_answer = None
            rare.forget(_RARE)
            self._command = None
