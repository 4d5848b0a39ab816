"""Thermistors: parts as their makers publish them, and the table that a device is given for one part in one divider.

A part is a file `models/parts/NAME.json`: a published table of resistances, or a published formula, and the part's
tolerances. Between published points the curve is a cubic in ln R over 1/T through the four nearest. The device gets
the voltages at equally spaced temperatures and only searches and interpolates (firmware/sensors/ntc.py): a logarithm
on the device would cost a kilobyte of its heap.
"""

from __future__ import annotations

import base64
import math
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from nameplate.factory.refused import Refused
from nameplate.factory.strict_json import read_object

UNIT_UV = 64  # of the voltages in a device's table, so that two bytes hold 3.3 V
STEP_MILLI = 2500
LOW_MILLI = -40_000
HIGH_MILLI = 105_000
_ZERO_K = 273.15
_HINT = "mend that file; docs/sensors.md says what a part is"
_UNITS = {"ohm": 1.0, "kohm": 1000.0}
_NUMBERS = ("r25_ohm", "r_tol_ppm", "b_k", "b_tol_ppm")


@dataclass(frozen=True)
class Part:
    """One thermistor. Resistances in ohm, temperatures in degrees Celsius, tolerances in parts per million."""

    name: str
    part: str
    maker: str
    source: str
    r25_ohm: int
    r_tol_ppm: int
    b_k: int
    b_tol_ppm: int
    published: tuple[tuple[float, float], ...]
    formula: tuple[float, float, float, float] | None = None

    @property
    def low_c(self) -> float:
        """The lowest temperature that the maker gives a resistance for."""
        return self.published[0][0]

    @property
    def high_c(self) -> float:
        """The highest temperature that the maker gives a resistance for."""
        return self.published[-1][0]

    def ohm(self, celsius: float) -> float:
        """The nominal resistance in ohm. Raises ValueError beyond what the maker publishes."""
        if not self.low_c <= celsius <= self.high_c:
            raise ValueError(f"{self.part} is published from {self.low_c:g} to {self.high_c:g} degC")
        if self.formula:
            return _by_formula(self.formula, self.r25_ohm, celsius)
        above = next(index for index, point in enumerate(self.published) if point[0] >= celsius)
        first = min(max(above - 2, 0), len(self.published) - 4)
        x = 1 / (celsius + _ZERO_K)
        total = 0.0
        nearest = [(1 / (at + _ZERO_K), math.log(ohm)) for at, ohm in self.published[first : first + 4]]
        for index, (here, value) in enumerate(nearest):
            weight = value
            for other, (there, _) in enumerate(nearest):
                if other != index:
                    weight *= (x - there) / (here - there)
            total += weight
        return math.exp(total)


def parts(root: Path) -> list[str]:
    """The names of the parts there are under `root`, as a profile gives them."""
    return sorted(path.stem for path in (root / "models" / "parts").glob("*.json"))


def load(root: Path, name: str) -> Part:
    """The part `models/parts/NAME.json` under `root`. Raises Refused for one that is not there or is no thermistor."""
    if name not in parts(root):
        raise Refused(f"no part {name} in models/parts/", f"there are: {', '.join(parts(root)) or 'none'}")
    return check(read_object(root / "models" / "parts" / f"{name}.json", _HINT), name)


def check(content: dict[str, Any], name: str) -> Part:
    """The part in `content` (called `name`). Raises Refused naming the file and the member that is wrong."""

    def refused(why: str) -> Refused:
        return Refused(f"models/parts/{name}.json: {why}", _HINT)

    for member in ("part", "maker", "source"):
        if not isinstance(content.get(member), str) or not content[member].strip():
            raise refused(f"{member} must be text")
    for member in _NUMBERS:
        value = content.get(member)
        if not isinstance(value, int) or isinstance(value, bool) or value <= 0:
            raise refused(f"{member} must be a whole number above 0")
    if content["r_tol_ppm"] >= 500_000 or content["b_tol_ppm"] >= 500_000:
        raise refused("a tolerance is in parts per million, and under half")
    if ("points" in content) == ("formula" in content):
        raise refused("one of points and formula must be given")
    formula = None
    if "formula" in content:
        formula, published = _formula(content, refused)
    else:
        published = _points(content, refused)
    for (cold, more), (hot, less) in pairwise(published):
        if not (cold < hot and more > less > 0):
            raise refused(f"at {hot:g} degC: temperatures must rise and resistances fall")
    known = {name: content[name] for name in ("part", "maker", "source", *_NUMBERS)}
    made = Part(name=name, published=tuple(published), formula=formula, **known)
    if not made.low_c <= 25 <= made.high_c or abs(made.ohm(25) / made.r25_ohm - 1) > 0.002:
        raise refused("at 25 degC the curve does not give r25_ohm")
    return made


