"""The station and what all its sensors have in common; the leak probe. What the pin shows becomes a value only when it can
be one; the rest has a name."""

import copy

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firmware.sensors.reading import OPEN, SHORT
from firmware.sensors.station import Station
from host_tests.firmware import fakes
from host_tests.firmware.fakes import PROFILE, Adc, Board, Ticks
from lib import senml

QUALITIES = ("ok", "open", "short", "stuck", "stale", "out of range", "implausible", "unknown")


class Bench:
    """A station with its two converters and its own time."""

    def __init__(self, now=0):
        self.ticks = Ticks(now)
        self.pan, self.fridge = Adc(fakes.DRY_UV), Adc(fakes.FRIDGE_UV)
        self.station = Station(PROFILE, Board("esp32", {34: self.pan, 35: self.fridge}), self.ticks)

    def run(self, milliseconds, step=20):
        for _ in range(0, milliseconds, step):
            self.ticks.now += step
            self.station.sample()

    def __getitem__(self, name):
        return {reading.name: reading for reading in self.station.readings()}[name]


def uv_of(ohm, pull_up=47000):
    return 3300000 * ohm // (pull_up + ohm)


@pytest.mark.parametrize(
    ("uv", "quality", "state"),
    [
        (uv_of(47000), "ok", False), (uv_of(25100), "ok", False), (uv_of(15000), "ok", True),
        (uv_of(800), "ok", True), (49999, "short", None), (0, "short", None), (3000001, "open", None),
        (3300000, "open", None), (None, "unknown", None),
    ],
)  # fmt: skip
def test_leak_probe(uv, quality, state):
    bench = Bench()
    bench.pan.uv = uv
    bench.run(20)
    assert (bench["pan"].quality, bench["pan"].state) == (quality, state)
    assert (bench["pan"].ohm is None) == (quality != "ok")
    assert bench["pan"].raw == uv


def test_between_wet_and_dry_the_last_answer_stands():
    bench = Bench()
    for ohm, wet, damp in [
        (20000, False, True),
        (15000, True, False),
        (20000, True, True),
        (24900, True, True),
        (25100, False, False),
        (20000, False, True),
    ]:
        bench.pan.uv = uv_of(ohm)
        bench.run(20)
        probe = bench.station.sensor("pan")
        assert (bench["pan"].state, probe.wet, probe.damp) == (wet, wet, damp), ohm


def test_condensation_that_creeps_in_over_hours_is_damp_and_never_wet():
    bench = Bench()
    probe = bench.station.sensor("pan")
    damp = []
    for ohm in [*range(47000, 15000, -100), *range(15100, 47000, 100)]:
        bench.pan.uv = uv_of(ohm)
        bench.run(2000, step=100)
        assert bench["pan"].state is False
        damp.append(probe.damp)
    # Dry, damp, dry: one stretch, and it begins where the limits say.
    assert damp[0] is damp[-1] is False
    assert damp.count(True) == pytest.approx(2 * (25000 - 15100) / 100, abs=3)


def test_a_probe_that_dries_stays_wet_until_it_is_dry():
    bench = Bench()
    bench.pan.uv = uv_of(4000)
    bench.run(20)
    for ohm in range(4000, 25000, 500):
        bench.pan.uv = uv_of(ohm)
        bench.run(20)
        assert bench["pan"].state is True
    bench.pan.uv = uv_of(25100)
    bench.run(20)
    assert bench["pan"].state is False


def test_water_on_a_cut_or_shorted_cable_is_remembered_but_not_claimed():
    bench = Bench()
    probe = bench.station.sensor("pan")
    for uv, word in ((3300000, "open"), (0, "short"), (None, "stale")):
        bench.pan.uv = uv_of(4000)
        bench.run(1020)
        bench.pan.uv = uv
        bench.run(1020)
        assert (bench["pan"].quality, probe.wet, probe.damp) == (word, None, False)
        bench.pan.uv = uv_of(20000)  # back, and between the limits: what it was before
        bench.run(1020)
        assert probe.wet is True


