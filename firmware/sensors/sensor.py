"""What all sensors have in common: who it is, when it is due, how old its last answer is, and a sample of a converter.

A sensor's `sample(now)` never waits long, raises nothing and may be called every few milliseconds. A failed attempt
makes the sensor stale at once: the last good value is not today's. What keeps failing is asked once a second.
"""

from firmware.sensors.analog import measure
from firmware.sensors.reading import OK, OPEN, SHORT, STALE, UNKNOWN, Reading


class Sensor:
    """`spec`: the sensor's part of the profile; `source`: what it is read from, None where that could not be had; `ticks`
    has ticks_diff(), as the time module. `quality` is that of the last sample, `failures` counts those in a row.
    """

    unit = milli = state = wet = None

    def __init__(self, spec, source, ticks):
        self.name = spec["name"]
        self.title = spec.get("title", spec["name"])
        self.quality = UNKNOWN
        self.raw = self._at = self._tried = None
        self.failures = 0
        self.source = source
        self._ticks = ticks
        self._every_ms = spec["sample_ms"]
        self.stale_ms = spec["stale_ms"]

    def _due(self, now):
        """Whether a sample is due at `now` (ticks in ms); it counts as tried then."""
        if self._tried is not None:
            pace = self._every_ms
            if self.failures >= 25:  # it is out of patience
                pace = max(pace, 1000)
            if 0 <= self._ticks.ticks_diff(now, self._tried) < pace:
                return False
        self._tried = now
        return True

    def _measure(self, now, short_below, open_above):
        """Take a sample of the converter: the quality of its wire, and `raw`."""
        adc = self.source
        try:
            uv = measure(adc)
            # A converter at the end of its scale means an open wire, whatever microvolts it says: an ESP32-C3 ends near
            # 2.8 V, below the limit that a profile gives.
            full = uv > 2400000 and adc.read_u16() == 65535
        except (OSError, AttributeError):  # a conversion failed; there is no converter
            self.failures += 1
            return UNKNOWN if self._at is None else STALE
        self.failures = 0
        self.raw = uv
        self._at = now
        if uv < short_below:
            return SHORT
        return OPEN if full or uv > open_above else OK

    def age(self, now):
        """Ticks in ms since the source last answered, or None."""
        return None if self._at is None else self._ticks.ticks_diff(now, self._at)

    def quality_at(self, now):
        """The quality as of `now`: what was good becomes stale when no sample follows it."""
        age = self.age(now)
        # A negative age is one that has run past what ticks can tell apart (6.2 days on the chip).
        return self.quality if age is None or 0 <= age <= self.stale_ms else STALE

    def ohm(self):
        """The resistance behind the last sample, where that can be said."""

    def reading(self, now):
        """The Reading as of `now` (ticks in ms)."""
        quality = self.quality_at(now)
        if quality != OK:
            return Reading(self.name, quality, self.raw, self._at, self.unit)
        state = self.state if self.wet is None else self.wet
        return Reading(self.name, OK, self.raw, self._at, self.unit, self.milli, state, self.ohm())
