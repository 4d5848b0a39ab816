"""A float in the base pan: a contact that water closes or opens. Loaded for a model that has one.

An interrupt latches every edge, so that water which came and went while the loop stood still counts as one wet sample.
Two latches in a row without the level itself do not: a cable that picks up noise alarms nobody.
"""

from firmware.sensors.reading import OK
from firmware.sensors.sensor import Sensor


class Float(Sensor):
    """`wet` is True, False, or None before the first sample; `fresh`: the last call of `sample` took one. A contact cannot
    tell a cut cable from its resting state: the profile's `active` level should be the one that a cut cable gives."""

    kind = "float"
    tally = None
    damp = False

    def __init__(self, spec, pin, ticks):
        super().__init__(spec, pin, ticks)
        self._every_ms = max(1, spec["sample_ms"] // 4)
        self._on = int(spec["active"] == "high")
        self._latched = self._by_latch = False
        self.fresh = False
        if pin is not None:
            pin.irq(self._on_edge)

    def _on_edge(self, pin):
        self._latched = True  # an interrupt: no work, no memory

    def sample(self, now):
        """Look if it is time to at `now` (ticks in ms)."""
        self.fresh = self._due(now)
        if not self.fresh or self.source is None:
            return
        latched = self._latched
        self._latched = False
        self.raw = self.source.value()
        self._at = now
        on = self.raw == self._on
        self._by_latch = latched and not on and not self._by_latch
        self.wet = on or self._by_latch
        self.quality = OK
