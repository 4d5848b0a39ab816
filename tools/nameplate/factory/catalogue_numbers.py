"""The numbers in a catalogue's texts: where they come from, and how each language writes them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from nameplate.factory.thermistor import Part

# Members of a profile by the end of their name: what they count, and how many of it make one.
_UNITS = {
    "change_milli": ("K", 1000), "within_milli": ("K", 1000), "rise_milli": ("K", 1000), "_milli": ("Cel", 1000),
    "_uv": ("V", 1_000_000), "_ohm": ("ohm", 1), "_days": ("d", 1), "_ms": ("ms", 1), "_s": ("s", 1),
}  # fmt: skip
# What a meter of the trade and a lead of some metres add to what a part's maker promises.
_METER = 0.01


@dataclass(frozen=True)
class Number:
    """A value in `unit`, with its limits where it has some; or limits alone."""

    value: float | None
    unit: str
    low: float | None = None
    high: float | None = None


def resolve(wanted: Any, profile: Mapping[str, Any], parts: Mapping[str, Part]) -> Number:
    """What an `expect` member of catalogue.json stands for. Raises ValueError in words when it is nothing.

    `{"value", "low", "high", "unit", "per"}`: itself, each divided by `per`; one of the three may do. `{"of": "T01.limit_milli"}` or
    `"pan.end_ohm"`: a member of the profile's fault or sensor; `"percent"` adds limits around it.
    `{"sensor", "at_milli"}`: a thermistor's resistance there, within its part's tolerance.
    """
    if "of" in wanted:
        return _of(wanted["of"], wanted.get("percent"), profile)
    if "sensor" in wanted:
        return _thermistor(wanted["sensor"], wanted["at_milli"], profile, parts)
    per = wanted.get("per", 1)
    low, value, high = (wanted.get(name) for name in ("low", "value", "high"))
    order = [number for number in (low, value, high) if number is not None]
    if not order or order != sorted(order):
        raise ValueError("low <= value <= high must hold, and one of them be there")
    low, value, high = (None if number is None else number / per for number in (low, value, high))
    return Number(value, wanted["unit"], low, high)


def _of(path: str, percent: int | None, profile: Mapping[str, Any]) -> Number:
    owner, *members = path.split(".")
    holders = [fault for fault in profile["faults"] if fault["code"] == owner]
    holders += [sensor for sensor in profile["sensors"] if sensor["name"] == owner]
    if not holders:
        raise ValueError(f"{owner} is no fault and no sensor of profile.json")
    value: Any = holders[0]
    for name in members:
        value = value.get(name) if isinstance(value, Mapping) else None
    member = members[-1]
    if not isinstance(value, int) or isinstance(value, bool):
        raise ValueError(f"{owner} has no number {'.'.join(members)} in profile.json")
    unit, per = next((found for end, found in _UNITS.items() if member.endswith(end)), ("", 1))
    number = value / per
    spread = None if percent is None else abs(number) * percent / 100
    return Number(
        number, unit, None if spread is None else number - spread, None if spread is None else number + spread
    )


def _thermistor(name: str, milli: int, profile: Mapping[str, Any], parts: Mapping[str, Part]) -> Number:
    found = [sensor for sensor in profile["sensors"] if sensor["name"] == name and sensor["kind"] == "ntc"]
    if not found:
        raise ValueError(f"{name} is no thermistor of profile.json")
    part = parts[found[0]["part"]]
    ohm = part.ohm(milli / 1000)
    kelvin = milli / 1000 + 273.15
    # The part's own tolerance, that of its beta over the distance from 25 degrees, and the meter.
    share = part.r_tol_ppm / 1e6 + part.b_k * part.b_tol_ppm / 1e6 * abs(1 / kelvin - 1 / 298.15) + _METER
    return Number(ohm, "ohm", ohm * (1 - share), ohm * (1 + share))


class Style:
    """How a language writes numbers; `given` is `numbers` of its words file."""

    def __init__(self, given: Mapping[str, Any]) -> None:
        self._decimal = given["decimal"]
        self._range = given["range"]
        self._from = given["from"]
        self._upto = given["upto"]
        self._units = given["units"]

    def words(self, number: Number) -> str:
        """The number with its unit and limits: "10 kohm (9.8 to 10.2)", "at most 2 K"."""
        scale, unit = _scale(number)
        sign = self._units.get(unit, unit)
        low, value, high = (
            None if part is None else self._digits(part / scale)
            for part in (number.low, number.value, number.high)
        )
        limits = self._range if low and high else self._from if low else self._upto
        spread = limits.replace("LOW", low or "").replace("HIGH", high or "") if low or high else ""
        return f"{value or spread} {sign}".strip() + (f" ({spread})" if value and spread else "")

    def _digits(self, value: float) -> str:
        digits = f"{value:.3g}" if abs(value) < 1000 else f"{value:.0f}"
        return digits.replace(".", self._decimal)


def _scale(number: Number) -> tuple[float, str]:
    """What to divide by, and the unit then: ohms in kilohms, seconds in minutes, hours or days where they are long."""
    size = max(abs(part) for part in (number.low, number.value, number.high) if part is not None)
    if number.unit == "ohm" and size >= 1000:
        return (1e6, "Mohm") if size >= 1e6 else (1000, "kohm")
    if number.unit == "s":
        for least, unit in ((86400 * 2, "d"), (3600 * 2, "h"), (120, "min")):
            if size >= least:
                return {"d": 86400, "h": 3600, "min": 60}[unit], unit
    if number.unit == "ms" and size >= 1000:
        return 1000, "s"
    return 1, number.unit
