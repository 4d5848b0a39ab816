"""When a wet probe is a leak, and when a leak is over.

Confirmed after so many wet samples in a row that they span the debounce time (three at 20 ms for 60 ms). Over after the
probe has been seen dry, without a break, for ten seconds. A probe that is open, shorted or stale says nothing: it ends
a run of wet samples before it is confirmed, it never clears what is, and the dry time starts anew after it.
"""

import time

DRY = "dry"
SUSPECTED = "suspected"
CONFIRMED = "confirmed"
CLEARED = "cleared"
CLEAR_MS = 10000


class LeakFault:
    """The state of one leak fault of the profile.

    `code`, `text`, `next_step`, `part`: as the profile words it. `state` is "dry", "suspected" or "confirmed".
    `since`: uptime in seconds when the present leak was first seen wet, or None. `sensor` is the LeakProbe.
    """

    def __init__(self, fault, probe, spec, uptime_s, ticks=time):
        self.code = fault["code"]
        self.text = fault["text"]
        self.next_step = fault.get("next", "")
        self.part = fault.get("part", "")
        self.sensor = probe
        self.state = DRY
        self.since = None
        self._uptime_s = uptime_s
        self._ticks = ticks
        self._needed = max(1, spec["debounce_ms"] // spec["sample_ms"])
        # Samples further apart than this leave a hole in which nobody looked.
        self._gap_ms = spec["stale_ms"]
        self._run = 0
        self._last = None
        self._dry_ms = 0
        self._wet_ms = 0
        self._seen_ms = 0

    @property
    def suspected(self):
        """True while a leak may be about to be confirmed: put off what blocks."""
        return self.state == SUSPECTED

    def step(self, now):
        """Take the probe's newest sample, at `now` (ticks in ms); "confirmed", "cleared" or None when nothing changed."""
        wet = self.sensor.wet
        passed = 0 if self._last is None else self._ticks.ticks_diff(now, self._last)
        whole = 0 <= passed <= self._gap_ms
        self._last = now
        if not whole:
            passed = 0
        if self.state == CONFIRMED:
            self._seen_ms += passed
            if wet:
                self._wet_ms += passed
            return self._step_confirmed(wet, passed, whole)
        if not wet:  # dry or unknown: neither raises
            self._run = 0
            self.state = DRY
            return None
        if self._run == 0 or not whole:
            self._run = 0
            self.since = self._uptime_s()
            self._seen_ms = self._wet_ms = 0
        else:
            self._seen_ms += passed
            self._wet_ms += passed
        self._run += 1
        if self._run < self._needed:
            self.state = SUSPECTED
            return None
        self.state = CONFIRMED
        self._dry_ms = 0
        return CONFIRMED

    def _step_confirmed(self, wet, passed, whole):
        if wet is not False or not whole:
            self._dry_ms = 0
            return None
        self._dry_ms += passed
        if self._dry_ms < CLEAR_MS:
            return None
        self.state = DRY
        self._run = 0
        return CLEARED

    def evidence(self):
        """What the fault rests on, in one line: "wet 241 of 241 s, loop 9.8 kohm, probe healthy"."""
        reading = self.sensor.reading(self._ticks.ticks_ms())
        line = f"wet {self._wet_ms // 1000} of {self._seen_ms // 1000} s"
        if reading.quality != "ok":
            return line + f", probe now {reading.quality}: not known whether it is dry"
        return line + f", loop {reading.ohm // 1000}.{reading.ohm // 100 % 10} kohm, probe healthy"
