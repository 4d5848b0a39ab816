"""What the sensors on an ADC pin have in common: when to sample, when a sample is too old, and the rails.

`sample` is cheap and never waits; it may run every few milliseconds and allocates nothing but the microvolts. A failed
conversion makes the sensor stale at once: the last good value is not today's. A converter that keeps failing (a chip
without the maker's calibration cannot tell microvolts at all) is asked once a second until it answers.
"""

from firmware.sensors.reading import OK, OPEN, SHORT, STALE

_PATIENCE = 25  # failures in a row
_RETRY_MS = 1000


class Analog:
    """`adc` has read_uv(), or is None when the pin could not be had; `spec` is the sensor's part of the profile."""

    def __init__(self, spec, adc, ticks):
        self.name = spec["name"]
        self.title = spec.get("title", spec["name"])
        self.failures = 0
        self.quality = STALE
        self._adc = adc
        self._ticks = ticks
        self._every_ms = spec["sample_ms"]
        self._stale_ms = spec["stale_ms"]
        self._short_below = spec["short_below_uv"]
        self._open_above = spec["open_above_uv"]
        self._uv = None
        self._at = None
        self._tried = None
        self._failed = 0  # in a row
        self._pace_ms = self._every_ms

    def sample(self, now):
        """Take a sample if one is due at `now` (ticks in ms); True when the sensor was asked."""
        if self._tried is not None and 0 <= self._ticks.ticks_diff(now, self._tried) < self._pace_ms:
            return False
        self._tried = now
        try:
            uv = self._adc.read_uv() if self._adc else None
        except OSError:
            uv = None
        if uv is None:
            self.failures += 1
            self.quality = STALE
            self._failed += 1
            if self._failed >= _PATIENCE:
                self._failed = _PATIENCE
                self._pace_ms = max(self._every_ms, _RETRY_MS)
            return True
        self._failed = 0
        self._pace_ms = self._every_ms
        self._uv = uv
        self._at = now
        if uv < self._short_below:
            self.quality = SHORT
        elif uv > self._open_above:
            self.quality = OPEN
        else:
            self.quality = OK
        return True

    def age(self, now):
        """Ticks in ms since the last good conversion, or None."""
        return None if self._at is None else self._ticks.ticks_diff(now, self._at)

    def quality_at(self, now):
        """The quality as of `now`: what was good becomes stale when no sample follows it."""
        age = self.age(now)
        # A negative age is one that has run past what ticks can tell apart (6.2 days on the chip).
        return self.quality if age is not None and 0 <= age <= self._stale_ms else STALE
