"""Samples the sensors, judges them and sounds the alarm, all in one step that needs nothing but the pins.

The alarm is driven in the same step that confirms a leak, before anything is signed or sent. What changed waits in a
short queue for whoever signs events; the queue is filled from the sampling task and by the examiner, never from an
interrupt.
"""

import asyncio
import time

from firmware.diagnosis.faults import CONFIRMED, HEAD

_PERIOD_MS = 20
_CLOSER_MS = 10  # while a leak is suspected
_QUEUE = 8
_CELLS = HEAD + 3


class Change:
    """One change of a fault: `index`, its place in the profile; `state` ("confirmed" or "cleared"), `since` (uptime in
    seconds when it was first suspected), `cells` (the head of its row) and `readings` at that moment."""

    def __init__(self, faults, index, state, readings):
        start = faults.starts[index]
        self.index = index
        self.code = faults.codes[index]
        self.state = state
        self.since = faults.since(index)
        self.cells = faults.cells[start : start + _CELLS]
        self.readings = readings


class Watch:
    """`faults`: a Faults; `leaks`: the Leak rules among them; `station`: a Station; `alarm`: an Alarm; `presence`: a
    Presence, or None.

    `missed` counts changes that were dropped because nobody took them; the newest are kept. `suspected`: a leak may be about
    to be confirmed, so whatever blocks the loop is to be put off.
    """

    def __init__(self, faults, leaks, station, alarm, presence=None, ticks=time):
        self.faults = faults
        self.leaks = leaks
        self.station = station
        self._alarm = alarm
        self._presence = presence
        self._ticks = ticks
        self._queue = []
        self.missed = 0
        self.suspected = False
        self.chip = None  # what evidence takes the readings' uncertainty from; set by firmware.build

    def step(self):
        """One round: sample, judge, sound or silence. Takes well under a millisecond and raises nothing."""
        now = self._ticks.ticks_ms()
        self.station.sample(now)
        if self._presence is not None:
            self._presence.step()
        suspected = False
        for leak in self.leaks:
            state = leak.step(now)
            if state is not None:
                self.tell(leak.index, state)
            suspected |= leak.suspected
        self.suspected = suspected

    def tell(self, index, state):
        """A fault was confirmed (CONFIRMED) or cleared (CLEAR): sound or silence the alarm, then queue it."""
        faults = self.faults
        self._alarm.set(faults.sounding())
        faults.changed = True
        if len(self._queue) == _QUEUE:
            self._queue.pop(0)
            self.missed += 1
        word = "confirmed" if state == CONFIRMED else "cleared"
        self._queue.append(Change(faults, index, word, self.station.readings()))

    def take(self):
        """The oldest Change that nobody took yet, or None."""
        return self._queue.pop(0) if self._queue else None

    async def run(self, alive):
        """Step for ever; `alive()` is called in every round, for the supervisor."""
        due = self._ticks.ticks_ms()
        while True:
            self.step()
            alive()
            due = self._ticks.ticks_add(due, _CLOSER_MS if self.suspected else _PERIOD_MS)
            wait = self._ticks.ticks_diff(due, self._ticks.ticks_ms())
            if not 0 <= wait <= _PERIOD_MS:  # the loop was held up: do not run after the lost rounds
                wait = 0
                due = self._ticks.ticks_ms()
            await asyncio.sleep_ms(wait)
