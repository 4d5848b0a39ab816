"""Floats, conductive probes and contacts: what water does, and what a broken wire does, are not the same."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firmware.sensors.float_switch import Float
from firmware.sensors.probe import Probe
from firmware.sensors.switch import Switch
from host_tests.firmware.fakes import WRAP, Contact, Ticks

SUPPLY_UV = 3_300_000
FLOAT = {
    "name": "base", "kind": "float", "title": "base pan float", "active": "low", "sample_ms": 20, "debounce_ms": 100,
    "stale_ms": 1000,
}  # fmt: skip
PROBE = {
    "name": "floor", "kind": "probe", "title": "floor", "supply_uv": SUPPLY_UV, "series_ohm": 22000,
    "wet_below_ohm": 60000, "dry_above_ohm": 100000, "end_ohm": 220000, "short_below_ohm": 500, "sample_ms": 50,
    "debounce_ms": 200, "stale_ms": 2000,
}  # fmt: skip
SWITCH = {
    "name": "door", "kind": "switch", "title": "door", "active": "high", "words": ["closed", "open"],
    "sample_ms": 200, "stale_ms": 5000,
}  # fmt: skip


# A float


def floating(level=1):
    ticks, pin = Ticks(), Contact(level)
    return ticks, pin, Float(FLOAT, pin, ticks)


def sampled(ticks, sensor, milliseconds=20):
    ticks.now += milliseconds
    sensor.sample(ticks.ticks_ms())
    return sensor.wet


def test_a_float_that_lifts():
    ticks, pin, sensor = floating()
    assert (sensor.wet, sensor.quality) == (None, "unknown")
    assert sampled(ticks, sensor) is False
    pin.turn(0)
    assert [sampled(ticks, sensor) for _ in range(5)] == [True] * 5
    pin.turn(1)
    # The edge itself is latched, and dry follows.
    assert [sampled(ticks, sensor) for _ in range(3)] == [True, False, False]
    reading = sensor.reading(ticks.ticks_ms())
    assert (reading.state, reading.raw, reading.ohm, sensor.damp, sensor.tally) == (
        False,
        1,
        None,
        False,
        None,
    )


def test_what_came_and_went_between_two_samples_is_one_wet_sample():
    ticks, pin, sensor = floating()
    sampled(ticks, sensor)
    pin.turn(0)
    pin.turn(1)
    assert [sampled(ticks, sensor, 1500) for _ in range(3)] == [True, False, False]


def test_a_cable_that_picks_up_noise_never_makes_two_wet_samples_in_a_row():
    ticks, pin, sensor = floating()
    found = []
    for _ in range(100):
        pin.turn(0)
        pin.turn(1)
        found.append(sampled(ticks, sensor))
    assert (True, True) not in list(zip(found, found[1:], strict=False))


def test_a_float_without_a_pin_is_neither_wet_nor_dry():
    ticks = Ticks()
    sensor = Float(FLOAT, None, ticks)
    for _ in range(100):
        assert sampled(ticks, sensor) is None
    assert sensor.reading(ticks.ticks_ms()).quality == "unknown"


def test_the_interrupt_needs_no_memory(micropython):
    printed = micropython(f"""
