"""Temperatures: what the makers publish comes out, and what cannot be a temperature is not told as one."""

import json
import random
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firmware.sensors import uncertainty
from firmware.sensors.ntc import Thermistor
from firmware.sensors.pair import Pair
from firmware.sensors.temperature import Temperature
from host_tests.firmware.fakes import WRAP, Adc, Ticks
from nameplate.factory import thermistor
from nameplate.factory.sources import device_root

SUPPLY_UV = 3_300_000
PARTS = thermistor.parts(device_root())
# Beside what the models use; for the 100 k part, which none has, one that serves where it is hot.
PULL_UPS = {
    "semitec-103at-2": {22_000, 56_000},
    "vishay-ntcle100e3103": {22_000, 56_000},
    "tdk-b57861s0502": {4_700},
    "murata-ncp15wf104": {47_000, 100_000},
}
for path in sorted((device_root() / "models").glob("*/profile.json")):
    for spec in json.loads(path.read_bytes())["sensors"]:
        if spec["kind"] == "ntc":
            PULL_UPS[spec["part"]].add(spec["pull_up_ohm"])
WIRED = [(name, pull_up) for name in PARTS for pull_up in sorted(PULL_UPS[name])]


def ntc(name, pull_up, **more):
    part = thermistor.load(device_root(), name)
    spec = {
        "name": "water", "kind": "ntc", "supply_uv": SUPPLY_UV, "pull_up_ohm": pull_up, "short_below_uv": 0,
        "open_above_uv": SUPPLY_UV, "sample_ms": 1000, "stale_ms": 10000, "min_milli": -40000, "max_milli": 105000,
        "rate_milli_s": 10**6, "stuck_s": 0, "stuck_milli": 0,
        **thermistor.device_fields(part, pull_up, SUPPLY_UV), **more,
    }  # fmt: skip
    adc = Adc(0)
    return part, adc, Thermistor(spec, adc, Ticks()), spec


def uv_of(ohm, pull_up):
    return round(SUPPLY_UV * ohm / (ohm + pull_up))


# The conversion


@pytest.mark.parametrize(("name", "pull_up"), WIRED)
def test_every_published_point_within_a_tenth_of_a_kelvin(name, pull_up):
    part, _, sensor, _ = ntc(name, pull_up)
    points = [point for point in part.published if -40 <= point[0] <= 85]
    assert len(points) == 26
    for celsius, ohm in points:
        assert abs(sensor.milli_at(uv_of(ohm, pull_up)) - 1000 * celsius) <= 100, celsius


@pytest.mark.parametrize(("name", "pull_up"), WIRED)
def test_between_the_points_too(name, pull_up):
    part, _, sensor, _ = ntc(name, pull_up)
    worst = 0
    for tenths in range(-400, 851):
        uv = uv_of(part.ohm(tenths / 10), pull_up)
        worst = max(worst, abs(sensor.milli_at(uv) - 100 * tenths))
    assert worst <= 100, worst


@pytest.mark.parametrize(("name", "pull_up"), WIRED)
def test_more_voltage_is_never_warmer_and_the_table_bounds_it(name, pull_up):
    part, adc, sensor, _ = ntc(name, pull_up)
    adc.full_uv = SUPPLY_UV
    known = [milli for uv in range(0, SUPPLY_UV, 1013) if (milli := sensor.milli_at(uv)) is not None]
    assert all(hot >= cold for hot, cold in pairwise(known))
    assert -40_000 <= known[-1] < -35_000 and 100_000 < known[0] <= 105_000
    for ohm, word in (
        (part.ohm(-40) * 1.05, "out of range"),
        (part.ohm(-39.9), "ok"),
        (part.ohm(104.9), "ok"),
        (part.ohm(105) * 0.95, "out of range"),
    ):
        adc.uv = uv_of(ohm, pull_up)
        sensor._tried = sensor._when = sensor._jumped = None
        sensor.sample(0)
        assert sensor.quality == word, ohm


