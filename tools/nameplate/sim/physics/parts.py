"""The resistors behind the ADC pins: a thermistor, a leak probe, and the dividers they sit in."""

from __future__ import annotations

import math

OPEN = math.inf
_ZERO_C_IN_K = 273.15


def ntc_ohm(celsius: float, r25_ohm: float, beta_k: float) -> float:
    """A thermistor by its Beta equation."""
    return r25_ohm * math.exp(beta_k * (1 / (celsius + _ZERO_C_IN_K) - 1 / (25 + _ZERO_C_IN_K)))


def leak_ohm(state: str, end_ohm: float, water_ohm: float) -> float:
    """A leak probe with a resistor at its end: `dry`, `wet` (water lies parallel to it), `open`, `short`."""
    if state == "open":
        return OPEN
    if state == "short":
        return 0.0
    return end_ohm if state == "dry" else end_ohm * water_ohm / (end_ohm + water_ohm)


def divider_volt(supply_volt: float, pull_up_ohm: float, ohm: float) -> float:
    """The voltage over `ohm` to ground, fed through the pull-up."""
    return supply_volt if ohm == OPEN else supply_volt * ohm / (pull_up_ohm + ohm)
