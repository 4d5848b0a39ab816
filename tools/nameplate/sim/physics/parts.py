"""The resistors behind the ADC pins: a thermistor, the two kinds of leak probe, and the dividers they sit in."""

from __future__ import annotations

import math

OPEN = math.inf
_ZERO_C_IN_K = 273.15


def ntc_ohm(celsius: float, r25_ohm: float, beta_k: float) -> float:
    """A thermistor by its Beta equation."""
    return r25_ohm * math.exp(beta_k * (1 / (celsius + _ZERO_C_IN_K) - 1 / (25 + _ZERO_C_IN_K)))


def parallel(one_ohm: float, other_ohm: float) -> float:
    """Two resistors side by side; either may be OPEN."""
    if OPEN in (one_ohm, other_ohm):
        return min(one_ohm, other_ohm)
    return one_ohm * other_ohm / (one_ohm + other_ohm)


def leak_ohm(state: str, end_ohm: float, water_ohm: float, damp_ohm: float = OPEN) -> float:
    """A leak probe with a resistor at its end (or OPEN): `dry`, `wet` (water lies parallel to it), `open`, `short`.

    `damp` is condensation: all of the loop is then `damp_ohm`.
    """
    if state == "open":
        return OPEN
    if state == "short":
        return 0.0
    if state == "damp":
        return damp_ohm
    return end_ohm if state == "dry" else parallel(end_ohm, water_ohm)


def divider_volt(supply_volt: float, pull_up_ohm: float, ohm: float) -> float:
    """The voltage over `ohm` to ground, fed through the pull-up."""
    return supply_volt if ohm == OPEN else supply_volt * ohm / (pull_up_ohm + ohm)


def probe_ampere(supply_volt: float, series_ohm: float, ohm: float, a: int | None, b: int | None) -> float:
    """What flows from drive A through the series resistor and the water into drive B; None is a drive that floats."""
    if a is None or b is None or ohm == OPEN:
        return 0.0
    return supply_volt * (a - b) / (series_ohm + ohm)


def probe_volt(
    supply_volt: float, series_ohm: float, ohm: float, a: int | None, b: int | None
) -> float | None:
    """The voltage at the electrode behind the series resistor of drive A; None where nothing holds it."""
    if a is None:
        return None if b is None or ohm == OPEN else supply_volt * b
    return supply_volt * a - probe_ampere(supply_volt, series_ohm, ohm, a, b) * series_ohm