import micropython
from firmware.sensors.float_switch import Float
from host_tests.firmware.fakes import Contact, Ticks
pin = Contact(1)
sensor = Float({FLOAT!r}, pin, Ticks())
micropython.heap_lock()
pin.handler(pin)
micropython.heap_unlock()
sensor.sample(0)
print(sensor.wet)
""")
    assert printed.strip() == "True"


# A conductive probe


class Water:
    """Drive A - series - converter - water - drive B, with what may break."""

    def __init__(self, ohm=10**9):
        self.ohm = ohm
        self.charge = 0  # what passed through the water, in volts over ohms times conversions
        self.broken_a = self.broken_b = False
        self.fails = False
        self.noise = lambda: 0
        self.levels = {"a": 0, "b": 0}
        self.seen = []
        self.a, self.b = self.Drive(self, "a"), self.Drive(self, "b")

    class Drive:
        def __init__(self, water, name):
            self.water = water
            self.name = name

        def value(self, level):
            self.water.levels[self.name] = level

    def read_uv(self):
        if self.fails:
            raise OSError(5)
        a = 0 if self.broken_a else self.levels["a"]
        b = 0 if self.broken_b else self.levels["b"]
        current = SUPPLY_UV * (a - b) / (PROBE["series_ohm"] + self.ohm)
        self.charge += current
        self.seen.append((a, b))
        uv = SUPPLY_UV * a - current * PROBE["series_ohm"]
        return min(SUPPLY_UV, max(0, round(uv + self.noise())))

    def read_u16(self):
        return 0


def probing(ohm, **more):
    ticks, water = Ticks(), Water(ohm)
    return ticks, water, Probe({**PROBE, **more}, (water, water.a, water.b), ticks)


@pytest.mark.parametrize(
    ("ohm", "quality", "wet", "damp"),
    [
        (220_000, "ok", False, False), (101_000, "ok", False, False), (80_000, "ok", False, True),
        (59_000, "ok", True, False), (5_000, "ok", True, False), (600, "ok", True, False),
        (100, "short", None, False), (0, "short", None, False), (10**9, "open", None, False),
    ],
)  # fmt: skip
def test_what_lies_between_the_electrodes(ohm, quality, wet, damp):
    ticks, _, sensor = probing(ohm)
    for _ in range(4):
        sampled(ticks, sensor, 50)
        assert (sensor.quality, sensor.wet, sensor.damp, sensor.fresh) == (quality, wet, damp, True)
    reading = sensor.reading(ticks.ticks_ms())
    assert reading.state is wet
    if quality == "ok":
        assert reading.ohm == pytest.approx(ohm, rel=0.001)


def test_both_polarities_and_no_charge_on_the_whole():
    ticks, water, sensor = probing(20_000)
    for _ in range(50):
        water.seen = []
        sampled(ticks, sensor, 50)
        assert water.seen.count((1, 0)) == water.seen.count((0, 1)) == 5
        assert water.levels == {"a": 0, "b": 0}
    assert abs(water.charge) < 1


def test_each_polarity_is_the_first_by_turns():
    ticks, water, sensor = probing(20_000)
    firsts = set()
    for _ in range(2):
        water.seen = []
        sampled(ticks, sensor, 50)
        firsts.add(water.seen[0])
    assert firsts == {(1, 0), (0, 1)}


def test_a_failed_conversion_leaves_both_drives_low():
    ticks, water, sensor = probing(20_000)
    sampled(ticks, sensor, 50)
    water.fails = True
    sampled(ticks, sensor, 50)
    assert (sensor.quality, sensor.wet, water.levels) == ("stale", None, {"a": 0, "b": 0})
    water.fails = False
    assert sampled(ticks, sensor, 50) is True


@pytest.mark.parametrize("end_ohm", [0, 220_000])
def test_a_broken_drive_in_the_wet(end_ohm):
    ticks, water, sensor = probing(5_000, end_ohm=end_ohm)
    water.broken_b = True  # nothing flows back: one way is wet, the other endless
    for _ in range(10):
        sampled(ticks, sensor, 50)
        assert (sensor.quality, sensor.wet) == ("implausible", None)
    ticks, water, sensor = probing(5_000, end_ohm=end_ohm)
    water.broken_a = True  # what flows from B flows through water, and nothing else
    for _ in range(10):
        assert sampled(ticks, sensor, 50) is True


@pytest.mark.parametrize("broken", ["broken_a", "broken_b"])
def test_a_broken_drive_in_the_dry_is_told_where_there_is_an_end_resistor(broken):
    ticks, water, sensor = probing(220_000)
    setattr(water, broken, True)
    sampled(ticks, sensor, 50)
    assert sensor.quality != "ok" and sensor.wet is None


def test_without_an_end_resistor_endless_is_dry():
    ticks, _, sensor = probing(10**12, end_ohm=0)
    assert sampled(ticks, sensor, 50) is False
    assert sensor.reading(ticks.ticks_ms()).quality == "ok"


def test_condensation_and_drying():
    ticks, water, sensor = probing(220_000)
    for ohm in range(220_000, 61_000, -1000):
        water.ohm = ohm
        assert sampled(ticks, sensor, 50) is False
    assert sensor.damp
    water.ohm = 10_000
    assert sampled(ticks, sensor, 50) is True
    for ohm in range(60_000, 99_000, 1000):
        water.ohm = ohm
        assert sampled(ticks, sensor, 50) is True
    water.ohm = 105_000
    assert sampled(ticks, sensor, 50) is False


def test_a_probe_without_its_pins():
    ticks = Ticks()
    sensor = Probe(PROBE, None, ticks)
    for _ in range(100):
        assert sampled(ticks, sensor, 50) is None
    assert sensor.quality == "unknown"


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.integers(0, 10**6), st.booleans(), st.booleans(), st.booleans(), st.integers(-60000, 60000)
        ),
        max_size=30,
    )
)
def test_any_water_and_any_break(steps):
    """Wet is said only of water, dry never of a cut cable, and what is broken alarms nobody."""
    ticks, water, sensor = probing(220_000)
    for ohm, water.broken_a, water.broken_b, water.fails, off in steps:
        water.ohm = ohm
        water.noise = lambda off=off: off
        before = sensor._was_wet
        wet = sampled(ticks, sensor, 50)
        assert water.levels == {"a": 0, "b": 0}
        assert (wet is None) == (sensor.quality != "ok")
        if wet and not before:
            assert ohm <= 70_000 and not water.broken_b
        if wet is False and before:
            assert ohm >= 85_000


def test_on_the_device_interpreter(micropython):
    printed = micropython(f"""
