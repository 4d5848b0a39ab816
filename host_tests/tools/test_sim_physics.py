"""The appliance and its parts, without a chip."""

import itertools
import json
import math
import random
import statistics
from collections.abc import Callable
from pathlib import Path

import pytest

from nameplate.sim.physics import adc, parts, thermistors
from nameplate.sim.physics.fridge import Fridge
from nameplate.sim.physics.panel import Panel
from nameplate.sim.physics.washer import DISHWASHER, WASHING_MACHINE, Build, Washer

PARTS = sorted((Path(__file__).parents[2] / "models/parts").glob("*.json"))


def live(appliance: Fridge | Washer, hours: float, start_s: float = 0) -> None:
    """Until so many hours after `start_s`."""
    appliance.advance(start_s + hours * 3600)


def by_the_minute(
    fridge: Fridge, hours: int, start_h: int = 0
) -> list[tuple[float, float, float, bool, bool]]:
    """Fridge, freezer, evaporator, whether the compressor runs, whether it is defrosting: each minute."""
    rows = []
    for minute in range(start_h * 60, (start_h + hours) * 60):
        fridge.advance(minute * 60)
        rows.append(
            (fridge.fridge_c, fridge.freezer_c, fridge.evaporator_c, fridge.compressor, fridge.defrosting)
        )
    return rows


def starts(states: list[bool]) -> int:
    return sum(not before and after for before, after in zip(states, states[1:], strict=False))


@pytest.mark.parametrize("room_c", [16, 22, 32])
def test_a_fridge_freezer_keeps_its_temperatures_by_cycling(room_c: float) -> None:
    fridge, freezer, evaporator, compressor, defrosting = zip(
        *by_the_minute(Fridge(room_c), 48)[6 * 60 :], strict=True
    )
    assert 3.0 < min(fridge) < max(fridge) < 6.5
    assert -21.5 < min(freezer) < max(freezer) < -13
    assert -20.5 < statistics.mean(freezer) < -17.5
    assert min(evaporator) < -24
    assert max(evaporator) < 10  # a defrost ends
    assert 18 <= starts(list(compressor)) / 1.75 <= 72  # a day
    assert 0.1 < sum(compressor) / len(compressor) < 0.6
    assert 1 <= starts(list(defrosting)) / 1.75 <= 4
    longest = max(len(list(run)) for on, run in itertools.groupby(defrosting) if on)
    assert 5 <= longest <= 30


def test_an_open_door_warms_it_and_it_recovers() -> None:
    fridge = Fridge()
    live(fridge, 1)
    fridge.door_open = True
    live(fridge, 1 + 1 / 12)
    assert fridge.fridge_c > 9
    assert fridge.freezer_c < -15  # that has a door of its own
    fridge.door_open = False
    live(fridge, 4)
    assert fridge.fridge_c < 6.5


def test_a_hot_room_makes_the_compressor_work_more() -> None:
    duty = [sum(row[3] for row in by_the_minute(Fridge(room_c), 24)) for room_c in (16, 22, 35)]
    assert duty == sorted(duty)
    assert duty[2] > 1.5 * duty[0]


def test_a_weak_compressor_runs_longer_then_all_the_time_and_then_it_is_warm() -> None:
    found = []
    for cooling in (1.0, 0.6, 0.3, 0.0):
        fridge = Fridge()
        fridge.cooling = cooling
        rows = by_the_minute(fridge, 48)[24 * 60 :]
        found.append((sum(row[3] for row in rows) / len(rows), rows[-1][1]))
    (duty, _), (longer, _), (always, warmer), (_, warm) = found
    assert duty * 1.4 < longer < 0.7
    assert always > 0.85
    assert warmer > -18.5
    assert warm > 10


def test_a_defrost_that_does_not_end_keeps_the_evaporator_warm() -> None:
    fridge = Fridge()
    fridge.defrost = "stuck"
    rows = by_the_minute(fridge, 12)
    assert min(row[2] for row in rows[120:]) > 8
    assert not any(row[3] for row in rows[5:])
    assert fridge.freezer_c > -5
    fridge.defrost = "auto"
    assert by_the_minute(fridge, 24, 12)[-1][1] < -15


def test_frost_that_is_never_melted_makes_the_evaporator_colder_and_the_compressor_work_more() -> None:
    iced, well = Fridge(), Fridge()
    iced.defrost = "off"
    frosted, clean = (by_the_minute(fridge, 240)[216 * 60 :] for fridge in (iced, well))
    assert iced.frost_kg > 1
    assert min(row[2] for row in frosted) < min(row[2] for row in clean) - 3
    assert sum(row[3] for row in frosted) > sum(row[3] for row in clean)


def test_warm_food_is_cooled_down() -> None:
    fridge = Fridge()
    live(fridge, 1)
    before = fridge.fridge_load_c
    fridge.put(5)
    assert before + 2 < fridge.fridge_load_c < 10
    live(fridge, 13)
    assert fridge.fridge_load_c < 6


