"""A thermistor: thousandths of a degree, or what is wrong with its wire. See lib/ntc.py for the arithmetic."""

from firmware.sensors.analog import Analog
from firmware.sensors.reading import OK, STALE, Reading
from lib.ntc import Ntc


class Thermistor(Analog):
    """A temperature sensor on an ADC pin."""

    def __init__(self, spec, adc, ticks):
        super().__init__(spec, adc, ticks)
        self._ntc = Ntc(spec["r25_ohm"], spec["beta_k"], spec["pull_up_ohm"], spec["supply_uv"])

    def reading(self, now):
        """The Reading as of `now` (ticks in ms)."""
        quality = self.quality_at(now)
        milli = ohm = None
        if quality == OK:
            try:
                ohm = self._ntc.ohms(self._uv)
                milli = self._ntc.milli_celsius(self._uv)
            except (
                ValueError
            ):  # limits in the profile wider than the model: no number is better than a wrong one
                quality = STALE
        return Reading(self.name, quality, self._uv, self._at, unit="Cel", milli=milli, ohm=ohm)
