"""A thermistor under a pull-up: microvolts to thousandths of a degree, in whole numbers only.

The build turned the part, the pull-up and the supply into a table of voltages at equally spaced temperatures
(tools/nameplate/factory/thermistor.py): here is only a search in it and a straight line between two of its points.
"""

from array import array
from binascii import a2b_base64

from firmware.sensors.reading import OK
from firmware.sensors.temperature import Temperature


class Thermistor(Temperature):
    """A temperature sensor on an ADC pin. The table's ends bound what it can say."""

    kind = "ntc"

    def __init__(self, spec, adc, ticks):
        super().__init__(spec, adc, ticks)
        self._short_below = spec["short_below_uv"]
        self._open_above = spec["open_above_uv"]
        self._first = spec["first_milli"]
        self._step = spec["step_milli"]
        self._table = array("H", a2b_base64(spec["table"]))  # as the chip has it: low byte first

    def sample(self, now):
        """Take a sample if one is due at `now` (ticks in ms)."""
        if self._due(now):
            quality = self._measure(now, self._short_below, self._open_above)
            if quality == OK:
                self.take(self.milli_at(self.raw), self.raw, now)
            else:
                self.miss(quality, now)

    def milli_at(self, uv):
        """Thousandths of a degree at so many microvolts, or None beyond the table, whose unit is 64 of them."""
        table = self._table
        if uv > table[0] << 6:
            return None
        for hot in range(1, len(table)):
            below = table[hot] << 6
            if uv >= below:
                above = table[hot - 1] << 6
                return self._first + self._step * (hot - 1) + self._step * (above - uv) // (above - below)
        return None