def points(
    part: Part,
    pull_up_ohm: int,
    supply_uv: int,
    low_milli: int = LOW_MILLI,
    high_milli: int = HIGH_MILLI,
) -> tuple[int, int, bytes]:
    """The table of `part` to ground under a pull-up: (first_milli, step_milli, table).

    `table` holds for each temperature from `first_milli` on, `step_milli` apart, the voltage in units of 64 microvolts as
    two bytes, low one first; the voltages fall. It reaches over `low_milli` to `high_milli`, as far as the maker's
    figures do. Raises ValueError where no such table can be.
    """
    # The range is widened to whole steps, and held within what is published.
    first = max(low_milli // STEP_MILLI, math.ceil(part.low_c * 1000 / STEP_MILLI)) * STEP_MILLI
    last = min(-(-high_milli // STEP_MILLI), math.floor(part.high_c * 1000 / STEP_MILLI)) * STEP_MILLI
    if pull_up_ohm <= 0 or not 0 < supply_uv < UNIT_UV << 16 or last <= first:
        raise ValueError("no table: pull-up, supply or range")
    found = []
    for milli in range(first, last + 1, STEP_MILLI):
        ohm = part.ohm(milli / 1000)
        exact = supply_uv / UNIT_UV * ohm / (pull_up_ohm + ohm)
        # The ends are rounded outwards: their temperatures belong to the range.
        end = math.ceil(exact) if milli == first else math.floor(exact) if milli == last else round(exact)
        found.append(end)
    if any(cold <= hot for cold, hot in pairwise(found)):
        raise ValueError("no table: the divider cannot tell neighbouring temperatures apart")
    return first, STEP_MILLI, b"".join(value.to_bytes(2, "little") for value in found)


def device_fields(
    part: Part,
    pull_up_ohm: int,
    supply_uv: int,
    low_milli: int = LOW_MILLI,
    high_milli: int = HIGH_MILLI,
) -> dict[str, int | str]:
    """What a sensor's entry in the device's profile is given for its part: the table, and the tolerances.

    `low_milli` and `high_milli` are the sensor's own range: each point less is two bytes of the device's heap.
    Raises ValueError where no such table can be.
    """
    first, step, table = points(part, pull_up_ohm, supply_uv, low_milli, high_milli)
    return {
        "first_milli": first,
        "step_milli": step,
        "table": base64.b64encode(table).decode(),
        "r_tol_ppm": part.r_tol_ppm,
        "b_tol_ppm": part.b_tol_ppm,
        "b_k": part.b_k,
    }


def _by_formula(formula: tuple[float, float, float, float], r25_ohm: int, celsius: float) -> float:
    a, b, c, d = formula
    kelvin = celsius + _ZERO_K
    return r25_ohm * math.exp(a + b / kelvin + c / kelvin**2 + d / kelvin**3)


def _formula(content: dict[str, Any], refused: Any) -> tuple[Any, list[tuple[float, float]]]:
    constants = content["formula"]
    if not isinstance(constants, dict) or set(constants) != set("ABCD"):
        raise refused("formula must give A, B, C and D")
    if not all(_number(value) for value in (*constants.values(), content.get("from_c"), content.get("to_c"))):
        raise refused("formula, from_c and to_c must be numbers")
    if not -100 <= content["from_c"] < content["to_c"] <= 300:
        raise refused("from_c must be below to_c, within -100 and 300")
    formula = tuple(float(constants[letter]) for letter in "ABCD")
    span = [*range(math.ceil(content["from_c"]), content["to_c"], 5), content["to_c"]]
    try:
        return formula, [(at, _by_formula(formula, content["r25_ohm"], at)) for at in span]  # type: ignore[arg-type]
    except OverflowError:
        raise refused("formula gives no resistance") from None


def _points(content: dict[str, Any], refused: Any) -> list[tuple[float, float]]:
    rows = content["points"]
    unit = content.get("unit")
    scale = float(content["r25_ohm"]) if unit == "R/R25" else _UNITS.get(unit)  # type: ignore[arg-type]
    if scale is None:
        raise refused("unit must be ohm, kohm or R/R25")
    if not isinstance(rows, list) or len(rows) < 4:
        raise refused("points must be four or more")
    for row in rows:
        if not (isinstance(row, list) and len(row) == 2 and all(_number(value) for value in row)):
            raise refused(f"points: {row!r} is not [degrees Celsius, resistance]")
    return [(celsius, value * scale) for celsius, value in rows]


def _number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