def test_without_power_nothing_is_cooled() -> None:
    fridge = Fridge()
    fridge.mains = False
    live(fridge, 12)
    assert not fridge.compressor
    assert fridge.fridge_c > 9
    assert fridge.freezer_c > -15


@pytest.mark.parametrize("make", [Fridge, lambda: Washer(DISHWASHER), lambda: Washer(WASHING_MACHINE)])
def test_the_same_hours_give_the_same_appliance_however_often_it_is_looked_at(
    make: Callable[[], Fridge | Washer],
) -> None:
    often, once = make(), make()
    for appliance in (often, once):
        if isinstance(appliance, Washer):
            appliance.start()
    for second in range(0, 7201, 7):
        often.advance(second)
    often.advance(7200)
    once.advance(7200)
    assert vars(often) == vars(once)


def programme(machine: Washer, most_h: float = 6) -> tuple[dict[str, float], float]:
    """Runs one to its end: seconds in each step, the most that the water had."""
    machine.start()
    spent: dict[str, float] = {}
    hottest, second = 0.0, 0
    while machine.running:
        second += 1
        assert second < most_h * 3600
        machine.advance(second)
        hottest = max(hottest, machine.water_c)
        step = machine.step.rpartition(" ")[2]
        spent[step] = spent.get(step, 0) + 1
    return spent, hottest


@pytest.mark.parametrize(("build", "target"), [(DISHWASHER, 65), (WASHING_MACHINE, 40)])
def test_a_programme_fills_heats_washes_drains_and_ends_empty(build: Build, target: float) -> None:
    machine = Washer(build)
    spent, hottest = programme(machine)
    assert set(spent) == {"fill", "heat", "wash", "drain", "idle"}
    assert target <= hottest < target + 1
    assert machine.litres < 0.1
    assert not (machine.inlet or machine.drain or machine.heater or machine.level)
    assert 40 * 60 < sum(spent.values()) < 90 * 60


@pytest.mark.parametrize("build", [DISHWASHER, WASHING_MACHINE])
@pytest.mark.parametrize(
    ("knob", "step"), [("inlet_flow", "fill"), ("drain_flow", "drain"), ("heater_power", "heat")]
)
def test_what_is_weak_takes_longer(build: Build, knob: str, step: str) -> None:
    weak, well = Washer(build), Washer(build)
    setattr(weak, knob, 0.4)
    slow, usual = programme(weak)[0], programme(well)[0]
    assert slow[step] > 2 * usual[step]
    assert all(slow[other] < 1.3 * usual[other] for other in usual if other != step)


@pytest.mark.parametrize("knob", ["inlet_flow", "drain_flow", "heater_power"])
def test_what_does_not_come_at_all_is_given_up_in_the_end(knob: str) -> None:
    machine = Washer(WASHING_MACHINE)
    setattr(machine, knob, 0.0)
    assert programme(machine)[1] < (60 if knob == "drain_flow" else 40)


@pytest.mark.parametrize("build", [DISHWASHER, WASHING_MACHINE])
def test_a_thermostat_that_is_stuck_overheats_the_water_and_never_boils_a_dry_tub(build: Build) -> None:
    machine = Washer(build)
    machine.thermostat_stuck = True
    hottest = programme(machine)[1]
    assert 98 < hottest <= 100
    assert not machine.heater


def test_an_open_door_pauses_a_programme_and_stop_drains_it() -> None:
    machine = Washer(DISHWASHER)
    machine.start()
    machine.advance(40)
    litres = machine.litres
    machine.door_open = True
    machine.advance(400)
    assert machine.litres == pytest.approx(litres, abs=0.1)
    machine.door_open = False
    machine.advance(420)
    assert machine.litres > litres
    machine.stop()
    machine.advance(600)
    assert machine.step == "idle"
    assert machine.litres < 0.1


@pytest.mark.parametrize(("celsius", "ohm"), [(25, 10_000), (0, 33_621), (-18, 93_252), (50, 3_588)])
def test_a_thermistor_by_its_beta(celsius: float, ohm: float) -> None:
    assert parts.ntc_ohm(celsius, 10_000, 3950) == pytest.approx(ohm, rel=0.02)


@pytest.mark.parametrize("path", PARTS, ids=lambda path: path.stem)
def test_a_thermistor_by_its_makers_table(path: Path) -> None:
    content = json.loads(path.read_text())
    r25 = content["r25_ohm"]
    assert thermistors.resistance({"part": path.stem}, 25) == pytest.approx(r25, rel=0.001)
    for celsius, value in content.get("points", []):
        ohm = value * {"R/R25": r25, "ohm": 1, "kohm": 1000}[content["unit"]]
        assert thermistors.resistance({"part": path.stem}, celsius) == pytest.approx(ohm, rel=1e-9)
    values = [thermistors.resistance({"part": path.stem}, tenth / 10) for tenth in range(-500, 1300)]
    assert values == sorted(values, reverse=True)
    # Between 0 and 50 degrees every part is near its Beta.
    assert thermistors.resistance({"part": path.stem}, 50) == pytest.approx(
        parts.ntc_ohm(50, r25, content["b_k"]), rel=0.03
    )


