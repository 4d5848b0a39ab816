"""Sensors: what the pin shows becomes a value only when it can be one; the rest has a name."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware.sensors.station import Station
from host_tests.firmware import fakes
from host_tests.firmware.fakes import PROFILE, Adc, Board, Ticks
from lib import senml


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
        (3300000, "open", None), (None, "stale", None),
    ],
)  # fmt: skip
def test_leak_probe(uv, quality, state):
    bench = Bench()
    bench.pan.uv = uv
    bench.run(20)
    assert (bench["pan"].quality, bench["pan"].state) == (quality, state)
    assert (bench["pan"].ohm is None) == (quality != "ok")


def test_between_wet_and_dry_the_last_answer_stands():
    bench = Bench()
    for ohm, wet in [
        (20000, False),
        (15000, True),
        (20000, True),
        (24900, True),
        (25100, False),
        (20000, False),
    ]:
        bench.pan.uv = uv_of(ohm)
        bench.run(20)
        assert bench["pan"].state is wet, ohm


@pytest.mark.parametrize("celsius", [-19, -5, 0, 4.8, 8, 25, 60, 85])
def test_thermistor(celsius):
    bench = Bench()
    ohm = 10000 * math.exp(3950 * (1 / (celsius + 273.15) - 1 / 298.15))
    bench.fridge.uv = round(3300000 * ohm / (ohm + 10000))
    bench.run(20)
    reading = bench["fridge"]
    assert (reading.quality, reading.unit) == ("ok", "Cel")
    assert abs(reading.milli - 1000 * celsius) <= 100
    assert abs(reading.ohm - ohm) <= 1


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
    assert [(reading.quality, reading.raw_uv, reading.at) for reading in readings] == [
        ("stale", None, None)
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
    assert asked == {"pan": 500, "fridge": 10}


def test_a_converter_that_keeps_failing_is_asked_once_a_second_until_it_answers():
    bench = Bench()
    bench.pan.uv = None
    bench.run(60000)
    assert 60 <= bench.station.sensor("pan").failures <= 100  # not 3000
    assert bench["pan"].quality == "stale"
    assert bench["fridge"].quality == "ok"  # which is asked at its own pace as ever
    bench.pan.uv = fakes.DRY_UV
    bench.run(1000)
    assert bench["pan"].quality == "ok"
    bench.pan.uv = uv_of(5000)
    bench.run(20)
    assert bench["pan"].state is True  # the old pace is back


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
    assert [reading.quality for reading in station.readings()] == ["stale", "ok"]
    assert station.problems == [
        "pan: no pin, ValueError",
        "door: no pin, KeyError",
        "door: kind reed not known",
    ]
    station = Station(PROFILE, Board("esp32c6", {}), ticks)
    station.sample()
    assert [reading.quality for reading in station.readings()] == ["stale", "stale"]


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
            assert reading.quality in ("ok", "open", "short", "stale")
            has_value = reading.state is not None or reading.milli is not None
            assert has_value == (reading.quality == "ok")
            assert ("vs" in senml.record(reading)) == (reading.quality != "ok")


def test_sampling_allocates_nothing_but_the_microvolts(micropython):
    printed = micropython("""
import micropython
from host_tests.firmware import fakes
appliance = fakes.Appliance()
appliance.run(100)
failed = 0
micropython.heap_lock()
for _ in range(100):
    appliance.ticks.now += 20
    try:
        appliance.watch.step()
    except MemoryError:
        failed += 1
micropython.heap_unlock()
print(failed, appliance.station.readings()[1].quality)
""")
    assert printed.strip() == "0 ok"


def test_ages_are_whole_seconds_and_none_before_the_first_sample():
    bench = Bench()
    assert bench.station.ages_s() == [None, None]
    bench.run(20)
    bench.ticks.now += 2500
    assert bench.station.ages_s() == [2, 2]
    bench.pan.uv = None
    bench.station.sample()
    assert bench.station.ages_s() == [2, 0]