def test_a_converter_at_the_end_of_its_scale_is_an_open_wire_whatever_it_says():
    """An ESP32-C3 ends near 2.8 V: below the profile's limit, and a thermistor that is not there would read as cold."""
    bench = Bench()
    for name, adc in (("pan", bench.pan), ("fridge", bench.fridge)):
        adc.full_uv = 2790000
        adc.uv = 2780000
        bench.run(1020)
        assert bench[name].quality != "open"
        adc.uv = 2790000
        bench.run(1020)
        assert (bench[name].quality, bench[name].milli) == ("open", None)


class Spiky(Adc):
    """Every fifth conversion is far off: a relay that switched."""

    def __init__(self, uv, spike_uv):
        super().__init__(uv)
        self.spike_uv = spike_uv
        self.count = 0

    def read_uv(self):
        self.count += 1
        return self.spike_uv if self.count % 5 == 2 else self.uv


@pytest.mark.parametrize("spike_uv", [0, 3300000])
def test_one_conversion_that_is_far_off_changes_nothing(spike_uv):
    bench = Bench()
    board = Board("esp32", {34: Spiky(fakes.DRY_UV, spike_uv), 35: Spiky(fakes.FRIDGE_UV, spike_uv)})
    bench.station = Station(PROFILE, board, bench.ticks)
    for _ in range(100):
        bench.run(20)
        assert bench["pan"].raw == fakes.DRY_UV
        assert bench["fridge"].raw == fakes.FRIDGE_UV


@pytest.mark.parametrize(
    ("uv", "quality"), [(0, "short"), (49999, "short"), (3000001, "open"), (3300000, "open"), (None, "stale")]
)
def test_a_broken_thermistor_is_no_temperature(uv, quality):
    bench = Bench()
    bench.run(20)
    bench.fridge.uv = uv
    bench.run(1020)
    reading = bench["fridge"]
    assert (reading.quality, reading.milli, reading.ohm) == (quality, None, None)
    assert senml.record(reading) == f'{{"n":"fridge","vs":"{quality}"}}'


def test_before_the_first_sample_nothing_is_known():
    readings = Bench().station.readings()
    assert [(reading.quality, reading.raw, reading.at) for reading in readings] == [
        ("unknown", None, None)
    ] * 2


def test_a_value_that_nobody_refreshes_becomes_stale_at_its_own_limit():
    bench = Bench()
    bench.run(20)
    bench.ticks.now += 1000
    assert (bench["pan"].quality, bench["fridge"].quality) == ("ok", "ok")
    bench.ticks.now += 1
    assert (bench["pan"].quality, bench["pan"].state) == ("stale", None)
    bench.ticks.now += 9000
    assert (bench["fridge"].quality, bench["fridge"].milli) == ("stale", None)
    bench.run(20)
    assert (bench["pan"].quality, bench["fridge"].quality) == ("ok", "ok")


def test_each_sensor_is_asked_at_its_own_pace():
    bench = Bench()
    asked = {"pan": 0, "fridge": 0}

    class Counting(Adc):
        def __init__(self, name, uv):
            super().__init__(uv)
            self.name = name

        def read_uv(self):
            asked[self.name] += 1
            return self.uv

    board = Board("esp32", {34: Counting("pan", 1650000), 35: Counting("fridge", 2000000)})
    bench.station = Station(PROFILE, board, bench.ticks)
    bench.run(10000)
    assert asked == {"pan": 5 * 500, "fridge": 5 * 10}  # five conversions to a sample


def test_a_converter_that_keeps_failing_is_asked_once_a_second_until_it_answers():
    bench = Bench()
    bench.pan.uv = None
    bench.run(60000)
    assert 60 <= bench.station.sensor("pan").failures <= 100  # not 3000
    assert bench["pan"].quality == "unknown"  # it never answered
    assert bench["fridge"].quality == "ok"  # which is asked at its own pace as ever
    bench.pan.uv = fakes.DRY_UV
    bench.run(1000)
    assert bench["pan"].quality == "ok"
    bench.pan.uv = uv_of(5000)
    bench.run(20)
    assert bench["pan"].state is True  # the old pace is back
    bench.pan.uv = None
    bench.run(20)
    assert bench["pan"].quality == "stale"  # it did once


