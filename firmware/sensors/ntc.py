"""A thermistor under a pull-up: microvolts to thousandths of a degree, in whole numbers only.

The build turned the part, the pull-up and the supply into a table of voltages at equally spaced temperatures
(tools/nameplate/factory/thermistor.py): here is only a search in it and a straight line between two of its points.
"""

from array import array
from binascii import a2b_base64

from firmware.sensors.analog import Analog
from firmware.sensors.reading import OK
from firmware.sensors.temperature import Temperature


class Thermistor(Temperature, Analog):
    """A temperature sensor on an ADC pin. The table's ends bound what it can say."""

    kind = "ntc"

    def __init__(self, spec, adc, ticks):
        super().__init__(spec, adc, ticks)
        self._rails(spec)
        self._first = spec["first_milli"]
        self._step = spec["step_milli"]
        self._table = array("H", a2b_base64(spec["table"]))  # as the chip has it: low byte first

    def sample(self, now):
        """Take a sample if one is due at `now` (ticks in ms); True when the sensor was asked."""
        if not self._due(now):
            return False
        quality = self._measure(now)
        if quality == OK:
            self.take(self.milli_at(self.raw), self.raw, now)
        else:
            self.miss(quality, now)
        return True

    def milli_at(self, uv):
        """Thousandths of a degree at so many microvolts, or None beyond the table, whose unit is 64 of them."""
        table = self._table
        cold, hot = 0, len(table) - 1
        if not table[hot] << 6 <= uv <= table[0] << 6:
            return None
        while hot - cold > 1:
            middle = (cold + hot) >> 1
            if uv <= table[middle] << 6:
                cold = middle
            else:
                hot = middle
        upper = table[cold] << 6
        part = self._step * (upper - uv) // (upper - (table[hot] << 6))
        return self._first + self._step * cold + part
