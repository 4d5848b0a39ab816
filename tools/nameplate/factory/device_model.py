"""A model as a slot holds it: `profile.json` without what only people need, the compiled rules, a catalogue for each
language with its labels and then one entry a line, so that the device can read one and forget it.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping
from typing import Any

from nameplate.factory import thermistor
from nameplate.factory.catalogue_source import ENGLISH, SEVERITIES, line
from nameplate.factory.profile import Profile
from nameplate.factory.rules import compile_rules

_KEPT = ("model", "name", "pins", "alarm", "button", "panel")


def files(checked: Profile) -> list[tuple[str, bytes]]:
    """The model's files as (path within the slot, content), in one fixed order."""
    found = [("models/profile.json", _checked(_json(profile(checked))))]
    found.append(("models/rules.bin", compile_rules(checked.content, severities(checked))))
    for language, entries in sorted(checked.catalogue.items()):
        lines = (line({"labels": checked.labels[language]}), *(line(entry) for entry in entries))
        found.append((f"models/catalogue_{language}.jsonl", b"".join(lines)))
    return found


def profile(checked: Profile) -> dict[str, Any]:
    """The profile as the device reads it: docs/models.md names its members."""
    content = checked.content
    return {
        **{name: content[name] for name in _KEPT},
        "sensors": [_sensor(checked, sensor) for sensor in content["sensors"]],
        "faults": _faults(checked),
    }


def severities(checked: Profile) -> dict[str, int]:
    """The number of each code's severity: 0 notice, 1 warning, 2 alarm."""
    return {entry["code"]: SEVERITIES.index(entry["severity"]) for entry in checked.catalogue[ENGLISH]}


def _sensor(checked: Profile, sensor: Mapping[str, Any]) -> dict[str, Any]:
    if sensor["kind"] != "ntc":
        return dict(sensor)
    part = checked.parts[sensor["part"]]
    limits = sensor["min_milli"], sensor["max_milli"]
    return {**sensor, **thermistor.device_fields(part, sensor["pull_up_ohm"], sensor["supply_uv"], *limits)}


def _faults(checked: Profile) -> list[list[Any]]:
    """What the device needs to know of each without its rules: code, severity, rule, sensor."""
    numbers = severities(checked)
    return [
        [fault["code"], numbers[fault["code"]], fault["rule"], fault.get("sensor")]
        for fault in checked.content["faults"]
    ]


def part_words(parts: list[list[Any]]) -> str:
    """Parts in a line: "PN 7710 inlet valve, 2 x PN 7702 seal"."""
    return ", ".join(f"{f'{count} x ' if count > 1 else ''}{number} {name}" for number, name, count in parts)


def _checked(text: bytes) -> bytes:
    """The JSON object with a member before all others, the CRC-32 of what follows it, so that the device knows damage."""
    rest = text[1:]
    return b'{"crc":"%08x",' % zlib.crc32(rest) + rest


def _json(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()