def test_a_thermistor_without_a_table_goes_by_its_beta() -> None:
    for part in (None, "unheard-of", "../parts/semitec-103at-2"):
        spec = {"part": part, "r25_ohm": 5000, "beta_k": 3500}
        assert thermistors.resistance(spec, 60) == parts.ntc_ohm(60, 5000, 3500)


@pytest.mark.parametrize(
    "content",
    [{}, {"unit": "ohm", "points": [[25, 1]], "r25_ohm": 1}, {"unit": "mho", "points": [], "r25_ohm": 1}],
)
def test_a_table_that_is_none_is_refused(content: dict[str, object]) -> None:
    with pytest.raises((KeyError, ValueError)):
        thermistors.curve_of(content)


def test_a_leak_probe_in_its_states() -> None:
    assert parts.leak_ohm("dry", 47_000, 12_000) == 47_000
    assert parts.leak_ohm("wet", 47_000, 12_000) == pytest.approx(9559, abs=1)
    assert parts.leak_ohm("damp", 47_000, 12_000, 20_000) == 20_000
    assert parts.leak_ohm("wet", parts.OPEN, 12_000) == 12_000  # no resistor at its end
    assert parts.divider_volt(3.3, 47_000, parts.leak_ohm("open", 47_000, 12_000)) == 3.3
    assert parts.divider_volt(3.3, 47_000, parts.leak_ohm("short", 47_000, 12_000)) == 0


@pytest.mark.parametrize(
    ("a", "b", "ohm", "volt", "microampere"),
    [
        (1, 0, 12_000, 3.3 * 12 / 34, 3.3e6 / 34_000),
        (0, 1, 12_000, 3.3 * 22 / 34, -3.3e6 / 34_000),
        (1, 0, math.inf, 3.3, 0),
        (0, 1, math.inf, 0, 0),
        (1, 0, 0, 0, 150),
        (0, 1, 0, 3.3, -150),
        (0, 0, 12_000, 0, 0),
        (1, 1, 12_000, 3.3, 0),
        (None, 1, 12_000, 3.3, 0),
        (None, 1, math.inf, None, 0),
        (1, None, 12_000, 3.3, 0),
        (None, None, 12_000, None, 0),
    ],
)
def test_a_conductive_probe_between_its_drives(
    a: int | None, b: int | None, ohm: float, volt: float | None, microampere: float
) -> None:
    found = parts.probe_volt(3.3, 22_000, ohm, a, b)
    assert found == (None if volt is None else pytest.approx(volt))
    assert parts.probe_ampere(3.3, 22_000, ohm, a, b) * 1e6 == pytest.approx(microampere)


def test_the_converters_noise_is_small_and_seeded() -> None:
    first = [adc.sample("esp32", 1.65, 3, rng)[1] for rng in [random.Random(1)] for _ in range(500)]
    again = [adc.sample("esp32", 1.65, 3, rng)[1] for rng in [random.Random(1)] for _ in range(500)]
    assert first == again
    assert abs(sum(first) / 500 - 1_650_000) < 1_000
    assert 2_000 < max(first) - min(first) < 25_000


def bus_bytes(*rows: tuple[int, bool]) -> bytes:
    """Bytes for the display, as a driver clocks them out half by half."""
    out = []
    for byte, data in rows:
        for half in (byte & 0xF0, byte << 4 & 0xF0):
            out += [half | 0x08 | data | 0x04, half | 0x08 | data]
    return bytes(out)


def started() -> Panel:
    panel = Panel()
    for half in (0x30, 0x30, 0x30, 0x20):
        panel.write(bytes((half | 0x0C, half | 0x08)))
    panel.write(bus_bytes((0x28, False), (0x0C, False), (0x01, False), (0x06, False)))
    return panel


def test_the_panel_is_dark_until_it_is_switched_on() -> None:
    panel = Panel()
    assert panel.lines == [" " * 20] * 4
    assert not panel.back_light
    assert started().back_light


def test_text_runs_on_as_on_the_glass_from_row_one_to_three() -> None:
    panel = started()
    text = "abcdefghijklmnopqrstuvwxyz"
    panel.write(bus_bytes(*[(ord(letter), True) for letter in text]))
    assert panel.lines[0] == text[:20]
    assert panel.lines[2].startswith(text[20:])
    panel.write(bus_bytes((0x80 | 0x54, False), (ord("!"), True), (0xFF, True)))
    assert panel.lines[3] == "!\N{REPLACEMENT CHARACTER}".ljust(20)


def test_a_cleared_or_blanked_panel_is_empty_and_blanking_keeps_the_text() -> None:
    panel = started()
    panel.write(bus_bytes((ord("x"), True), (0x08, False)))
    assert panel.lines[0].strip() == ""
    panel.write(bus_bytes((0x0C, False)))
    assert panel.lines[0].strip() == "x"
    panel.write(bus_bytes((0x01, False)))
    assert panel.lines[0].strip() == ""
