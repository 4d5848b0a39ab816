"""What the sensors on an ADC pin have in common: several conversions to a sample, and the rails.

A sample is the mean of five conversions without the highest and the lowest, as the chip's calibration has them. A
converter at the end of its scale means an open wire, whatever microvolts it says: an ESP32-C3 ends near 2.8 V, below the
limit that a profile gives.
"""

from firmware.sensors.reading import OK, OPEN, SHORT
from firmware.sensors.sensor import Sensor


def measure(adc):
    """Microvolts; raises OSError where the converter does."""
    low = high = total = adc.read_uv()
    for _ in range(4):
        uv = adc.read_uv()
        total += uv
        if uv < low:
            low = uv
        elif uv > high:
            high = uv
    return (total - low - high) // 3


class Analog(Sensor):
    """The source has read_uv() and read_u16(), as machine.ADC."""

    def _rails(self, spec):
        self._short_below = spec["short_below_uv"]
        self._open_above = spec["open_above_uv"]

    def _measure(self, now):
        """Take a sample: the quality of its wire."""
        adc = self.source
        try:
            if adc is None:
                return self._lost()
            uv = measure(adc)
            full = uv > 2400000 and adc.read_u16() == 65535
        except OSError:
            return self._lost()
        self._took(uv, now)
        if uv < self._short_below:
            return SHORT
        return OPEN if full or uv > self._open_above else OK
