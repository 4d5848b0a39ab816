"""What all sensors have in common: who it is, when it is due, how old its last answer is.

A sensor's `sample(now)` never waits long, raises nothing and may be called every few milliseconds. A failed attempt
makes the sensor stale at once: the last good value is not today's. What keeps failing is asked once a second.
"""

from firmware.sensors.reading import OK, STALE, UNKNOWN, Reading


class Sensor:
    """`spec`: the sensor's part of the profile; `source`: what it is read from, None where that could not be had; `ticks`
    has ticks_diff(), as the time module. `quality` is that of the last sample, `failures` counts those in a row.
    """

    unit = None
    milli = None
    state = None
    wet = None

    def __init__(self, spec, source, ticks):
        self.name = spec["name"]
        self.title = spec.get("title", spec["name"])
        self.quality = UNKNOWN
        self.raw = None
        self.failures = 0
        self.source = source
        self._ticks = ticks
        self._every_ms = spec["sample_ms"]
        self.stale_ms = spec["stale_ms"]
        self._at = self._tried = None

    def _due(self, now):
        """Whether a sample is due at `now` (ticks in ms); it counts as tried then."""
        if self._tried is not None:
            pace = self._every_ms
            if self.failures >= 25 and pace < 1000:
                pace = 1000
            if 0 <= self._ticks.ticks_diff(now, self._tried) < pace:
                return False
        self._tried = now
        return True

    def _took(self, raw, now):
        self.raw = raw
        self._at = now
        self.failures = 0

    def _lost(self):
        """An attempt failed; the quality that follows from it."""
        self.failures += 1
        return UNKNOWN if self._at is None else STALE

    def age(self, now):
        """Ticks in ms since the source last answered, or None."""
        return None if self._at is None else self._ticks.ticks_diff(now, self._at)

    def quality_at(self, now):
        """The quality as of `now`: what was good becomes stale when no sample follows it."""
        age = self.age(now)
        if age is None:
            return self.quality
        # A negative age is one that has run past what ticks can tell apart (6.2 days on the chip).
        return self.quality if 0 <= age <= self.stale_ms else STALE

    def ohm(self):
        """The resistance behind the last sample, where that can be said."""

    def reading(self, now):
        """The Reading as of `now` (ticks in ms)."""
        quality = self.quality_at(now)
        if quality != OK:
            return Reading(self.name, quality, self.raw, self._at, self.unit)
        state = self.state if self.wet is None else self.wet
        return Reading(self.name, OK, self.raw, self._at, self.unit, self.milli, state, self.ohm())
