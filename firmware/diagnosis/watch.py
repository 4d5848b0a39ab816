"""Samples the sensors, judges them and sounds the alarm, all in one step that needs nothing but the pins.

The alarm is driven in the same step that confirms a leak, before anything is signed or sent. What changed waits in a
short queue for whoever signs events; the queue is filled from the sampling task, never from an interrupt.
"""

import asyncio
import time

from firmware.diagnosis.leak import CONFIRMED, SUSPECTED, LeakFault

_PERIOD_MS = 20
_CLOSER_MS = 10  # while a leak is suspected
_QUEUE = 8


class Change:
    """One change of a fault: `fault` (a LeakFault), `state` ("confirmed" or "cleared"), `since` (uptime in seconds when it
    was first seen), `readings` at that moment."""

    def __init__(self, fault, state, readings):
        self.fault = fault
        self.state = state
        self.since = fault.since
        self.readings = readings


class Watch:
    """`station`: a Station; `alarm`: an Alarm; `presence`: a Presence, or None; `uptime_s()`: seconds since boot.

    `missed` counts changes that were dropped because nobody took them; the newest are kept. `suspected`: a leak may be about
    to be confirmed, so whatever blocks the loop is to be put off.
    """

    def __init__(self, profile, station, alarm, uptime_s, presence=None, ticks=time):
        self._station = station
        self._alarm = alarm
        self._presence = presence
        self._ticks = ticks
        self._changed = asyncio.Event()
        self._queue = []
        self.missed = 0
        self.suspected = False
        self.faults = []
        specs = {spec["name"]: spec for spec in profile["sensors"]}
        for fault in profile["faults"]:
            spec = specs.get(fault["sensor"])
            probe = station.sensor(fault["sensor"])
            if probe is not None and spec["kind"] == "leak":
                self.faults.append(LeakFault(fault, probe, spec, uptime_s, ticks))

    def step(self):
        """One round: sample, judge, sound or silence. Takes well under a millisecond and raises nothing."""
        now = self._ticks.ticks_ms()
        self._station.sample(now)
        if self._presence is not None:
            self._presence.step()
        suspected = False
        for fault in self.faults:
            state = fault.step(now)
            if state is not None:
                self._alarm.set(bool(self.active()))
                self._put(Change(fault, state, self._station.readings()))
            suspected |= fault.state == SUSPECTED
        self.suspected = suspected

    def active(self):
        """The confirmed faults."""
        return [fault for fault in self.faults if fault.state == CONFIRMED]

    def _put(self, change):
        if len(self._queue) == _QUEUE:
            self._queue.pop(0)
            self.missed += 1
        self._queue.append(change)
        self._changed.set()

    @property
    def waiting(self):
        """Whether next_change() has something to give at once."""
        return bool(self._queue)

    async def next_change(self):
        """Wait for the next Change and take it; for one task only."""
        while not self._queue:
            self._changed.clear()
            await self._changed.wait()
        return self._queue.pop(0)

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
