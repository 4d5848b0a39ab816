"""Resistance of a thermistor by the table that its maker published (models/parts/), and not by the device's own.

Between two points of a table ln(R) is a straight line over 1/T, which is what a thermistor is within a few kelvin.
"""

from __future__ import annotations

import bisect
import json
import math
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from nameplate.errors import NameplateError
from nameplate.factory.sources import device_root
from nameplate.sim.physics.parts import ntc_ohm

_ZERO_C_IN_K = 273.15
_R25_OHM, _BETA_K = 10_000, 3950  # of a part that says nothing of itself


class Curve:
    """`points` are (degrees Celsius, ohms), in any order; beyond them the last piece goes on."""

    def __init__(self, points: list[tuple[float, float]]) -> None:
        pairs = sorted((1 / (celsius + _ZERO_C_IN_K), math.log(ohm)) for celsius, ohm in points)
        self._inverse = [inverse for inverse, _ in pairs]
        self._log = [log for _, log in pairs]

    def ohm(self, celsius: float) -> float:
        inverse = 1 / (celsius + _ZERO_C_IN_K)
        at = min(max(1, bisect.bisect_left(self._inverse, inverse)), len(self._inverse) - 1)
        low, high = self._inverse[at - 1], self._inverse[at]
        share = (inverse - low) / (high - low)
        return math.exp(self._log[at - 1] + share * (self._log[at] - self._log[at - 1]))


def _formula(content: Mapping[str, Any]) -> list[tuple[float, float]]:
    """R = R25 exp(A + B/T + C/T^2 + D/T^3), at every degree."""
    terms = [float(content["formula"][name]) for name in "ABCD"]
    points = []
    for celsius in range(int(content["from_c"]), int(content["to_c"]) + 1):
        inverse = 1 / (celsius + _ZERO_C_IN_K)
        exponent = sum(term * inverse**power for power, term in enumerate(terms))
        points.append((float(celsius), float(content["r25_ohm"]) * math.exp(exponent)))
    return points


def curve_of(content: Mapping[str, Any]) -> Curve:
    """The curve of a part's file. Raises KeyError, TypeError or ValueError for one that is none."""
    if "formula" in content:
        return Curve(_formula(content))
    unit = {"R/R25": float(content["r25_ohm"]), "ohm": 1.0, "kohm": 1000.0}[content["unit"]]
    points = [(float(celsius), float(value) * unit) for celsius, value in content["points"]]
    if len(points) < 2:
        raise ValueError("a table needs two points")
    return Curve(points)


@cache
def _published(folder: Path, part: str) -> Curve | None:
    try:
        return curve_of(json.loads((folder / f"{part}.json").read_bytes()))
    except (OSError, KeyError, TypeError, ValueError):
        return None


def _folder() -> Path | None:
    try:
        return device_root() / "models" / "parts"
    except NameplateError:
        return None


def resistance(spec: Mapping[str, Any], celsius: float) -> float:
    """Of the thermistor that a sensor of a profile names; where there is no table of it, by its Beta."""
    folder, part = _folder(), spec.get("part")
    curve = _published(folder, part) if folder and isinstance(part, str) and "/" not in part else None
    if curve is not None:
        return curve.ohm(celsius)
    beta = spec.get("beta_k") or spec.get("b_k") or _BETA_K
    return ntc_ohm(celsius, spec.get("r25_ohm") or _R25_OHM, beta)
