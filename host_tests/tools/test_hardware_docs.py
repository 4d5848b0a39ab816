"""docs/hardware.md: every pin, resistor and voltage it prints is the profile's, and every command it names exists."""

import json
import math
import re
from pathlib import Path

import click
import pytest

from nameplate.cli.main import command as cli
from nameplate.sim.chips import CHIPS

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "docs/hardware.md").read_text()
PROFILE = json.loads((ROOT / "models/kf320/profile.json").read_text())
LEAK, NTC = PROFILE["sensors"]
COLUMNS = ("esp32", "esp32c3", "esp32s3")
CHIP_NAMES = {"ESP32": "esp32", "C3": "esp32c3", "S3": "esp32s3"}


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


def test_every_pin_is_the_profiles_and_all_are_there() -> None:
    printed: dict[str, dict[str, int]] = {chip: {} for chip in COLUMNS}
    for row in rows(section("Pins")):
        if row[0].startswith("`"):
            name = row[0].split("`")[1]
            for chip, number in zip(COLUMNS, row[1:4], strict=True):
                printed[chip][name] = int(number)
    assert printed == PROFILE["pins"]


def test_no_pin_of_the_profile_is_one_to_avoid() -> None:
    avoid = pins_to_avoid()
    assert len(avoid) >= 15
    sensors = {"pan", "fridge"}
    for chip, numbers, use in avoid:
        for name, pin in PROFILE["pins"][chip].items():
            if not use or (use == "sensor") == (name in sensors):
                assert pin not in numbers, (chip, name, pin)


@pytest.mark.parametrize("chip", list(CHIPS))
def test_the_pins_to_avoid_are_pins_and_the_rest_serve(chip: str) -> None:
    known = CHIPS[chip]
    for other, numbers, use in pins_to_avoid():
        if other == chip and use == "output or a button":
            assert numbers & known.pins <= known.inputs_only
    for name, pin in PROFILE["pins"][chip].items():
        assert pin in known.pins, name
        assert name not in ("pan", "fridge") or pin in known.adc_pins
        assert name in ("pan", "fridge") or pin not in known.inputs_only


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


def test_the_thermistors_values_and_voltages_are_the_profiles() -> None:
    text = section("Thermistor")
    assert f"[ {NTC['pull_up_ohm'] // 1000}k ]" in text
    assert f"An NTC of {NTC['r25_ohm'] // 1000}k at 25 C, beta {NTC['beta_k']}" in text
    printed = [row for row in rows(text) if row[0].endswith(" C")]
    assert len(printed) >= 5
    for at, ohm_text, volt_text in printed:
        kelvin = float(at.removesuffix(" C")) + 273.15
        ohm = NTC["r25_ohm"] * math.exp(NTC["beta_k"] * (1 / kelvin - 1 / 298.15))
        volt = volts(ohm, NTC["pull_up_ohm"], NTC["supply_uv"])
        assert ohm_text == f"{ohm / 1000:.1f}k", at
        assert volt_text.startswith(f"{volt:.2f} V"), at
        assert ("`open`" in volt_text) is (volt * 1e6 > NTC["open_above_uv"]), at


def test_panel_button_and_alarm_are_the_profiles() -> None:
    text = section("Panel, button, alarm")
    panel = PROFILE["panel"]
    assert f"{panel['columns']} x {panel['rows']}" in text
    assert f"0x{panel['address']:x} ({panel['address']})" in text
    assert PROFILE["alarm"]["active"] in text and PROFILE["button"]["active"] == "low"


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
