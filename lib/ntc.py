"""A thermistor (NTC) under a pull-up resistor: microvolts to thousandths of a degree, in whole numbers only.

The Beta model, 1/T = 1/298.15 K + ln(R / R25) / Beta, with a 33-point table of the logarithm between 1 and 2: its
error is at most 0.00013, that is 0.005 K for a Beta of 3950. The divider is ratiometric: R = pull-up * V / (supply - V).
"""

# ln(1 + i/32) and ln(2), times 2**20.
_LN = (
    0, 32266, 63570, 93965, 123504, 152234, 180198, 207435, 233983, 259875, 285143, 309817, 333923,
    357487, 380534, 403085, 425161, 446782, 467966, 488731, 509092, 529065, 548665, 567906, 586800,
    605359, 623596, 641520, 659144, 676476, 693527, 710304, 726817,
)  # fmt: skip
_LN2 = 726817
_ONE = 1 << 20


def ln(numerator, denominator):
    """The natural logarithm of numerator/denominator (both above 0), times 2**20."""
    mantissa = (numerator << 24) // denominator
    if mantissa < 1:
        raise ValueError("ratio too small")
    result = -4 * _LN2
    while mantissa >= 2 * _ONE:
        mantissa >>= 1
        result += _LN2
    while mantissa < _ONE:
        mantissa <<= 1
        result -= _LN2
    index, part = (mantissa - _ONE) >> 15, mantissa & 0x7FFF
    below = _LN[index]
    return result + below + ((_LN[index + 1] - below) * part >> 15)


class Ntc:
    """One thermistor: its resistance at 25 C (ohm), its Beta (K), the pull-up (ohm), the supply (microvolts)."""

    def __init__(self, r25_ohm, beta_k, pull_up_ohm, supply_uv=3300000):
        if r25_ohm <= 0 or beta_k <= 0 or pull_up_ohm <= 0 or supply_uv <= 0:
            raise ValueError("thermistor values must be above zero")
        self._r25 = r25_ohm
        self._beta = beta_k
        self._pull_up = pull_up_ohm
        self._supply = supply_uv

    def ohms(self, uv):
        """The resistance in ohm at `uv` microvolts; ValueError at or beyond a rail."""
        self._inside(uv)
        return self._pull_up * uv // (self._supply - uv)

    def milli_celsius(self, uv):
        """The temperature in thousandths of a degree Celsius at `uv` microvolts; ValueError at or beyond a rail."""
        self._inside(uv)
        return self._from_ln(ln(self._pull_up * uv, self._r25 * (self._supply - uv)))

    def milli_celsius_at(self, ohm):
        """The temperature in thousandths of a degree Celsius at a resistance of `ohm` (above 0)."""
        return self._from_ln(ln(ohm, self._r25))

    def _inside(self, uv):
        if not 0 < uv < self._supply:
            raise ValueError("at the rail")

    def _from_ln(self, value):
        beta = self._beta << 20
        below = beta + 29815 * value // 100
        if below <= 0:
            raise ValueError("hotter than the model reaches")
        return 298150 * beta // below - 273150