def test_on_the_device_interpreter(micropython):
    _, _, sensor, spec = ntc("semitec-103at-2", 22_000)
    printed = micropython(f"""
from firmware.sensors.ntc import Thermistor
from host_tests.firmware.fakes import Adc, Ticks
sensor = Thermistor({spec!r}, Adc(0), Ticks())
print([sensor.milli_at(uv) for uv in range(100000, 3300000, 100000)])
""")
    assert printed.strip() == str([sensor.milli_at(uv) for uv in range(100000, 3300000, 100000)])


def test_noise_is_averaged_away():
    """Three millivolts of noise on each conversion: five to a sample leave half of it."""
    part, _, sensor, _ = ntc("semitec-103at-2", 22_000)
    rng = random.Random(4)
    middle = uv_of(part.ohm(5), 22_000)

    class Noisy(Adc):
        def read_uv(self):
            return self.uv + round(rng.gauss(0, 3000))

    sensor.source = Noisy(middle)
    raws = []
    for second in range(500):
        sensor.sample(second * 1000)
        raws.append(sensor.raw - middle)
    assert (sum(raw * raw for raw in raws) / len(raws)) ** 0.5 < 1800
    assert abs(sum(raws) / len(raws)) < 300


# Plausibility


class Bench:
    """A temperature with nothing below it, as a recording has it."""

    def __init__(self, now=0, step_s=1, **more):
        self.ticks = Ticks(now)
        self.step_s = step_s
        self.sensor = Temperature(
            {
                "name": "fridge", "sample_ms": 1000, "stale_ms": 10000, "min_milli": -30000, "max_milli": 60000,
                "rate_milli_s": 1000, "stuck_s": 3600, "stuck_milli": 100, **more,
            },
            None, self.ticks,
        )  # fmt: skip

    def take(self, *values):
        """Each value a step after the one before; the qualities."""
        found = []
        for milli in values:
            self.ticks.now += 1000 * self.step_s
            self.sensor.take(milli, milli, self.ticks.ticks_ms())
            found.append(self.sensor.quality)
        return found


def wobble(count, milli=5000):
    """Values that live."""
    return [milli + 70 * (number % 3) for number in range(count)]


def test_a_fridge_cannot_warm_20_kelvin_in_10_seconds():
    bench = Bench()
    assert set(bench.take(*wobble(100))) == {"ok"}
    assert set(bench.take(*range(7000, 25001, 2000))) == {"implausible"}
    reading = bench.sensor.reading(bench.ticks.ticks_ms())
    assert (reading.quality, reading.milli, reading.raw) == ("implausible", None, 25000)
    # Sixty seconds later it has settled, and is what it is.
    found = bench.take(*wobble(70, 25000))
    assert found[:59] == ["implausible"] * 59
    assert set(found[60:]) == {"ok"}


def test_what_a_fridge_can_do_is_believed_at_any_pace():
    for step_s in (1, 10, 60, 300):
        bench = Bench(step_s=step_s)
        values = [round(5000 + 0.9 * 1000 * step_s * number) for number in range(50)]
        found = bench.take(*[value for value in values if value <= 60000])
        assert set(found) == {"ok"}


def test_one_wild_value_is_not_believed_and_neither_is_what_follows_at_once():
    bench = Bench()
    bench.take(*wobble(10))
    assert bench.take(31000) == ["implausible"]
    found = bench.take(*wobble(100))
    assert "ok" not in found[:59] and found[-1] == "ok"


def test_a_loose_plug_that_flaps_is_never_believed():
    bench = Bench()
    bench.take(*wobble(10))
    for _ in range(30):
        assert bench.take(-8000, 5000) == ["implausible", "implausible"]
        bench.sensor.miss("open", bench.ticks.ticks_ms())
    assert bench.take(5000) == ["implausible"]


def test_after_a_cut_wire_the_value_is_compared_with_the_one_before():
    bench = Bench()
    bench.take(*wobble(10))
    bench.sensor.miss("open", bench.ticks.ticks_ms())
    assert bench.take(-20000) == ["implausible"]  # a second later, and 25 K away: another wire
    bench.take(*wobble(100))
    for _ in range(600):  # mended after ten minutes, and it did get warm
        bench.ticks.now += 1000
        bench.sensor.miss("open", bench.ticks.ticks_ms())
    assert bench.take(22000) == ["ok"]


