"""docs/hardware.md: every pin, resistor and voltage it prints is the profile's, and every command it names exists."""

import json
import re
from pathlib import Path

import click
import pytest

from nameplate.cli.main import command as cli
from nameplate.factory import thermistor
from nameplate.factory.profile_pins import CHIPS as FACTORY_CHIPS
from nameplate.factory.profile_pins import FIXED_PINS, uses
from nameplate.sim.chips import CHIPS

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "docs/hardware.md").read_text()
PROFILES = {
    found["model"]: found
    for found in (json.loads(path.read_text()) for path in sorted((ROOT / "models").glob("*/profile.json")))
}
SENSORS = {
    (model, sensor["name"]): sensor for model, content in PROFILES.items() for sensor in content["sensors"]
}
LEAK = SENSORS["KF-320", "pan"]
PROBE = SENSORS["GS-45", "floor"]
CHIP_NAMES = {"ESP32": "esp32", "C3": "esp32c3", "S3": "esp32s3"}
NTCS = {key: sensor for key, sensor in SENSORS.items() if sensor["kind"] == "ntc"}


def section(title: str) -> str:
    return TEXT.partition(f"\n## {title}\n")[2].partition("\n## ")[0]


def rows(text: str) -> list[list[str]]:
    """The cells of every table row below the heads."""
    lines = [line for line in text.splitlines() if line.startswith("|")]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return [row for row in cells if not set(row[0]) <= {"-"}]


def volts(ohm: float, pull_up: float, supply_uv: int) -> float:
    return supply_uv / 1e6 * ohm / (pull_up + ohm)


def pins_to_avoid() -> list[tuple[str, set[int], str]]:
    found = []
    for chip, pins, _ in (row for row in rows(section("Pins")) if row[0] in CHIP_NAMES):
        numbers, _, use = re.sub(r" for an? ", "|", pins).partition("|")
        found.append((CHIP_NAMES[chip], {int(number) for number in numbers.split(",")}, use.strip("*")))
    return found


@pytest.mark.parametrize("model", list(PROFILES))
def test_every_pin_is_the_profiles_and_all_are_there(model: str) -> None:
    text = section("Pins").partition(f"**{model},")[2].partition("\n\n**")[0].partition("\n\nA model of")[0]
    head = text[text.index("| what") :].splitlines()[0]
    columns = [CHIP_NAMES[cell.strip()] for cell in head.strip("|").split("|")[1:-1]]
    printed: dict[str, dict[str, int | None]] = {chip: {} for chip in columns}
    for row in rows(text):
        if row[0].startswith("`"):
            name = row[0].split("`")[1]
            for chip, number in zip(columns, row[1:-1], strict=True):
                printed[chip][name] = None if number == "not fitted" else int(number)
    assert printed == PROFILES[model]["pins"]


def driven(model: str, name: str) -> bool:
    """Whether a pin may not be input only."""
    return bool(uses(PROFILES[model])[name][1].driven)


def converts(model: str, name: str) -> bool:
    return uses(PROFILES[model])[name][1].adc


def test_no_pin_of_a_profile_is_one_to_avoid() -> None:
    avoid = pins_to_avoid()
    assert len(avoid) >= 15
    assert {use for _, _, use in avoid} == {"", "analog sensor", "output, a contact or a button"}
    concerns = {"": lambda *_: True, "analog sensor": converts, "output, a contact or a button": driven}
    for chip, numbers, use in avoid:
        for model, content in PROFILES.items():
            for name, pin in content["pins"].get(chip, {}).items():
                assert pin not in numbers or not concerns[use](model, name), (model, chip, name, pin)


@pytest.mark.parametrize("chip", list(FACTORY_CHIPS))
def test_the_pins_to_avoid_are_those_that_the_build_refuses(chip: str) -> None:
    known = FACTORY_CHIPS[chip]
    said = [(numbers, use) for other, numbers, use in pins_to_avoid() if other == chip]
    never = {number for numbers, use in said if not use for number in numbers}
    assert never == set(known.taken)
    not_analog = {number for numbers, use in said if use == "analog sensor" for number in numbers}
    assert not not_analog & known.adc1


@pytest.mark.parametrize("chip", list(CHIPS))
def test_the_virtual_chips_have_these_pins(chip: str) -> None:
    known = CHIPS[chip]
    for other, numbers, use in pins_to_avoid():
        if other == chip and use.startswith("output"):
            assert numbers & known.pins <= known.inputs_only
    for model, content in PROFILES.items():
        for name, pin in content["pins"].get(chip, {}).items():
            assert pin is None or pin in known.pins, (model, name)
            assert not converts(model, name) or pin in known.adc_pins
            assert pin is None or not driven(model, name) or pin not in known.inputs_only
    assert set(FIXED_PINS) <= set(PROFILES["KF-320"]["pins"][chip])


def test_the_leak_probes_values_and_voltages_are_the_profiles() -> None:
    text = section("Leak probe")
    pull_up, supply, end = LEAK["pull_up_ohm"], LEAK["supply_uv"], LEAK["end_ohm"]
    assert text.count(f"[ {pull_up // 1000}k ]") == 2 and pull_up == end  # pull-up and end resistor, drawn
    assert f"dry: {end // 1000}k | {volts(end, pull_up, supply):.2f} V" in text
    assert f"above {LEAK['dry_above_ohm'] // 1000}k | above" in text
    assert f"{volts(LEAK['dry_above_ohm'], pull_up, supply):.2f} V | dry again" in text
    assert (
        f"{LEAK['wet_below_ohm'] // 1000}k or less | {volts(LEAK['wet_below_ohm'], pull_up, supply):.2f} V"
        in text
    )
    water = 1 / (1 / 12000 + 1 / end)
    assert f"{water / 1000:.1f}k | {volts(water, pull_up, supply):.2f} V | wet" in text
    assert f"above {LEAK['open_above_uv'] / 1e6:.2f} V) | `open`" in text
    assert f"below {LEAK['short_below_uv'] / 1e6:.3f} V) | `short`" in text


