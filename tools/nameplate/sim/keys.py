"""What the world of one board has: the fixed keys, those of its sensors, those of its appliance.

A sensor gives a key of its own name. The first that looks for water is also, and first, `leak`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from nameplate.sim.world import KEYS, Key, World, number, one_of

WATER = ("leak", "float", "probe")
NTC_WORDS = ("ok", "open", "short")
DS18B20_WORDS = (
    "ok",
    "missing",
    "crc",
    "noisy",
    "power_on",
    "minus127",
    "two",
    "parasite",
    "shorted",
)
_LEAK = "leak"
_BY_HAND = ("door",)  # contacts that somebody moves; the others follow the appliance


def contact_words(sensor: Mapping[str, Any]) -> tuple[str, str]:
    """What a contact is called when it is off, and on."""
    words = sensor.get("words")
    if isinstance(words, list) and len(words) == 2 and all(isinstance(word, str) for word in words):
        return words[0], words[1]
    return "off", "on"


def _contact_value(sensor: Mapping[str, Any], percent: bool) -> Callable[[str], str]:
    off, on = contact_words(sensor)
    same = {"off": off, "on": on}
    by_hand = sensor["name"] in _BY_HAND
    words = dict.fromkeys((off, on, "stuck") if by_hand else ("auto", off, on, "off", "on", "stuck"))

    def check(value: str) -> str:
        kept = value if value in words else same.get(value, value)
        if kept in words:
            return same.get(kept, kept)
        if percent:
            try:
                return number(0, 100)(value)
            except ValueError:
                pass
        listed = ", ".join(words) + (", or a number from 0 to 100" if percent else "")
        raise ValueError(f"must be one of {listed}")

    return check


def _contact(sensor: Mapping[str, Any], percents: Mapping[str, str]) -> dict[str, Key]:
    name, title = sensor["name"], sensor.get("title", sensor["name"])
    by_hand = name in _BY_HAND
    percent = percents.get(name, "")
    what = (
        "" if by_hand else ", auto: as the appliance has it" + (f", a number: {percent}" if percent else "")
    )
    return {
        name: Key(
            contact_words(sensor)[0] if by_hand else "auto",
            _contact_value(sensor, bool(percent)),
            f"{title}{what}",
        ),
        f"{name}_stuck": Key("off", one_of("on", "off"), f"{title}: the contact stays as it was"),
    }


def _temperature(sensor: Mapping[str, Any]) -> dict[str, Key]:
    name, title = sensor["name"], sensor.get("title", sensor["name"])
    words = DS18B20_WORDS if sensor["kind"] == "ds18b20" else NTC_WORDS
    what = "the sensor and its wire" if sensor["kind"] == "ds18b20" else "the thermistor's wiring"
    return {
        name: Key("ok", one_of(*words), f"{title}: {what}"),
        f"{name}_c": Key("auto", number(-55, 125, "auto"), f"{title}: how warm it is there; auto: by itself"),
        f"{name}_drift_c": Key("0", number(-50, 50), f"{title}: so much too warm the sensor is"),
        f"{name}_stuck": Key("off", one_of("on", "off"), f"{title}: the sensor reads on as it was"),
    }


def _water(sensor: Mapping[str, Any]) -> Key:
    words = ("dry", "wet") if sensor["kind"] == "float" else ("dry", "damp", "wet", "open", "short")
    what = "the float" if sensor["kind"] == "float" else "the leak probe"
    return Key("dry", one_of(*words), f"{what}, {sensor.get('title', sensor['name'])}")


def world_of(
    sensors: Iterable[Mapping[str, Any]], appliance: Mapping[str, Key], percents: Mapping[str, str]
) -> World:
    """The world of a board with these sensors, in an appliance with these keys.

    `percents` names the contacts whose key also takes a number, and what that is. What a fixed key is already called
    stays with it.
    """
    found: dict[str, Key] = {}
    aliases: dict[str, str] = {}
    for sensor in sensors:
        name, kind = sensor["name"], sensor.get("kind")
        if kind in WATER:
            if _LEAK in found:
                found[name] = _water(sensor)
            else:
                found[_LEAK] = _water(sensor)
                if name != _LEAK:
                    aliases[name] = _LEAK
            if kind != "float":
                found["water_ohm"] = Key(
                    "12000", number(100, 1_000_000), "resistance of the water over a wet probe"
                )
        elif kind in ("ntc", "ds18b20"):
            found |= _temperature(sensor)
        elif kind == "switch":
            found |= _contact(sensor, percents)
    fixed = {name: key for name, key in KEYS.items() if name not in found or name not in _BY_HAND}
    keys = {**found, **appliance, **fixed}
    return World(keys, {name: key for name, key in aliases.items() if name not in keys})
