"""A leak probe: two conductors in a tray with a resistor at their far end, read through a pull-up.

The end resistor is what tells a dry probe from a cut one. Water lies parallel to it and lowers the loop. Between the
two limits the loop is damp, and the last answer stands: condensation alone never makes a leak, and a probe that dries
stays wet until it is dry. Limits are turned into microvolts once, because a sample comes every 20 ms and products of
ohms and microvolts do not fit a small integer.
"""

from firmware.sensors.analog import Analog
from firmware.sensors.reading import OK


class LeakProbe(Analog):
    """`wet` is True, False, or None whenever the quality is not "ok"; `damp`: between wet and dry; `fresh`: the last call
    of `sample` took one. It is sampled as often as it is asked, which is every `sample_ms` or, while a leak is suspected,
    closer."""

    kind = "leak"
    tally = None

    def __init__(self, spec, adc, ticks):
        super().__init__(spec, adc, ticks)
        self._rails(spec)
        self._every_ms = max(1, spec["sample_ms"] // 4)
        self._supply = spec["supply_uv"]
        self._pull_up = spec["pull_up_ohm"]
        self._wet_below = self._uv_at(spec["wet_below_ohm"])
        self._dry_above = self._uv_at(spec["dry_above_ohm"])
        self._was_wet = False
        self.wet = None
        self.damp = self.fresh = False

    def _uv_at(self, ohm):
        return self._supply * ohm // (self._pull_up + ohm)

    def sample(self, now):
        """Take a sample if one is due at `now` (ticks in ms); True when the probe was asked."""
        self.fresh = self._due(now)
        if not self.fresh:
            return False
        self.quality = self._measure(now)
        self.wet = None
        self.damp = False
        if self.quality == OK:
            if self.raw <= self._wet_below:
                self._was_wet = True
            elif self.raw > self._dry_above:
                self._was_wet = False
            else:
                self.damp = True
            self.wet = self._was_wet
        return True

    def ohm(self):
        """The whole loop in ohm, as last seen between the rails; None before."""
        if self.raw is None or not 0 <= self.raw < self._supply:
            return None
        return self._pull_up * self.raw // (self._supply - self.raw)
