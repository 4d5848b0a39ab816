"""When a wet probe is a leak, and when a leak is over.

Confirmed when three samples in a row were wet and the probe has not been seen dry for the debounce time. Time in which the
loop stood still counts: 40 ms, and an erase of flash of 100 ms in their midst or before them, are less than 150 ms.
Over after the probe has been seen dry, without a break, for ten seconds. A probe that is open, shorted or stale says
nothing: it ends a run of wet samples before it is confirmed, it never clears what is, and the dry time starts anew.
"""

import time

DRY = "dry"
SUSPECTED = "suspected"
CONFIRMED = "confirmed"
CLEARED = "cleared"
CLEAR_MS = 10000
_SAMPLES = 3


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
        self._debounce_ms = spec["debounce_ms"]
        self._sample_ms = spec["sample_ms"]
        # Samples further apart than this leave a hole in which nobody looked.
        self._gap_ms = spec["stale_ms"]
        self._run = 0
        self._last = None
        self._dry_ms = 0
        self._before_ms = 0  # the first wet sample of a run, since the one before it
        self._wet_ms = 0
        self._seen_ms = 0

    def step(self, now):
        """Take the probe's newest sample, at `now` (ticks in ms); "confirmed", "cleared" or None when nothing changed."""
        if not self.sensor.fresh:
            return None
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
            self._before_ms = passed or self._sample_ms
        else:
            self._seen_ms += passed
            self._wet_ms += passed
        self._run += 1
        if self._run < _SAMPLES or self._before_ms + self._wet_ms < self._debounce_ms:
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
