"""What messages from strangers may cost: one verification at a time, and a budget of attempts for each carrier.

A verification is nearly four signatures' work, and anyone who reaches a carrier can ask for one. Each carrier has three
attempts, and another every five seconds; a flood on one takes nothing from the others. Work under way stands aside
while a signature is made (lib.jws.Curve).
"""

import asyncio
import time

_BURST = 3
_REFILL_MS = 5000


class Verifier:
    """`keys_path`: the files of prepared keys begin with it, and end with their role (firmware.proving)."""

    def __init__(self, unit, curve, keys_path, carriers, ticks=time):
        self.unit = unit
        self.curve = curve
        self.keys_path = keys_path
        self.unstored = {}  # prepared keys that found no place on flash
        self.one_at_a_time = asyncio.Lock()
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