def test_every_thermistors_values_and_voltages_are_its_parts_and_the_profiles() -> None:
    text = section("Thermistor")
    printed = [row for row in rows(text) if row[0].startswith(tuple(PROFILES))]
    told = set()
    for what, pull_up, at, ohm_text, volt_text in printed:
        model, _, name = what.partition(" ")
        sensor = NTCS[model, name.strip("`")]
        told.add((model, name.strip("`")))
        part = thermistor.load(ROOT, sensor["part"])
        celsius = int(at.removesuffix(" C"))
        ohm = part.ohm(celsius)
        assert pull_up == f"{sensor['pull_up_ohm'] / 1000:g}k", what
        assert ohm_text == (f"{ohm / 1000:.1f}k" if ohm >= 1000 else f"{ohm:.0f}"), (what, at)
        volt = volts(ohm, sensor["pull_up_ohm"], sensor["supply_uv"])
        assert volt_text == f"{volt:.2f} V", (what, at)
        assert sensor["min_milli"] <= celsius * 1000 <= sensor["max_milli"]
        assert sensor["short_below_uv"] < volt * 1e6 < sensor["open_above_uv"]
    assert told == set(NTCS)
    for sensor in NTCS.values():
        part = thermistor.load(ROOT, sensor["part"])
        assert f"{part.part}, {part.r25_ohm // 1000}k at 25 C" in text
        assert f"Below {sensor['short_below_uv'] / 1e6:.3f} V the wire is `short`, above" in text
        assert f"above {sensor['open_above_uv'] / 1e6:.2f} V `open`" in text


def test_the_conductive_probes_values_and_voltages_are_the_profiles() -> None:
    text = section("Conductive probe")
    series, supply, end = PROBE["series_ohm"], PROBE["supply_uv"], PROBE["end_ohm"]
    assert f"[ {series // 1000}k ]" in text and f"[ {end // 1000}k ]" in text

    def at(ohm: float) -> str:
        return f"{volts(ohm, series, supply):.2f} V"

    assert [row[:2] for row in rows(text)[1:]] == [
        [f"more than {2 * end // 1000}k: cut, or no end resistor", f"above {at(2 * end)}"],
        [f"dry: {end // 1000}k", at(end)],
        [f"above {PROBE['dry_above_ohm'] // 1000}k", f"above {at(PROBE['dry_above_ohm'])}"],
        [f"{PROBE['wet_below_ohm'] // 1000}k or less", f"{at(PROBE['wet_below_ohm'])} or less"],
        [f"below {PROBE['short_below_ohm'] / 1000:g}k", f"below {at(PROBE['short_below_ohm'])}"],
    ]


def test_floats_and_contacts_are_wired_as_the_profiles_say() -> None:
    floats = [sensor for sensor in SENSORS.values() if sensor["kind"] == "float"]
    assert floats and all(f'"active": "{one["active"]}"' in section("Float switch") for one in floats)
    assert f"after {floats[0]['debounce_ms']} ms" in section("Float switch")
    text = section("Contacts and signals of the appliance")
    for (_, name), sensor in SENSORS.items():
        if sensor["kind"] == "switch":
            # The door's contact is closed with the door, a signal's transistor while the load is on.
            assert sensor["active"] == ("high" if name == "door" else "low")
    assert "pulls the pin to ground while the load is on" in text and "high is open" in text


def test_every_kind_of_sensor_is_told_how_to_wire() -> None:
    titles = {
        "leak": "Leak probe", "ntc": "Thermistor", "float": "Float switch", "probe": "Conductive probe",
        "ds18b20": "DS18B20", "switch": "Contacts and signals of the appliance",
    }  # fmt: skip
    for sensor in SENSORS.values():
        assert "```" in section(titles[sensor["kind"]])


def test_panel_button_and_alarm_are_the_profiles() -> None:
    text = section("Panel, button, alarm")
    for content in PROFILES.values():
        panel = content["panel"]
        assert f"{panel['columns']} x {panel['rows']}" in text
        assert f"0x{panel['address']:x} ({panel['address']})" in text
        assert content["alarm"]["active"] in text and content["button"]["active"] == "low"


@pytest.mark.parametrize("named", re.findall(r"`(nameplate [^`]+)`", section("First flash")))
def test_every_command_it_names_is_one_with_these_options(named: str) -> None:
    command: click.Command = cli
    words = named.split()[1:]
    while isinstance(command, click.Group):
        found = command.get_command(click.Context(command), words.pop(0))
        assert found is not None, named
        command = found
    options = {option for parameter in command.params for option in parameter.opts}
    assert {word for word in words if word.startswith("--")} <= options, named


def test_the_first_flash_goes_from_image_to_heartbeat() -> None:
    order = [
        "factory keys",
        "factory image",
        "factory provision",
        "factory flash",
        "nameplate read",
        "nameplate listen",
    ]
    at = [section("First flash").index(word) for word in order]
    assert at == sorted(at)


def test_it_says_what_was_tried_and_that_no_silicon_was() -> None:
    assert "no board of silicon yet" in section("Boards tried")
    assert "emulated ESP32" in section("Boards tried") and "emulated ESP32-C3" in section("Boards tried")
    template = section("Report a board")
    for wanted in ("Board:", "MicroPython:", "Wiring:", "Sensors:", "private key"):
        assert wanted in template