def test_a_few_failures_change_no_pace():
    bench = Bench()
    bench.pan.uv = None
    bench.run(400)
    bench.pan.uv = uv_of(5000)
    bench.run(20)
    assert bench["pan"].state is True


def test_ticks_may_wrap():
    bench = Bench(now=fakes.WRAP - 500)
    bench.run(1000)
    assert bench.ticks.ticks_ms() < 1000
    assert (bench["pan"].quality, bench["fridge"].quality) == ("ok", "ok")
    # Half a wrap later the age cannot be told any more; it is not taken for fresh.
    bench.ticks.now += fakes.WRAP // 2 + 5000
    assert (bench["pan"].quality, bench["fridge"].quality) == ("stale", "stale")


def test_a_pin_or_a_kind_that_does_not_exist_silences_only_itself():
    profile = {
        **PROFILE,
        "sensors": [*PROFILE["sensors"], {"name": "door", "kind": "reed"}],
    }
    ticks = Ticks()
    station = Station(profile, Board("esp32", {35: Adc(fakes.FRIDGE_UV)}), ticks)
    station.sample()
    assert [reading.quality for reading in station.readings()] == ["unknown", "ok"]
    assert station.problems == ["pan: no pin, ValueError", "door: kind reed not known"]
    station = Station(PROFILE, Board("esp32c6", {}), ticks)
    station.sample()
    assert [reading.quality for reading in station.readings()] == ["unknown", "unknown"]


def test_a_pin_that_is_null_means_no_such_sensor_on_this_chip():
    profile = copy.deepcopy(PROFILE)
    profile["pins"]["esp32"]["pan"] = None
    station = Station(profile, Board("esp32", {35: Adc(fakes.FRIDGE_UV)}), Ticks())
    assert [sensor.name for sensor in station.sensors] == ["fridge"]
    assert station.problems == []
    assert station.sensor("pan") is None


