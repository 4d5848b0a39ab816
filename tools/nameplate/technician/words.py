"""Durations, dates and readings as people say them."""

from __future__ import annotations

import math

from nameplate.technician.reading import Sensor

QUALITIES = {
    "open": "OPEN CIRCUIT", "short": "SHORT CIRCUIT", "stuck": "STUCK", "stale": "NO FRESH READING",
    "out of range": "OUT OF RANGE", "implausible": "IMPLAUSIBLE", "unknown": "NEVER READ",
}  # fmt: skip
# Likewise, of a sensor that needs mending.
MENDING = {
    "open": "open circuit at the sensor or its wire",
    "short": "short circuit at the sensor or its wire",
    "stuck": "does not move any more",
    "out of range": "says what cannot be",
    "implausible": "changes as nothing can, or disagrees with another",
}
# Kinds of sensors that look for water.
WATER = ("leak", "float", "probe")
_NOT = {
    **dict.fromkeys(("ntc", "ds18b20"), ": not a temperature"),
    **dict.fromkeys(WATER, ": not known whether it is dry"),
}
_MONTH_DAYS = 30.44


def span(seconds: int) -> str:
    """A duration: "41 s", "12 min", "3 h 5 min", "2 days"."""
    if seconds < 120:
        return f"{seconds} s"
    minutes = seconds // 60
    if minutes < 120:
        return f"{minutes} min"
    hours = minutes // 60
    return f"{hours} h {minutes % 60} min" if hours < 48 else f"{hours // 24} days"


def days(count: int) -> str:
    """A number of days: "1 day", "91 days", "15 months", "9 years"."""
    if count < 92:
        return f"{count} day{'' if count == 1 else 's'}"
    months = int(count / _MONTH_DAYS)
    return f"{months} months" if months < 24 else f"{months // 12} years"


def left(count: int) -> str:
    """How far a last day is from today: "15 months left", "last day today", "3 days ago"."""
    if count == 0:
        return "last day today"
    return f"{days(count)} left" if count > 0 else f"{days(-count)} ago"


def quality(sensor: Sensor) -> str:
    """How far a sensor may be believed, and how old its reading is."""
    if sensor.quality == "ok":
        return {None: "ok", 0: "ok, just now"}.get(sensor.age_s) or f"ok, {span(sensor.age_s or 0)} ago"
    word = QUALITIES.get(sensor.quality, sensor.quality.upper())
    return word + _NOT.get(sensor.kind, "")


def value(sensor: Sensor, degree: str = "") -> str:
    """What a sensor says; "?" when it says nothing. `degree` is the sign before C, if the screen has it."""
    said = sensor.value
    if sensor.quality != "ok" or said is None:
        return "?"
    if isinstance(said, bool):
        no, yes = ("dry", "WET") if sensor.kind in WATER else sensor.states or ("no", "yes")
        return yes if said else no
    if sensor.unit == "Cel":
        # Rounded up: what is shown is not to promise more than is known.
        off = "" if sensor.pm is None else f"{'±' if degree else '+-'}{math.ceil(10 * sensor.pm) / 10:.1f} "
        return f"{said:.1f} {off}{degree}C"
    return f"{said:g}" if sensor.unit in ("", "/") else f"{said:g} {sensor.unit}"
