"""A leak probe: two conductors in a tray with a resistor at their far end, read through a pull-up.

The end resistor is what tells a dry probe from a cut one. Water lies parallel to it and lowers the loop. Between the
two limits the last answer stands. Limits are turned into microvolts once, because a sample comes every 20 ms and
products of ohms and microvolts do not fit a small integer.
"""

from firmware.sensors.analog import Analog
from firmware.sensors.reading import OK, Reading


class LeakProbe(Analog):
    """`wet` is True, False, or None whenever the quality is not "ok"; `fresh`: the last call of `sample` took one.

    It is sampled as often as it is asked, which is every `sample_ms` or, while a leak is suspected, closer.
    """

    def __init__(self, spec, adc, ticks):
        super().__init__(spec, adc, ticks)
        self._every_ms = self._pace_ms = max(1, spec["sample_ms"] // 4)
        self._supply = spec["supply_uv"]
        self._pull_up = spec["pull_up_ohm"]
        self._wet_below = self._uv_at(spec["wet_below_ohm"])
        self._dry_above = self._uv_at(spec["dry_above_ohm"])
        self._was_wet = False
        self.wet = None
        self.fresh = False

    def _uv_at(self, ohm):
        return self._supply * ohm // (self._pull_up + ohm)

    def sample(self, now):
        self.fresh = super().sample(now)
        if not self.fresh:
            return False
        if self.quality != OK:
            self.wet = None
        else:
            if self._uv <= self._wet_below:
                self._was_wet = True
            elif self._uv > self._dry_above:
                self._was_wet = False
            self.wet = self._was_wet
        return True

    def reading(self, now):
        """The Reading as of `now` (ticks in ms)."""
        quality = self.quality_at(now)
        ohm = self._pull_up * self._uv // (self._supply - self._uv) if quality == OK else None
        return Reading(
            self.name, quality, self._uv, self._at, state=self.wet if quality == OK else None, ohm=ohm
        )