def test_the_kinds_that_few_models_have():
    profile = copy.deepcopy(PROFILE)
    common = {"sample_ms": 20, "stale_ms": 1000, "title": "x"}
    temperature = {
        "min_milli": -5000,
        "max_milli": 105000,
        "rate_milli_s": 1000,
        "stuck_s": 0,
        "stuck_milli": 0,
    }
    profile["sensors"] += [
        {"name": "base", "kind": "float", "active": "low", "debounce_ms": 100, **common},
        {
            "name": "floor", "kind": "probe", "supply_uv": 3300000, "series_ohm": 22000, "wet_below_ohm": 60000,
            "dry_above_ohm": 100000, "short_below_ohm": 500, "debounce_ms": 200, **common,
        },
        {
            "name": "sump", "kind": "ds18b20", "count": 1, **temperature, **common,
            "agrees": {"sensor": "fridge", "within_milli": 5000, "for_s": 60},
        },
        {"name": "door", "kind": "switch", "active": "high", "words": ["closed", "open"], **common},
    ]  # fmt: skip
    profile["pins"]["esp32"] |= {"base": 1, "floor": 2, "floor_a": 3, "floor_b": 4, "sump": 5, "door": 6}
    parts = {
        34: Adc(0),
        35: Adc(fakes.FRIDGE_UV),
        1: fakes.Contact(0),
        2: Adc(0),
        3: fakes.Pin(),
        4: fakes.Pin(),
    }
    station = Station(profile, Board("esp32", {**parts, 5: None, 6: fakes.Contact(1)}), Ticks())
    assert station.problems == []
    assert [sensor.kind for sensor in station.sensors] == [
        "leak", "ntc", "float", "probe", "ds18b20", "switch",
    ]  # fmt: skip
    assert station.sensor("sump").pair is station.sensor("fridge").pair is not None
    del parts[4]  # one drive of the probe cannot be had, and there is no such bus
    station = Station(profile, Board("esp32", parts), Ticks())
    assert [sensor.kind for sensor in station.sensors] == [
        "leak", "ntc", "float", "probe", "ds18b20", "switch",
    ]  # fmt: skip
    assert station.problems == [f"{name}: no pin, ValueError" for name in ("floor", "sump", "door")]
    for _ in range(200):
        station.sample()
    assert [station.sensor(name).quality for name in ("floor", "sump", "door")] == ["unknown"] * 3
    assert station.sensor("base").wet is True


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_a_damaged_part_of_the_profile_costs_only_its_own_sensor(data):
    profile = copy.deepcopy(PROFILE)
    spec = data.draw(st.sampled_from(profile["sensors"]))
    other = next(sensor["name"] for sensor in profile["sensors"] if sensor is not spec)
    field = data.draw(st.sampled_from(sorted(spec)))
    damage = data.draw(st.sampled_from([None, "", "x", "AAAA", "AAAAAA==", [], {}, -1, 0, True, "gone"]))
    if damage == "gone":
        del spec[field]
    else:
        spec[field] = damage
    ticks = Ticks()
    station = Station(profile, Board("esp32", {34: Adc(fakes.DRY_UV), 35: Adc(fakes.FRIDGE_UV)}), ticks)
    assert station.sensor(other) is not None
    assert len(station.sensors) == 2 or station.problems
    for _ in range(3):
        ticks.now += 1000
        station.sample()
    assert {reading.name: reading.quality for reading in station.readings()}[other] == "ok"


@given(
    st.lists(
        st.tuples(st.integers(0, 3000), st.none() | st.integers(-1000, 3400000), st.booleans()), max_size=30
    )
)
def test_a_value_is_there_exactly_when_the_quality_is_ok(steps):
    bench = Bench()
    for passed, uv, sampled in steps:
        bench.ticks.now += passed
        bench.pan.uv = bench.fridge.uv = uv
        if sampled:
            bench.station.sample()
        for reading in bench.station.readings():
            assert reading.quality in QUALITIES
            has_value = reading.state is not None or reading.milli is not None
            assert has_value == (reading.quality == "ok")
            assert ("vs" in senml.record(reading)) == (reading.quality != "ok")
            if reading.quality in (OPEN, SHORT):
                assert reading.raw > 2400000 or reading.raw < 50000


def test_sampling_allocates_nothing(micropython):
    printed = micropython("""
import micropython
from firmware.sensors.station import Station
from host_tests.firmware import fakes

clock = fakes.Ticks(5000)

class Time:  # as the module: its functions are bound to nothing
    pass

ticks = Time()
ticks.ticks_ms, ticks.ticks_diff = clock.ticks_ms, clock.ticks_diff
pan = fakes.Adc(fakes.DRY_UV)
station = Station(fakes.PROFILE, fakes.Board("esp32", {34: pan, 35: fakes.Adc(fakes.FRIDGE_UV)}), ticks)
station.sample()
failed = turn = 0
micropython.heap_lock()
for turn in range(300):
    pan.uv = fakes.WET_UV if turn % 20 > 10 else fakes.DRY_UV
    clock.now += 20
    try:
        station.sample()
    except MemoryError:
        failed += 1
micropython.heap_unlock()
print(failed, station.readings()[1].quality, station.sensors[1].tally.n)
""")
    assert printed.strip() == "0 ok 7"


def test_ages_are_whole_seconds_and_none_before_the_first_sample():
    bench = Bench()
    assert bench.station.ages_s() == [None, None]
    bench.run(20)
    bench.ticks.now += 2500
    assert bench.station.ages_s() == [2, 2]
    bench.pan.uv = None
    bench.station.sample()
    assert bench.station.ages_s() == [2, 0]
