"""Whether a profile's sensors make sense: limits in their order, parts that are known, voltages that a chip can read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from nameplate.factory import thermistor
from nameplate.factory.json_lines import Where
from nameplate.factory.profile_pins import FIXED_PINS
from nameplate.factory.thermistor import Part

# Above this no chip's converter tells one voltage from another, and an open wire looks like cold.
READABLE_UV = 2_850_000
# What an ESP32 calls a pin that lies at ground: the line of its calibration does not pass through zero.
GROUND_UV = 150_000
TEMPERATURES = ("ntc", "ds18b20")
WATER = ("leak", "float", "probe")

Found = Iterator[tuple[Where, str]]
Sensor = Mapping[str, Any]


def name_faults(content: Mapping[str, Any]) -> Found:
    """Each sensor name that something else has already, with its place."""
    taken = set(FIXED_PINS)
    for index, sensor in enumerate(content["sensors"]):
        name = sensor["name"]
        drives = {f"{name}_a", f"{name}_b"} if sensor["kind"] == "probe" else set()
        if taken & {name, *drives}:
            yield ("sensors", index, "name"), f"sensor name {name} is already taken"
        taken |= {name, *drives}


def sensor_faults(content: Mapping[str, Any], parts: Mapping[str, Part]) -> Found:
    """Each mistake in a sensor with its place, no name being there twice. `parts`: what models/parts holds, by name."""
    by_name = {sensor["name"]: sensor for sensor in content["sensors"]}
    for index, sensor in enumerate(content["sensors"]):
        where: Where = ("sensors", index)
        if sensor["stale_ms"] < 2 * sensor["sample_ms"]:
            yield (*where, "stale_ms"), f"{sensor['name']}: stale_ms must be at least two samples"
        if sensor["kind"] in ("leak", "ntc"):
            yield from _rails(where, sensor)
        if "esp32" in content["pins"]:
            yield from _ground(where, sensor)
        if sensor["kind"] in WATER:
            yield from _water(where, sensor)
        if sensor["kind"] in TEMPERATURES:
            yield from _temperature(where, sensor, by_name)
        if sensor["kind"] == "ntc":
            yield from _thermistor(where, sensor, parts)
        if sensor["kind"] == "switch" and sensor["words"][0] == sensor["words"][1]:
            yield (*where, "words", 1), f"{sensor['name']}: the words for off and on must differ"


def _rails(where: Where, sensor: Sensor) -> Found:
    if not sensor["short_below_uv"] < sensor["open_above_uv"] < sensor["supply_uv"]:
        rule = "short_below_uv < open_above_uv < supply_uv must hold"
        yield (*where, "open_above_uv"), f"{sensor['name']}: {rule}"
    elif sensor["open_above_uv"] > READABLE_UV:
        why = f"open_above_uv must be at most {READABLE_UV}: no chip reads more, a cut wire would not be seen"
        yield (*where, "open_above_uv"), f"{sensor['name']}: {why}"


def _ground(where: Where, sensor: Sensor) -> Found:
    """Of a sensor on an ESP32: a short must lie above what that chip reads at ground."""
    member = "short_below_ohm" if sensor["kind"] == "probe" else "short_below_uv"
    if member not in sensor:
        return
    uv = sensor[member]
    if sensor["kind"] == "probe":
        uv = sensor["supply_uv"] * uv // (sensor["series_ohm"] + uv)
    if uv < GROUND_UV:
        why = f"{uv} uV, and an ESP32 reads a shorted pin as up to {GROUND_UV} uV: a short would not be seen"
        yield (*where, member), f"{sensor['name']}: {member} is {why}"


def _water(where: Where, sensor: Sensor) -> Found:
    name, kind = sensor["name"], sensor["kind"]
    if kind == "leak":
        if not sensor["wet_below_ohm"] < sensor["dry_above_ohm"] < sensor["end_ohm"]:
            yield (*where, "dry_above_ohm"), f"{name}: wet_below_ohm < dry_above_ohm < end_ohm must hold"
        # The first wet sample and two more, 10 ms apart; an erase of flash may take 100 of the alarm's 150 ms.
        if sensor["sample_ms"] + 20 > 50:
            yield (*where, "sample_ms"), f"{name}: sample_ms must be at most 30, or the alarm is late"
        yield from _loop_voltages(where, sensor)
    elif kind == "probe":
        if not sensor["short_below_ohm"] < sensor["wet_below_ohm"] < sensor["dry_above_ohm"]:
            rule = "short_below_ohm < wet_below_ohm < dry_above_ohm must hold"
            yield (*where, "wet_below_ohm"), f"{name}: {rule}"
        end = sensor.get("end_ohm", 0)
        if end and sensor["dry_above_ohm"] >= end:
            yield (*where, "end_ohm"), f"{name}: dry_above_ohm < end_ohm must hold (0: no end resistor)"
        # Twice the end resistor is what the device calls open.
        elif end and sensor["supply_uv"] * 2 * end // (sensor["series_ohm"] + 2 * end) > READABLE_UV:
            why = f"a cut cable would not be seen: 2 x end_ohm gives more than {READABLE_UV} uV; a larger series_ohm"
            yield (*where, "series_ohm"), f"{name}: {why}"
    if kind != "leak" and sensor["debounce_ms"] < sensor["sample_ms"]:
        yield (*where, "debounce_ms"), f"{name}: debounce_ms must be at least one sample"


def _loop_voltages(where: Where, sensor: Sensor) -> Found:
    """A dry loop and a wet one must lie between the rails that mean open and short."""
    supply, pull_up = sensor["supply_uv"], sensor["pull_up_ohm"]
    dry = supply * sensor["end_ohm"] // (pull_up + sensor["end_ohm"])
    wet = supply * sensor["wet_below_ohm"] // (pull_up + sensor["wet_below_ohm"])
    if dry > sensor["open_above_uv"]:
        yield (
            (*where, "end_ohm"),
            f"{sensor['name']}: a dry loop gives {dry} uV, above open_above_uv: it would be taken for cut",
        )
    if wet < sensor["short_below_uv"]:
        yield (
            (*where, "wet_below_ohm"),
            f"{sensor['name']}: the wet limit gives {wet} uV, below short_below_uv: water would be a short",
        )


def _temperature(where: Where, sensor: Sensor, by_name: Mapping[str, Sensor]) -> Found:
    name = sensor["name"]
    if sensor["min_milli"] >= sensor["max_milli"]:
        yield (*where, "max_milli"), f"{name}: min_milli < max_milli must hold"
    if sensor["stuck_s"] and sensor["stuck_s"] * 1000 < 100 * sensor["sample_ms"]:
        yield (*where, "stuck_s"), f"{name}: stuck_s must be at least a hundred samples, or 0 for never"
    if sensor["stuck_s"] and not sensor["stuck_milli"]:
        yield (*where, "stuck_milli"), f"{name}: stuck_milli must be above 0 where stuck_s is"
    agrees = sensor.get("agrees")
    if agrees:
        other = by_name.get(agrees["sensor"])
        place = (*where, "agrees", "sensor")
        if other is None:
            yield place, f"{name}: no sensor {agrees['sensor']}"
        elif other is sensor or other["kind"] not in TEMPERATURES:
            yield place, f"{name}: agrees with another temperature only, which {agrees['sensor']} is not"
        if agrees["for_s"] * 1000 < 2 * sensor["sample_ms"]:
            yield (*where, "agrees", "for_s"), f"{name}: for_s must be at least two samples"


def _thermistor(where: Where, sensor: Sensor, parts: Mapping[str, Part]) -> Found:
    name = sensor["name"]
    part = parts.get(sensor["part"])
    if part is None:
        known = ", ".join(sorted(parts)) or "none"
        yield (*where, "part"), f"{name}: no part {sensor['part']} in models/parts (there are: {known})"
        return
    if sensor["min_milli"] >= sensor["max_milli"]:
        return
    for field, limit in (("min_milli", "open_above_uv"), ("max_milli", "short_below_uv")):
        milli = sensor[field]
        if not part.low_c <= milli / 1000 <= part.high_c:
            yield (*where, field), f"{name}: {sensor['part']} has no value at {celsius(milli)}"
            return
        ohm = part.ohm(milli / 1000)
        uv = round(sensor["supply_uv"] * ohm / (sensor["pull_up_ohm"] + ohm))
        cold = field == "min_milli"
        if uv >= sensor[limit] if cold else uv <= sensor[limit]:
            word = "open" if cold else "shorted"
            found = f"at {celsius(milli)} the pin has {uv} uV, beyond {limit} {sensor[limit]}"
            why = f"a good sensor would be called {word}; another pull_up_ohm, or a narrower range"
            yield (*where, field), f"{name}: {found}: {why}"
            return
    try:
        thermistor.device_fields(
            part, sensor["pull_up_ohm"], sensor["supply_uv"], sensor["min_milli"], sensor["max_milli"]
        )
    except ValueError as error:
        yield (*where, "pull_up_ohm"), f"{name}: {error}"


def celsius(milli: int) -> str:
    """A temperature in degrees for an error: "-18 C", "4.5 C"."""
    return f"{milli / 1000:g} C"
