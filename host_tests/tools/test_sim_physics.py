"""The appliance and its parts, without a chip."""

import random

import pytest

from nameplate.sim.physics import adc, parts
from nameplate.sim.physics.fridge import Fridge
from nameplate.sim.physics.panel import Panel


def test_a_fridge_keeps_its_temperature_by_cycling() -> None:
    fridge = Fridge()
    states, temperatures = [], []
    for minute in range(24 * 60):
        fridge.advance(minute * 60)
        states.append(fridge.compressor)
        temperatures.append(fridge.air_c)
    assert 3.0 < min(temperatures) < max(temperatures) < 6.0
    starts = sum(not before and after for before, after in zip(states, states[1:], strict=False))
    assert 12 <= starts <= 72  # once in 20 minutes to once in two hours
    assert 0.1 < sum(states) / len(states) < 0.7


def test_an_open_door_warms_it_and_it_recovers() -> None:
    fridge = Fridge()
    fridge.advance(3600)
    fridge.door_open = True
    fridge.advance(3600 + 300)
    warm = fridge.air_c
    assert warm > 9
    fridge.door_open = False
    fridge.advance(3600 * 3)
    assert fridge.air_c < 6.5


def test_a_hot_room_makes_the_compressor_work_more() -> None:
    def work(room_c: float) -> int:
        fridge = Fridge(room_c=room_c)
        on = 0
        for minute in range(600):
            fridge.advance(minute * 60)
            on += fridge.compressor
        return on

    assert work(16) < work(22) < work(35)


def test_the_same_hours_give_the_same_fridge_however_often_it_is_looked_at() -> None:
    often, once = Fridge(), Fridge()
    for second in range(0, 7201, 7):
        often.advance(second)
    often.advance(7200)
    once.advance(7200)
    assert often.air_c == once.air_c


@pytest.mark.parametrize(("celsius", "ohm"), [(25, 10_000), (0, 33_621), (-18, 93_252), (50, 3_588)])
def test_a_thermistor_by_its_beta(celsius: float, ohm: float) -> None:
    assert parts.ntc_ohm(celsius, 10_000, 3950) == pytest.approx(ohm, rel=0.02)


def test_a_leak_probe_in_its_states() -> None:
    assert parts.leak_ohm("dry", 47_000, 12_000) == 47_000
    assert parts.leak_ohm("wet", 47_000, 12_000) == pytest.approx(9559, abs=1)
    assert parts.divider_volt(3.3, 47_000, parts.leak_ohm("open", 47_000, 12_000)) == 3.3
    assert parts.divider_volt(3.3, 47_000, parts.leak_ohm("short", 47_000, 12_000)) == 0


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
