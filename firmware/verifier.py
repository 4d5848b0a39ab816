"""What messages from strangers may cost: one verification at a time, and a budget of attempts for each carrier.

A verification is nearly four signatures' work, and anyone who reaches a carrier can ask for one. Each carrier has three
attempts, and another every five seconds; a flood on one takes nothing from the others. Work under way stands aside
while a signature is made (lib.jws.Curve).
"""

import asyncio
import time

from lib import rare

_BURST = 3
_REFILL_MS = 5000
_RARE = ("firmware.proving", "lib.p256_verify")


class Verifier:
    """`keys_path`: the files of prepared keys begin with it, and end with their role (firmware.proving)."""

    def __init__(self, unit, curve, keys_path, carriers, ticks=time):
        self.unit = unit
        self.curve = curve
        self.keys_path = keys_path
        self.unstored = {}  # prepared keys that found no place on flash
        self._lock = asyncio.Lock()
        self._left = dict.fromkeys(carriers, _BURST)
        self._ticks = ticks
        self._refilled = ticks.ticks_ms()

    def admit(self, carrier):
        """Take an attempt from the carrier's budget. False when it is used up."""
        now = self._ticks.ticks_ms()
        passed = self._ticks.ticks_diff(now, self._refilled)
        if passed >= _REFILL_MS or passed < 0:
            self._refilled = now
            for name in self._left:
                self._left[name] = min(_BURST, self._left[name] + max(1, passed // _REFILL_MS))
        if not self._left[carrier]:
            return False
        self._left[carrier] -= 1
        return True

    async def prove(self, role, signed):
        """None if `signed` = (public key, digest, signature) is by that key of a role; else why not, in one word.

        With None for `signed` the keys of the role are prepared, if they are not: before any message is looked at.
        """
        async with self._lock, self.curve:
            from firmware import proving

            try:
                return await proving.prove(self, role, signed)
            finally:
                proving = None
                rare.forget(_RARE)