from firmware.sensors.probe import Probe
from host_tests.firmware.fakes import Adc, Pin, Ticks
ticks = Ticks()
a, b, adc = Pin(), Pin(), Adc(1650000)
sensor = Probe({PROBE!r}, (adc, a, b), ticks)
sensor.sample(0)
print(sensor.quality, sensor.wet, sensor.ohm(), a.level, b.level)
adc.uv = None
sensor.sample(50)
print(sensor.quality, sensor.wet, a.level, b.level)
""")
    assert printed.split("\n")[:2] == ["ok True 22000 0 0", "stale None 0 0"]


# A contact


def contact(level=0, now=0, **more):
    ticks, pin = Ticks(now), Contact(level)
    return ticks, pin, Switch({**SWITCH, **more}, pin, ticks)


def test_a_door():
    ticks, pin, sensor = contact()
    assert (sensor.state, sensor.quality) == (None, "unknown")
    sampled(ticks, sensor, 200)
    assert sensor.state is False
    pin.level = 1
    sampled(ticks, sensor, 200)
    assert sensor.state is False  # once is a bounce
    sampled(ticks, sensor, 200)
    assert sensor.state is True
    reading = sensor.reading(ticks.ticks_ms())
    assert (reading.quality, reading.state, reading.raw, reading.milli) == ("ok", True, 1, None)


def test_a_contact_that_bounces_for_ever_keeps_its_state():
    ticks, pin, sensor = contact()
    sampled(ticks, sensor, 200)
    for turn in range(100):
        pin.level = 1 - turn % 2
        sampled(ticks, sensor, 200)
        assert sensor.state is False


@pytest.mark.parametrize("active", ["high", "low"])
def test_the_tally_is_the_share_of_time_that_it_was_on(active):
    ticks, pin, sensor = contact(active=active)
    for second in range(60):
        pin.level = int((15 <= second < 30) == (active == "high"))
        for _ in range(5):
            sampled(ticks, sensor, 200)
    tally = sensor.tally
    assert tally.n == 300
    assert tally.total / tally.n == pytest.approx(250, abs=10)
    assert (tally.low, tally.high, tally.last, tally.bad) == (0, 1000, 0, 0)


def test_a_contact_without_a_pin_is_unknown_and_counts_as_neither():
    ticks = Ticks()
    sensor = Switch(SWITCH, None, ticks)
    for _ in range(50):
        sampled(ticks, sensor, 200)
    assert (sensor.state, sensor.reading(ticks.ticks_ms()).quality) == (None, "unknown")
    assert (sensor.tally.n, sensor.tally.bad, sensor.tally.quality) == (0, 50, "unknown")


def test_a_contact_grows_stale_and_ticks_may_wrap():
    ticks, _, sensor = contact(now=WRAP - 1000)
    for _ in range(20):
        sampled(ticks, sensor, 200)
    assert sensor.reading(ticks.ticks_ms()).quality == "ok"
    ticks.now += 5001
    assert sensor.reading(ticks.ticks_ms()).quality == "stale"
