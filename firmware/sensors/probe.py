"""A conductive probe: two electrodes in the water, driven with alternating polarity. Loaded for a model that has one.

    drive A ---[series]---+--- electrode ~ water ~ electrode --- drive B
                          +--- converter

Each sample drives A against B and then B against A for the same few conversions, and rests with both low: no charge is
moved on the whole, so the electrodes neither plate nor corrode. Seen from A the voltage is supply * R / (series + R);
from B it is what the first lacks to the supply. Both must tell the same story; where one says wet and the other dry, a
drive, a wire or an electrode is broken, and the probe says nothing.
"""

from firmware.sensors.analog import measure
from firmware.sensors.reading import IMPLAUSIBLE, OK, OPEN, SHORT, STALE, UNKNOWN
from firmware.sensors.sensor import Sensor

# What the resistance means, from none to endless.
_SHORT = 0
_WET = 1
_DAMP = 2
_DRY = 3
_OPEN = 4


class Probe(Sensor):
    """`source`: (converter, drive A, drive B). `wet` is True, False, or None whenever the quality is not "ok"; `damp`:
    between wet and dry; `fresh`: the last call of `sample` took one. `raw`: microvolts, as seen from A."""

    kind = "probe"
    tally = None

    def __init__(self, spec, source, ticks):
        super().__init__(spec, source, ticks)
        self._supply = spec["supply_uv"]
        self._series = spec["series_ohm"]
        # Without a resistor at the electrodes an endless resistance is dry; with one, it is a cut cable.
        end = spec.get("end_ohm", 0)
        self._limits = (
            self._uv_at(spec["short_below_ohm"]),
            self._uv_at(spec["wet_below_ohm"]),
            self._uv_at(spec["dry_above_ohm"]),
            self._uv_at(2 * end) if end else self._supply,
        )
        self._was_wet = False
        self._backwards = False
        self.damp = self.fresh = False

    def _uv_at(self, ohm):
        return self._supply * ohm // (self._series + ohm)

    def sample(self, now):
        """Take a sample if one is due at `now` (ticks in ms)."""
        self.fresh = self._due(now)
        if not self.fresh:
            return
        self.wet = None
        self.damp = False
        try:
            one, other = self.polarities()
        except (OSError, TypeError):  # a conversion failed; there is no source
            self.failures += 1
            self.quality = UNKNOWN if self._at is None else STALE
            return
        self.failures = 0
        self.raw = one
        self._at = now
        self.quality = self._judge(self._class(one), self._class(other))
        if self.quality == OK:
            self.wet = self._was_wet

    def polarities(self):
        """The voltage over the water in microvolts, driven from A and driven from B. Raises OSError."""
        adc, a, b = self.source
        self._backwards = not self._backwards  # by turns each is the first
        first, second = (b, a) if self._backwards else (a, b)
        try:
            first.value(1)
            one = measure(adc)
            first.value(0)
            second.value(1)
            other = measure(adc)
        finally:
            a.value(0)
            b.value(0)
        if self._backwards:
            one, other = other, one
        return one, max(0, self._supply - other)

    def _class(self, uv):
        short, wet, dry, end = self._limits
        if uv < short:
            return _SHORT
        if uv <= wet:
            return _WET
        if uv <= dry:
            return _DAMP
        return _DRY if uv <= end else _OPEN

    def _judge(self, one, other):
        if abs(one - other) > 1:
            return IMPLAUSIBLE
        # Neighbours differ by noise: the one that is safer to believe.
        low, high = min(one, other), max(one, other)
        if high == _SHORT:
            return SHORT
        if high == _OPEN:
            return OPEN
        if high == _WET:
            self._was_wet = True
        elif low == _DRY:
            self._was_wet = False
        else:
            self.damp = True
        return OK

    def ohm(self):
        """The resistance between the electrodes as last seen; None before, and where it is endless."""
        if self.raw is None or not 0 <= self.raw < self._supply:
            return None
        return self._series * self.raw // (self._supply - self.raw)
