"""When a wet probe is a leak, and when a leak is over.

Confirmed when three samples in a row were wet and the probe has not been seen dry for the debounce time. Time in which the
loop stood still counts: 40 ms, and an erase of flash of 100 ms in their midst or before them, are less than 150 ms.
Over after the probe has been seen dry, without a break, for ten seconds. A probe that is open, shorted or stale says
nothing: it ends a run of wet samples before it is confirmed, it never clears what is, and the dry time starts anew.

A leak from before this start of the unit is neither sounded nor forgotten until the probe speaks: wet confirms it anew,
ten seconds dry clear it. While the probe is faulty by a rule of its own (SILENCED), no leak is raised.
"""

from firmware.diagnosis.faults import (
    CLEAR,
    CONFIRMED,
    FOR,
    HEAD,
    KNOWN,
    OLD,
    RECOVERING,
    SILENCED,
    SINCE,
    STATES,
    SUSPECTED,
    TIMER,
    TIMES,
    WINDOW,
)

CLEAR_MS = 10000
_SAMPLES = 3
_MOST = 1 << 29  # no sum grows beyond
# Samples since the judge last looked: known, and not known.
GOOD = HEAD
BAD = HEAD + 1


class Leak:
    """The rule of one leak: `index` of `faults`, on `sensor` (wet, fresh), with the sensor's part of the profile `spec`.

    `suspected`: wet, and not confirmed yet.
    """

    def __init__(self, faults, index, sensor, spec, uptime_s, ticks):
        self.index = index
        self.sensor = sensor
        self.suspected = False
        self._cells = faults.cells
        self._at = faults.starts[index]
        self._uptime_s = uptime_s
        self._ticks = ticks
        self._debounce_ms = spec["debounce_ms"]
        self._sample_ms = spec["sample_ms"]
        # Samples further apart than this leave a hole in which nobody looked.
        self._gap_ms = spec["stale_ms"]
        self._run = 0  # wet samples
        self._run_ms = 0
        self._last = None

    def step(self, now):
        """Take the sensor's newest sample, at `now` (ticks in ms); CONFIRMED, CLEAR, or None when nothing changed."""
        if not self.sensor.fresh:
            return None
        cells = self._cells
        at = self._at
        wet = self.sensor.wet
        passed = 0 if self._last is None else self._ticks.ticks_diff(now, self._last)
        whole = 0 <= passed <= self._gap_ms
        self._last = now
        if not whole:
            passed = 0
        seen = at + (BAD if wet is None else GOOD)
        cells[seen] = min(cells[seen] + 1, _MOST)
        flags = cells[at] & ~STATES
        known = cells[at] & STATES >= CONFIRMED
        if not wet or flags & SILENCED:
            self._run = 0
        elif not known or flags & OLD:
            return self._wet(cells, at, flags, known, passed, whole)
        self.suspected = False
        if not known:  # dry, or not known: neither raises
            cells[at] = CLEAR | flags
            return None
        self._count(cells, at, wet, passed)
        if wet is False and whole:
            cells[at] = RECOVERING | flags
            cells[at + TIMER] += passed
            if cells[at + TIMER] < CLEAR_MS:
                return None
            cells[at] = CLEAR | flags & SILENCED
            return CLEAR
        cells[at + TIMER] = 0
        if wet:
            cells[at] = CONFIRMED | flags
        return None

    def _wet(self, cells, at, flags, known, passed, whole):
        # A wet sample where no leak is confirmed, or only one from before this start.
        if self._run == 0 or not whole:
            self._run = 0
            self._run_ms = passed or self._sample_ms  # since the sample before it
            if not known:
                cells[at + SINCE] = self._uptime_s()
                cells[at + WINDOW] = cells[at + KNOWN] = cells[at + FOR] = 0
        else:
            self._run_ms += passed
            self._count(cells, at, True, passed)
        self._run += 1
        cells[at + TIMER] = 0
        self.suspected = self._run < _SAMPLES or self._run_ms < self._debounce_ms
        if self.suspected:
            if not known:
                cells[at] = SUSPECTED | flags
            return None
        self._run = 0
        cells[at] = CONFIRMED
        cells[at + TIMES] += not known
        return CONFIRMED

    def _count(self, cells, at, wet, passed):
        if cells[at + WINDOW] < _MOST:
            cells[at + WINDOW] += passed
            cells[at + KNOWN] += 0 if wet is None else passed
            cells[at + FOR] += passed if wet else 0
