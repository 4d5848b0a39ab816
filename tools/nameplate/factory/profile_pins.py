"""What the pins of each chip can and cannot do, and whether a profile asks of them only what they can."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from nameplate.factory.json_lines import Where
from nameplate.factory.model_source import spell


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
FIXED_PINS = {"alarm": "the alarm output", "button": "the button", "scl": "the panel", "sda": "the panel"}
ANALOG = frozenset({"leak", "probe", "ntc"})
_WIRED = {
    "float": "a float switch, which needs the chip's pull-up",
    "switch": "a contact, which needs the chip's pull-up",
    "ds18b20": "a DS18B20, which the chip must pull low",
}


@dataclass(frozen=True)
class _Use:
    """What a pin is for: whether a converter must be there, and, where it may not be input only, for what."""

    adc: bool
    driven: str


def uses(content: Mapping[str, Any]) -> dict[str, tuple[str, _Use]]:
    """What each name under `pins` is for: (the sensor it belongs to or "", its use)."""
    found: dict[str, tuple[str, _Use]] = {name: ("", _Use(False, what)) for name, what in FIXED_PINS.items()}
    for sensor in content["sensors"]:
        name, kind = sensor["name"], sensor["kind"]
        found[name] = (name, _Use(kind in ANALOG, _WIRED.get(kind, "")))
        if kind == "probe":
            for drive in (f"{name}_a", f"{name}_b"):
                found[drive] = (name, _Use(False, "an electrode's drive"))
    return found


def fitted(content: Mapping[str, Any], chip: str) -> set[str]:
    """The sensors that exist on `chip`: those with all their pins."""
    pins = content["pins"].get(chip, {})
    names = {sensor["name"] for sensor in content["sensors"]}
    for name, (sensor, _) in uses(content).items():
        if sensor and pins.get(name) is None:
            names.discard(sensor)
    return names


def pin_faults(content: Mapping[str, Any]) -> Iterator[tuple[Where, str]]:
    """Each wrong pin with its place."""
    known = uses(content)
    for chip, pins in content["pins"].items():
        base: Where = ("pins", chip)
        for name, (sensor, _) in known.items():
            if sensor and name not in pins:
                yield base, f"{spell(base)} has no pin for sensor {name} (null: it is not fitted there)"
        if not fitted(content, chip):
            yield base, f"{spell(base)}: no sensor at all is fitted"
        used: dict[int, str] = {}
        for name, pin in pins.items():
            where = (*base, name)
            if name not in known:
                yield where, f"{spell(where)} belongs to no sensor"
                continue
            sensor, use = known[name]
            if pin is None:
                yield from _missing(content, where, sensor)
                continue
            for why in _why_not(chip, pin, use):
                yield where, f"{spell(where)}: {why}"
            if pin in used:
                yield where, f"{spell(where)}: GPIO {pin} is already used for {used[pin]}"
            used[pin] = name


def _missing(content: Mapping[str, Any], where: Where, sensor: str) -> Iterator[tuple[Where, str]]:
    """null: only for a sensor as a whole, and no sensor that is to tell of water."""
    if not sensor:
        yield where, f"{spell(where)}: null is for sensors only; every board has {FIXED_PINS[str(where[-1])]}"
        return
    kind = next(spec["kind"] for spec in content["sensors"] if spec["name"] == sensor)
    if kind in ("leak", "float"):
        yield where, f"{spell(where)}: a sensor that tells of water may not be left out (null)"
    elif kind == "probe":
        pins = content["pins"][where[1]]
        if any(pins.get(name) is not None for name in (sensor, f"{sensor}_a", f"{sensor}_b")):
            yield where, f"{spell(where)}: all three pins of probe {sensor} are null, or none"


def _why_not(name: str, pin: int, use: _Use) -> Iterator[str]:
    chip = CHIPS[name]
    if pin not in chip.exists:
        yield f"{name} has no GPIO {pin}"
    elif pin in chip.taken:
        yield f"GPIO {pin} of {name} is {chip.taken[pin]}"
    elif use.adc and pin not in chip.adc1:
        yield f"GPIO {pin} of {name} is not on ADC1, the converter that works beside Wi-Fi"
    elif use.driven and pin in chip.input_only:
        yield f"GPIO {pin} of {name} is input only and has no pull-up, so it cannot serve {use.driven}"
