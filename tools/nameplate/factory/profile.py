"""Model profiles: read, checked against their schema and against what each chip's pins can do.

Every error names the line of the JSON file that has to change.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jsonschema_rs import Draft202012Validator

from nameplate.factory.json_lines import lines_of
from nameplate.factory.refused import Refused

Where = tuple[str | int, ...]


@dataclass(frozen=True)
class Chip:
    """What the pins of a chip can and cannot do; GPIO numbers."""

    exists: frozenset[int]
    adc1: frozenset[int]
    input_only: frozenset[int]
    taken: dict[int, str]


def _reasons(*groups: tuple[Sequence[int], str]) -> dict[int, str]:
    return {pin: why for pins, why in groups for pin in pins}


_STRAPPING = "a strapping pin: its level at reset chooses how the chip boots"
_FLASH = "wired to the flash memory"
CHIPS = {
    "esp32": Chip(
        exists=frozenset({*range(24), *range(25, 28), *range(32, 40)} - {20}),
        adc1=frozenset(range(32, 40)),
        input_only=frozenset(range(34, 40)),
        taken=_reasons(
            ((0, 2, 5, 12, 15), _STRAPPING),
            (range(6, 12), _FLASH),
            ((1, 3), "the console's UART"),
            ((16, 17), "the PSRAM of WROVER modules"),
        ),
    ),
    "esp32c3": Chip(
        exists=frozenset(range(22)),
        adc1=frozenset(range(5)),
        input_only=frozenset(),
        taken=_reasons(
            ((2, 8, 9), _STRAPPING),
            (range(11, 18), _FLASH),
            ((18, 19), "the USB console"),
            ((20, 21), "the console's UART"),
        ),
    ),
    "esp32s3": Chip(
        exists=frozenset({*range(22), *range(26, 49)}),
        adc1=frozenset(range(1, 11)),
        input_only=frozenset(),
        taken=_reasons(
            ((0, 3, 45, 46), _STRAPPING),
            (range(26, 33), _FLASH),
            (range(33, 38), "the octal flash and PSRAM of larger modules"),
            ((19, 20), "the USB console"),
            ((43, 44), "the console's UART"),
        ),
    ),
}
_FIXED_PINS = {"alarm": "the alarm output", "button": "the button", "scl": "the panel", "sda": "the panel"}


@dataclass(frozen=True)
class Profile:
    """One checked model profile."""

    folder: str
    model: str
    name: str
    content: dict[str, Any]

    def compact(self) -> bytes:
        """The profile as it goes onto the device: UTF-8 JSON without spaces."""
        return json.dumps(self.content, separators=(",", ":"), ensure_ascii=False).encode()


def models(root: Path) -> list[str]:
    """The folders of `models/` that hold a profile."""
    return sorted(path.parent.name for path in (root / "models").glob("*/profile.json"))


def load(root: Path, folder: str) -> Profile:
    """The profile `models/FOLDER/profile.json` under `root`, checked.

    Raises Refused naming the file and line of the first fault, or the models there are.
    """
    path = root / "models" / folder / "profile.json"
    if folder not in models(root):
        known = ", ".join(models(root)) or "none"
        raise Refused(f"no model {folder} in models/", f"models with a profile: {known}")
    schema = json.loads((root / "models" / "schema.json").read_bytes())
    content = check(path.read_bytes(), schema, f"models/{folder}/profile.json")
    return Profile(folder, content["model"], content["name"], content)


def check(text: bytes, schema: dict[str, Any], shown: str) -> dict[str, Any]:
    """The profile in `text` (called `shown` in errors), checked. Raises Refused naming the line."""
    hint = "mend that line; docs/models.md says what each field means"
    try:
        decoded = text.decode("utf-8")
        content = json.loads(decoded)
    except json.JSONDecodeError as error:
        raise Refused(f"{shown} line {error.lineno}: {error.msg}", hint) from error
    except UnicodeDecodeError as error:
        line = text.count(b"\n", 0, error.start) + 1
        raise Refused(f"{shown} line {line}: not UTF-8", hint) from error
    lines, twice = lines_of(decoded)
    faults = [(where, f"{_spell(where)} is given twice") for where in twice]
    if not faults:
        faults = list(_schema_faults(content, schema))
    if not faults:
        faults = [*_pin_faults(content), *_sensor_faults(content), *_fault_faults(content)]
    if faults:
        line, message = min((lines.get(where, 1), message) for where, message in faults)
        more = f" (and {len(faults) - 1} more)" if len(faults) > 1 else ""
        raise Refused(f"{shown} line {line}: {message}{more}", hint)
    assert isinstance(content, dict)
    return content


def _spell(where: Where) -> str:
    return ".".join(str(part) for part in where) or "the profile"


def _schema_faults(content: Any, schema: dict[str, Any]) -> Iterator[tuple[Where, str]]:
    for error in Draft202012Validator(schema).iter_errors(content):
        where = tuple(error.instance_path)
        yield where, f"{_spell(where)}: {error.message}"


def _pin_faults(content: dict[str, Any]) -> Iterator[tuple[Where, str]]:
    sensors = {sensor["name"] for sensor in content["sensors"]}
    for chip_name, pins in content["pins"].items():
        chip = CHIPS[chip_name]
        base: Where = ("pins", chip_name)
        for name in sorted(sensors - set(pins)):
            yield base, f"{_spell(base)} has no pin for sensor {name}"
        used: dict[int, str] = {}
        for name, pin in pins.items():
            where = (*base, name)
            if name not in sensors and name not in _FIXED_PINS:
                yield where, f"{_spell(where)} belongs to no sensor"
            if pin not in chip.exists:
                yield where, f"{_spell(where)}: {chip_name} has no GPIO {pin}"
            elif pin in chip.taken:
                yield where, f"{_spell(where)}: GPIO {pin} of {chip_name} is {chip.taken[pin]}"
            elif name in sensors and pin not in chip.adc1:
                why = "is not on ADC1, the converter that works beside Wi-Fi"
                yield where, f"{_spell(where)}: GPIO {pin} of {chip_name} {why}"
            elif name in _FIXED_PINS and pin in chip.input_only:
                why = f"is input only and has no pull-up, so it cannot serve {_FIXED_PINS[name]}"
                yield where, f"{_spell(where)}: GPIO {pin} of {chip_name} {why}"
            if pin in used:
                yield where, f"{_spell(where)}: GPIO {pin} is already used for {used[pin]}"
            used[pin] = name


def _sensor_faults(content: dict[str, Any]) -> Iterator[tuple[Where, str]]:
    seen: set[str] = set()
    for index, sensor in enumerate(content["sensors"]):
        where: Where = ("sensors", index)
        name = sensor["name"]
        if name in seen or name in _FIXED_PINS:
            yield (*where, "name"), f"sensor name {name} is already taken"
        seen.add(name)
        if not sensor["short_below_uv"] < sensor["open_above_uv"] < sensor["supply_uv"]:
            yield (*where, "open_above_uv"), f"{name}: short_below_uv < open_above_uv < supply_uv must hold"
        if sensor["stale_ms"] < 2 * sensor["sample_ms"]:
            yield (*where, "stale_ms"), f"{name}: stale_ms must be at least two samples"
        if sensor["kind"] == "leak":
            if not sensor["wet_below_ohm"] < sensor["dry_above_ohm"] < sensor["end_ohm"]:
                yield (*where, "dry_above_ohm"), f"{name}: wet_below_ohm < dry_above_ohm < end_ohm must hold"
            # The first wet sample and two more, 10 ms apart; an erase of flash may take 100 of the alarm's 150 ms.
            if sensor["sample_ms"] + 20 > 50:
                yield (*where, "sample_ms"), f"{name}: sample_ms must be at most 30, or the alarm is late"


def _fault_faults(content: dict[str, Any]) -> Iterator[tuple[Where, str]]:
    sensors = {sensor["name"] for sensor in content["sensors"]}
    codes: set[str] = set()
    for index, fault in enumerate(content["faults"]):
        if fault["sensor"] not in sensors:
            yield ("faults", index, "sensor"), f"fault {fault['code']}: no sensor {fault['sensor']}"
        if fault["code"] in codes:
            yield ("faults", index, "code"), f"fault code {fault['code']} is given twice"
        codes.add(fault["code"])
