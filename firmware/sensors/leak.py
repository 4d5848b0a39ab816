"""A leak probe: two conductors in a tray with a resistor at their far end, read through a pull-up.

The end resistor is what tells a dry probe from a cut one. Water lies parallel to it and lowers the loop. Between the
two limits the loop is damp, and the last answer stands: condensation alone never makes a leak, and a probe that dries
stays wet until it is dry. Limits are turned into microvolts once, because a sample comes every 20 ms and products of
ohms and microvolts do not fit a small integer.
"""

from firmware.sensors.reading import OK
from firmware.sensors.sensor import Sensor


class LeakProbe(Sensor):
    """`wet` is True, False, or None whenever the quality is not "ok"; `damp`: between wet and dry; `fresh`: the last call
    of `sample` took one. It is sampled as often as it is asked, which is every `sample_ms` or, while a leak is suspected,
    closer."""

    kind = "leak"
    tally = None

    def __init__(self, spec, adc, ticks):
        super().__init__(spec, adc, ticks)
        self._every_ms = max(1, spec["sample_ms"] // 4)
        self._short_below = spec["short_below_uv"]
        self._open_above = spec["open_above_uv"]
        supply = self._supply = spec["supply_uv"]
        pull_up = self._pull_up = spec["pull_up_ohm"]
        ohm = spec["wet_below_ohm"]
        self._wet_below = supply * ohm // (pull_up + ohm)
        ohm = spec["dry_above_ohm"]
        self._dry_above = supply * ohm // (pull_up + ohm)
        self._was_wet = self.damp = self.fresh = False
        self.wet = None

    def sample(self, now):
        """Take a sample if one is due at `now` (ticks in ms)."""
        self.fresh = self._due(now)
        if not self.fresh:
            return
        self.quality = self._measure(now, self._short_below, self._open_above)
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

    def ohm(self):
        """The whole loop in ohm as last seen, or None at a rail and before the first sample."""
        left = self._supply - (self.raw or 0)
        return self._pull_up * self.raw // left if self.raw is not None and left > 0 else None
