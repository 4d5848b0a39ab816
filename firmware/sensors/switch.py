"""A contact of the appliance: a door, or a signal of its own controller through an opto-coupler.

One contact cannot be cross-checked: with a pin it is "ok", without one "unknown". It has changed when two samples in a
row say so.
"""

from firmware.sensors.reading import OK, UNKNOWN
from firmware.sensors.sensor import Sensor
from firmware.sensors.tally import Tally


class Switch(Sensor):
    """`state` is True (on), False or, before the first sample, None; `tally` holds 1000 for each sample that was on."""

    kind = "switch"

    def __init__(self, spec, pin, ticks):
        super().__init__(spec, pin, ticks)
        self.tally = Tally()
        self._on = spec["active"] == "high"

    def sample(self, now):
        """Look if it is time to at `now` (ticks in ms)."""
        if not self._due(now):
            return
        if self.source is None:
            self.tally.miss(UNKNOWN)
            return
        level = self.source.value()
        if self.raw is None or level == self.raw:
            self.state = level == self._on
        self.raw = level
        self._at = now
        self.quality = OK
        self.tally.take(1000 if self.state else 0)