def test_out_of_range_is_a_word_and_no_value():
    bench = Bench()
    bench.take(*wobble(10))
    assert bench.take(-30001, 60001, None) == ["out of range"] * 3
    assert bench.sensor.reading(bench.ticks.ticks_ms()).milli is None
    assert bench.take(5000) == ["ok"]  # it never was there
    assert bench.sensor.tally.bad == 3


def test_a_value_that_does_not_move_for_an_hour_is_stuck_until_it_moves():
    bench = Bench(step_s=60)
    bench.take(*wobble(30, 4000))
    found = bench.take(*[5000 + number % 2 * 100 for number in range(200)])
    assert found.index("stuck") == 60
    assert set(found[60:]) == {"stuck"}
    assert bench.take(5200, 5300) == ["ok", "ok"]


def test_stuck_for_longer_than_ticks_can_tell_is_still_stuck():
    bench = Bench(step_s=3600)
    found = bench.take(*[5000] * (24 * 30))  # a month
    assert set(found[2:]) == {"stuck"}


def test_stuck_is_not_judged_where_the_profile_says_so():
    bench = Bench(step_s=3600, stuck_s=0)
    assert set(bench.take(*[5000] * 500)) == {"ok"}


def test_across_the_wrap_of_the_ticks_and_a_pause_of_days():
    bench = Bench(now=WRAP - 30000)
    assert set(bench.take(*wobble(60))) == {"ok"}
    bench.ticks.now += WRAP // 2 + 60000  # 6.2 days in which nobody asked
    assert bench.sensor.quality_at(bench.ticks.ticks_ms()) == "stale"
    assert bench.take(22000, 22070) == ["ok", "ok"]


def pair(within=2000, for_ms=60000):
    ticks = Ticks()
    sensors = [Bench().sensor, Bench().sensor]
    for sensor in sensors:
        sensor._ticks = ticks
    sensors[0].pair = sensors[1].pair = Pair(*sensors, within, for_ms, 10000, ticks)
    return ticks, sensors


def together(ticks, sensors, seconds, one, other):
    found = []
    for second in range(seconds):
        ticks.now += 1000
        for sensor, milli in zip(sensors, (one, other), strict=True):
            if milli is not None:
                sensor.take(milli + second % 3 * 60, 0, ticks.ticks_ms())
        found.append((sensors[0].quality, sensors[1].quality))
    return found


def test_two_sensors_that_disagree_are_both_doubted_and_agree_again():
    ticks, sensors = pair()
    assert set(together(ticks, sensors, 100, 5000, 6500)) == {("ok", "ok")}
    # One drifts away, too slowly for physics to object.
    for milli in range(6500, 12000, 50):
        together(ticks, sensors, 1, 5000, milli)
    found = together(ticks, sensors, 120, 5000, 12000)
    assert found[-1] == ("implausible", "implausible")
    for milli in range(12000, 6500, -50):
        together(ticks, sensors, 1, 5000, milli)
    assert together(ticks, sensors, 5, 5000, 6500)[-1] == ("ok", "ok")


