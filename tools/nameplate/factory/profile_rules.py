"""Whether a profile's faults make sense: each rests on sensors that are there and of the right kind, and each limit
can be reached and left again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from nameplate.factory.json_lines import Where
from nameplate.factory.model_source import spell
from nameplate.factory.profile_sensors import TEMPERATURES, WATER, celsius

Found = Iterator[tuple[Where, str]]
Fault = Mapping[str, Any]
Sensors = Mapping[str, Mapping[str, Any]]

# What a rule's own sensor must be.
_KINDS: dict[str, tuple[str, ...]] = {
    "wet": WATER,
    "above": TEMPERATURES,
    "below": TEMPERATURES,
    "no_progress": TEMPERATURES,
    "never_rests": TEMPERATURES,
    "too_long": (*TEMPERATURES, "switch"),
}
# And what a trend's, by its measure.
_MEASURED: dict[str, tuple[str, ...]] = {
    "strength": TEMPERATURES,
    "heat_rate": TEMPERATURES,
    "fill_s": ("switch",),
    "drain_s": ("switch",),
}
_SWITCHES = ("gate",)  # members that name a switch


def depends_on(fault: Fault, faults: Mapping[str, Fault]) -> set[str]:
    """The names of the sensors that a fault rests on; `faults` are all, by code."""
    names = {fault[member] for member in ("sensor", *_SWITCHES) if isinstance(fault.get(member), str)}
    if isinstance(fault.get("while"), Mapping):
        names.add(fault["while"]["sensor"])
    of = faults.get(fault.get("of", ""))
    if of is not None and of["rule"] == "wet":
        names.add(of["sensor"])
    return names


def rule_faults(content: Mapping[str, Any]) -> Found:
    """Each mistake in a fault with its place."""
    sensors = {sensor["name"]: sensor for sensor in content["sensors"]}
    by_code: dict[str, Fault] = {}
    health: dict[str, str] = {}
    for index, fault in enumerate(content["faults"]):
        where: Where = ("faults", index)
        code, rule = fault["code"], fault["rule"]
        if code in by_code:
            yield (*where, "code"), f"fault code {code} is given twice"
        if rule == "returns":  # what it counts must stand before it
            of = by_code.get(fault["of"])
            if of is None or of["rule"] != "wet":
                yield (*where, "of"), f"fault {code}: {fault['of']} is no wet rule above it"
        by_code.setdefault(code, fault)
        yield from _names(where, fault, sensors)
        if rule == "health" and fault["sensor"] in health:
            yield (
                (*where, "sensor"),
                f"fault {code}: {health[fault['sensor']]} already tells of {fault['sensor']}",
            )
        if rule == "health":
            health.setdefault(fault["sensor"], code)
        if fault.get("sensor", "") in sensors:
            yield from _limits(where, fault, sensors[fault["sensor"]] if "sensor" in fault else {})


def _names(where: Where, fault: Fault, sensors: Sensors) -> Found:
    code = fault["code"]
    name = fault.get("sensor")
    if name is not None:
        kinds = _MEASURED[fault["measure"]] if fault["rule"] == "trend" else _KINDS.get(fault["rule"])
        if name not in sensors:
            yield (*where, "sensor"), f"fault {code}: no sensor {name}"
        elif kinds and sensors[name]["kind"] not in kinds:
            kind = sensors[name]["kind"]
            yield (
                (*where, "sensor"),
                f"fault {code}: {name} is of kind {kind}, {fault['rule']} is for {_list(kinds)}",
            )
    switches: list[tuple[Where, Any]] = [
        ((member,), fault[member]) for member in _SWITCHES if member in fault
    ]
    if "while" in fault:
        switches.append((("while", "sensor"), fault["while"]["sensor"]))
    for member, named in switches:
        if not isinstance(named, str) or named not in sensors:
            yield (*where, *member), f"fault {code}: no sensor {named}"
        elif sensors[named]["kind"] != "switch":
            yield (*where, *member), f"fault {code}: {named} is no switch, {spell(member)} must be one"
        elif named == name:
            yield (*where, *member), f"fault {code}: {spell(member)} is the fault's own sensor"


def _list(kinds: tuple[str, ...]) -> str:
    return ", ".join(kinds[:-1]) + f" or {kinds[-1]}" if len(kinds) > 1 else kinds[0]


def _limits(where: Where, fault: Fault, sensor: Mapping[str, Any]) -> Found:
    rule = fault["rule"]
    if rule in ("above", "below"):
        yield from _beyond(where, fault, sensor)
    elif rule == "no_progress":
        yield from _progress(where, fault, sensor)
    elif rule == "too_long":
        yield from _too_long(where, fault, sensor)
    elif rule == "never_rests" and fault["rest_s"] >= fault["window_s"]:
        yield (*where, "rest_s"), f"fault {fault['code']}: rest_s < window_s must hold"


def _beyond(where: Where, fault: Fault, sensor: Mapping[str, Any]) -> Found:
    code, above = fault["code"], fault["rule"] == "above"
    limit, clear = fault["limit_milli"], fault["clear_milli"]
    if clear >= limit if above else clear <= limit:
        order = "clear_milli < limit_milli" if above else "limit_milli < clear_milli"
        yield (*where, "clear_milli"), f"fault {code}: {order} must hold for {fault['rule']}"
    yield from _within(where, fault, sensor, "limit_milli", "clear_milli")
    if fault["confirm_s"] < fault["average_s"]:
        yield (
            (*where, "confirm_s"),
            f"fault {code}: confirm_s must be at least average_s, or one reading counts twice",
        )


def _progress(where: Where, fault: Fault, sensor: Mapping[str, Any]) -> Found:
    code, falling = fault["code"], fault["falling"]
    start, clear = fault["from_milli"], fault["clear_milli"]
    if clear >= start if falling else clear <= start:
        order = "clear_milli < from_milli" if falling else "from_milli < clear_milli"
        yield (*where, "clear_milli"), f"fault {code}: {order} must hold where it is to go {_way(falling)}"
    yield from _within(where, fault, sensor, "from_milli", "clear_milli")


def _way(falling: bool) -> str:
    return "down" if falling else "up"


def _too_long(where: Where, fault: Fault, sensor: Mapping[str, Any]) -> Found:
    code, name = fault["code"], fault["sensor"]
    if sensor["kind"] in TEMPERATURES:
        if "above_milli" not in fault:
            yield (*where, "sensor"), f"fault {code}: above_milli is missing, and {name} is a temperature"
        else:
            yield from _within(where, fault, sensor, "above_milli")
    elif "above_milli" in fault:
        yield (*where, "above_milli"), f"fault {code}: above_milli is for temperatures, {name} is none"


def _within(where: Where, fault: Fault, sensor: Mapping[str, Any], *members: str) -> Found:
    """A limit beyond what the sensor may say could never be reached: it would be out of range first."""
    if sensor["kind"] not in TEMPERATURES:
        return
    for member in members:
        if not sensor["min_milli"] < fault[member] < sensor["max_milli"]:
            reach = f"{celsius(sensor['min_milli'])} to {celsius(sensor['max_milli'])}"
            yield (
                (*where, member),
                f"fault {fault['code']}: {member} is {celsius(fault[member])}, {sensor['name']} reaches from {reach}",
            )