def test_a_sensor_that_says_nothing_contradicts_nobody():
    ticks, sensors = pair()
    together(ticks, sensors, 10, 5000, 5500)
    for _ in range(300):
        ticks.now += 1000
        sensors[0].take(15000 + ticks.now // 1000 % 3 * 60, 0, ticks.ticks_ms())
        sensors[1].miss("open", ticks.ticks_ms())
    assert sensors[0].quality == "ok"


def test_a_short_disagreement_is_heat_on_its_way():
    ticks, sensors = pair()
    together(ticks, sensors, 10, 5000, 5500)
    assert ("implausible", "implausible") not in together(ticks, sensors, 50, 5000, 8000)
    assert set(together(ticks, sensors, 50, 5000, 5500)[1:]) <= {("ok", "ok"), ("ok", "implausible")}


values = st.one_of(
    st.none(), st.integers(-200_000, 200_000), st.just("open"), st.just("stale"), st.just("unknown")
)


@settings(max_examples=80, deadline=None)
@given(
    st.integers(0, 2 * WRAP),
    st.lists(st.tuples(st.integers(0, WRAP), values), max_size=40),
    st.integers(0, 10**6),
)
def test_any_sequence_of_values_and_gaps(now, steps, stuck_s):
    bench = Bench(now, stuck_s=stuck_s % 400_000)
    n = bad = 0
    for passed, value in steps:
        bench.ticks.now += passed
        at = bench.ticks.ticks_ms()
        if isinstance(value, str):
            bench.sensor.miss(value, at)
        else:
            bench.sensor.take(value, 0, at)
        good = bench.sensor.quality == "ok"
        n, bad = n + good, bad + (not good)
        reading = bench.sensor.reading(at)
        assert (reading.milli is not None) == good
        if good:
            assert -30000 <= reading.milli == value <= 60000
    tally = bench.sensor.tally
    assert (tally.n, tally.bad) == (n, bad)
    if n:
        assert tally.low <= tally.total / n <= tally.high and tally.low <= tally.last <= tally.high
    tally.clear()
    assert (tally.n, tally.bad, tally.total, tally.last, tally.quality) == (0, 0, 0, None, "ok")


# Uncertainty


@pytest.mark.parametrize(("name", "pull_up"), WIRED)
@pytest.mark.parametrize("chip", ["esp32", "esp32c3", "esp32s3"])
def test_uncertainty_covers_a_part_and_a_converter_at_their_limits(name, pull_up, chip):
    """Computed another way: the part's resistance and the converter's voltage pushed to their limits, one at a time."""
    part, _, _, spec = ntc(name, pull_up)
    low, high, error = uncertainty._CONVERTERS[chip]
    told = 0
    for celsius in range(-35, 86, 5):
        ohm = part.ohm(celsius)
        uv = uv_of(ohm, pull_up)
        found = uncertainty.milli(spec, chip, uv, celsius * 1000)
        if not low <= uv <= high:
            assert found is None
            continue
        away = part.b_k * part.b_tol_ppm / 1e6 * abs(1 / (celsius + 273.15) - 1 / 298.15)
        pushed = [
            uv + error,
            uv_of(ohm * (1 + part.r_tol_ppm / 1e6), pull_up),
            uv_of(ohm * (1 + away), pull_up),
        ]
        slope = (uv_of(part.ohm(celsius - 0.5), pull_up) - uv_of(part.ohm(celsius + 0.5), pull_up)) / 1000
        expected = sum((one - uv) ** 2 for one in pushed) ** 0.5 / slope
        assert found == pytest.approx(expected, rel=0.07, abs=3)  # the slope is that of 2.5 K
        told += 1
    assert told >= 8


def test_what_is_not_known_has_no_uncertainty():
    _, _, _, spec = ntc("semitec-103at-2", 22_000)
    assert uncertainty.milli(spec, "esp32", 2_600_000, -22_000) is None  # the data sheet ends at 2.45 V
    assert uncertainty.milli(spec, "esp32c6", 1_650_000, 5_000) is None
    assert uncertainty.milli(spec, "esp32", None, 5_000) is None
    assert uncertainty.milli({"kind": "leak"}, "esp32", 1_650_000, 0) is None


def test_a_ds18b20_is_as_good_as_its_data_sheet_says():
    spec = {"kind": "ds18b20"}
    found = [uncertainty.milli(spec, "esp32", 0, milli) for milli in (-10001, -10000, 25000, 85000, 85001)]
    assert found == [2000, 500, 500, 500, 2000]


def test_the_resistance_behind_a_reading():
    _, _, _, spec = ntc("semitec-103at-2", 22_000)
    assert uncertainty.ohm(spec, uv_of(27_280, 22_000)) == pytest.approx(27_280, abs=2)
    assert uncertainty.ohm(spec, SUPPLY_UV) is uncertainty.ohm(spec, None) is None


def test_the_root_is_whole():
    for square in (0, 1, 2, 3, 4, 8, 9, 15, 10**12 - 1, 10**12, 2**61 - 1):
        found = uncertainty.root(square)
        assert found**2 <= square < (found + 1) ** 2
