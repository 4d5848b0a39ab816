"""Each rule of the judge by what happens in a kitchen: what is a fault, what only looks like one, what comes and goes."""

import pytest

from firmware.diagnosis import judge
from firmware.diagnosis.faults import CLEAR, CONFIRMED, FOR, KNOWN, OLD, RECOVERING, SUSPECTED, WINDOW
from firmware.diagnosis.leak import BAD, GOOD
from host_tests.firmware.judging import ABOVE, HEALTH, Bench, wet_sensor

DOOR = {"code": "D01", "rule": "too_long", "sensor": "door", "limit_s": 300, "clear_s": 120}
DEFROST = {
    "code": "D02", "rule": "too_long", "sensor": "air", "above_milli": 8000, "limit_s": 3600, "clear_s": 600,
}  # fmt: skip
FILL = {
    "code": "F01", "rule": "too_long", "sensor": "heater", "limit_s": 300, "clear_s": 3600,
    "while": {"sensor": "level", "is": False},
}  # fmt: skip
HEATS = {
    "code": "H01", "rule": "no_progress", "sensor": "air", "gate": "heater", "falling": False, "from_milli": 45000,
    "window_s": 900, "change_milli": 4000, "clear_milli": 46000,
}  # fmt: skip
COOLS = {
    "code": "C01", "rule": "no_progress", "sensor": "air", "falling": True, "from_milli": -9000,
    "window_s": 14400, "change_milli": 1500, "clear_milli": -12000,
}  # fmt: skip
WET = {"code": "L01", "rule": "wet", "sensor": "pan"}
RETURNS = {"code": "L02", "rule": "returns", "of": "L01", "count": 3, "window_s": 86400}
WET_HEALTH = {"code": "S02", "rule": "health", "sensor": "pan", "confirm_s": 60, "clear_s": 60}


# Too warm


def test_too_warm_is_confirmed_after_its_time_and_over_after_its_time():
    bench = Bench(ABOVE, up_s=3600)
    assert bench.run(3600, air=5000) == []
    # The mean over ten minutes passes the limit a while after the air has.
    ((at, code, word),) = bench.run(7200, air=10000)
    assert (code, word) == ("T01", "confirmed")
    assert 1800 + 300 <= at <= 1800 + 900
    assert bench.run(600, air=7500) == []
    assert bench.state("T01") == CONFIRMED
    ((at, _, word),) = bench.run(7200, air=4000)
    assert word == "cleared"
    assert 900 <= at <= 900 + 600


def test_too_cold_is_the_same_the_other_way_round():
    below = {**ABOVE, "rule": "below", "limit_milli": 0, "clear_milli": 1000}
    bench = Bench(below, up_s=3600)
    assert bench.run(7200, air=500) == []
    assert [word for _, _, word in bench.run(7200, air=-2000)] == ["confirmed"]
    assert [word for _, _, word in bench.run(7200, air=3000)] == ["cleared"]


def test_a_long_look_into_the_fridge_and_warm_food_are_no_fault():
    bench = Bench(ABOVE, up_s=3600)
    bench.run(3600, air=5000)
    for _ in range(6):
        bench.run(300, air=14000)
        bench.run(1500, air=6000)
    for milli in range(10000, 5000, -150):  # something hot was put in
        bench.run(60, air=milli)
    assert bench.changes == []


def test_after_power_on_a_warm_fridge_has_time_to_cool_down():
    bench = Bench(ABOVE)
    for milli in range(25000, 5000, -400):
        bench.run(60, air=milli)
    assert bench.changes == []
    assert bench.up_s < 3600


def test_a_fridge_at_its_limit_does_not_send_an_event_a_minute():
    bench = Bench(ABOVE, up_s=3600)
    bench.run(3600, air=8300)
    assert [word for _, _, word in bench.changes] == ["confirmed"]
    for _ in range(100):  # in and out of the limit, and out of the clear one too, for less than clear_s
        bench.run(900, air=6500)
        bench.run(600, air=9500)
    assert [word for _, _, word in bench.changes] == ["confirmed"]


def test_time_without_a_reading_neither_confirms_nor_clears():
    bench = Bench(ABOVE, up_s=3600)
    bench.run(1800, air=10000)
    assert bench.state("T01") == SUSPECTED
    assert bench.run(86400, air="open") == []
    assert bench.state("T01") == SUSPECTED
    bench.run(3600, air=10000)
    assert bench.state("T01") == CONFIRMED
    assert bench.run(86400, air="stale") == []
    assert bench.state("T01") == CONFIRMED
    assert bench.cell("T01", WINDOW) > bench.cell("T01", KNOWN) >= ABOVE["confirm_s"]


def test_a_mean_from_before_a_long_hole_is_none():
    bench = Bench(ABOVE, up_s=3600)
    bench.run(3600, air=15000)
    bench.run(86400, air="open")
    bench.run(1200, air=4000)
    assert bench.state("T01") == RECOVERING


@pytest.mark.parametrize("dt_s", [0, -5, 3601, 10**6])
def test_a_hole_is_no_evidence_and_what_was_seen_before_it_is_dropped(dt_s):
    bench = Bench(ABOVE, up_s=3600)
    bench.run(1200, air=10000)
    before = list(bench.faults.cells)
    bench.step(dt_s, air=10000)
    assert list(bench.faults.cells) == before
    assert bench.sensors["air"].tally.n == 0


@pytest.mark.parametrize("dt_s", [1, 60, 300, 3600])
def test_steps_of_any_length_find_the_same(dt_s):
    bench = Bench({**ABOVE, "average_s": 7200, "confirm_s": 14400}, up_s=3600)
    bench.run(7200, dt_s, air=5000)
    ((at, _, _),) = bench.run(36000, dt_s, air=11000)
    assert 14400 + 3600 <= at <= 14400 + 7200


def test_a_chip_that_has_no_such_sensor_has_no_such_fault():
    bench = Bench(ABOVE, HEALTH, DOOR, up_s=3600, absent=("air",))
    bench.run(7200, door=0)
    assert bench.changes == []
    bench.run(360, door=1000)
    assert bench.state("D01") == CONFIRMED


# Sensors first


@pytest.mark.parametrize(
    "quality", ["open", "short", "stuck", "stale", "out of range", "implausible", "unknown"]
)
def test_a_lying_sensor_is_its_own_fault_and_no_other(quality):
    bench = Bench(ABOVE, HEALTH, up_s=3600)
    bench.run(3600, air=5000)
    assert bench.run(3600, air=quality) == [(120, "S01", "confirmed")]
    assert bench.faults.silenced(0)
    assert bench.run(3600, air=12000)[0] == (300, "S01", "cleared")


def test_a_loose_wire_is_a_sensor_fault_though_most_samples_look_right():
    bench = Bench(ABOVE, HEALTH, up_s=3600)
    assert bench.run(600, air=[5000, 5000, 60000, "open"]) == [(120, "S01", "confirmed")]
    assert bench.run(1200, air=[5000] * 59 + ["open"]) == [(300, "S01", "cleared")]  # one in sixty is none


def test_what_stood_before_the_sensor_failed_stays_known_and_says_so():
    bench = Bench(ABOVE, HEALTH, up_s=3600)
    bench.run(7200, air=12000)
    assert bench.state("T01") == CONFIRMED
    bench.run(3600, air="open")
    assert bench.state("T01") == CONFIRMED
    assert bench.faults.silenced(0)
    bench.run(400, air=12000)
    assert not bench.faults.silenced(0)


def test_a_suspicion_does_not_outlive_its_sensor():
    bench = Bench(ABOVE, HEALTH, up_s=3600)
    bench.run(2000, air=12000)
    assert bench.state("T01") == SUSPECTED
    bench.run(600, air="short")
    assert bench.state("T01") == CLEAR


@pytest.mark.parametrize("sick", ["heater", "level"])
def test_rules_rest_on_their_gate_and_their_while_too(sick):
    health = {"code": "S03", "rule": "health", "sensor": sick, "confirm_s": 60, "clear_s": 60}
    bench = Bench(HEATS, FILL, health)
    seen = {"air": 20000 if sick == "heater" else 50000, "heater": 1000, "level": 0, sick: "unknown"}
    bench.run(7200, **seen)
    assert [code for _, code, _ in bench.changes] == ["S03"]
    assert bench.faults.silenced(1)
    assert bench.faults.silenced(0) is (sick == "heater")


def test_a_sick_leak_probe_is_told_and_silences_its_leak():
    bench = Bench(WET, RETURNS, WET_HEALTH)
    bench.sensors["pan"] = pan = wet_sensor()
    row = bench.faults.starts[0]
    for minute in range(5):
        pan.quality = "open"
        bench.faults.cells[row + BAD] = 3000
        assert bench.step() == ([(2, "confirmed")] if minute == 0 else [])
    assert bench.faults.silenced(0)
    assert bench.faults.silenced(1)
    pan.quality = "ok"
    for _ in range(2):
        bench.faults.cells[row + GOOD] = 3000
        bench.step()
    assert bench.changes[-1][1:] == ("S02", "cleared")
    assert not bench.faults.silenced(0)


# Contacts


def test_a_door_open_for_minutes_is_no_fault_and_one_left_open_is():
    bench = Bench(DOOR)
    for minutes in (1, 2, 3, 4):
        bench.run(60 * minutes, door=1000)
        bench.run(120, door=0)
    assert bench.changes == []
    assert bench.run(600, door=1000) == [(300, "D01", "confirmed")]
    bench.run(60, door=0)
    bench.run(60, door=[0, 1000, 0])  # somebody looks in: it begins anew
    assert bench.run(300, door=0) == [(120, "D01", "cleared")]


def test_a_family_that_cooks_leaves_no_door_open():
    bench = Bench(DOOR)
    bench.run(7200, door=[1000, 0, 0, 0, 0])
    assert bench.changes == []


def test_a_bouncing_contact_of_an_open_door_is_an_open_door():
    bench = Bench(DOOR)
    assert bench.run(600, door=[1000] * 19 + [0]) == [(360, "D01", "confirmed")]


def test_a_defrost_ends_and_one_that_never_ends_is_told():
    bench = Bench(DEFROST)
    for _ in range(3):
        bench.run(2400, air=10000)
        bench.run(3600, air=-20000)
    assert bench.changes == []
    assert bench.run(7200, air=11000) == [(3600, "D02", "confirmed")]
    assert bench.run(3600, air=-5000) == [(600, "D02", "cleared")]


def test_several_fills_are_no_slow_one():
    bench = Bench(FILL)
    for _ in range(4):
        bench.run(180, heater=1000, level=0)
        bench.run(60, heater=1000, level=1000)  # full, and the valve still open
        bench.run(300, heater=0, level=1000)
        bench.run(60, heater=0, level=0)
    assert bench.changes == []
    assert bench.run(600, heater=1000, level=0) == [(300, "F01", "confirmed")]
    assert bench.run(7200, heater=0, level=1000) == [(3600, "F01", "cleared")]


# Heating, cooling


def heat(bench, milli, per_minute, minutes, heater=1000):
    for _ in range(minutes):
        bench.step(air=milli, heater=heater)
        milli += per_minute
    return milli


def test_water_that_warms_is_no_fault_however_slowly_it_may():
    bench = Bench(HEATS)
    heat(bench, 15000, 300, 120)
    assert bench.changes == []


def test_water_that_does_not_warm_while_the_heater_is_on():
    bench = Bench(HEATS)
    heat(bench, 15000, 0, 60, heater=0)
    assert bench.changes == []
    heat(bench, 15000, 50, 20)
    assert [(code, word) for _, code, word in bench.changes] == [("H01", "confirmed")]
    heat(bench, 15000, -10, 600, heater=0)  # switched off: nothing is known of the heater
    assert bench.state("H01") == CONFIRMED
    heat(bench, 15000, 1500, 30)
    assert bench.changes[-1][1:] == ("H01", "cleared")


def test_a_thermostat_that_pauses_does_not_hide_a_dead_heater_and_a_long_pause_begins_anew():
    bench = Bench(HEATS)
    for _ in range(8):
        heat(bench, 20000, 0, 3)
        heat(bench, 20000, 0, 2, heater=0)
    assert bench.state("H01") == CONFIRMED
    bench = Bench(HEATS)
    for _ in range(8):
        heat(bench, 20000, 0, 10)
        heat(bench, 20000, 0, 10, heater=0)
    assert bench.changes == []


def test_a_new_freezer_that_cools_down_and_one_that_does_not():
    bench = Bench(COOLS)
    for milli in range(25000, -18000, -100):
        bench.step(air=milli)
    assert bench.changes == []
    for milli in range(-18000, -6000, 100):  # warm food
        bench.step(air=milli)
    for milli in range(-6000, -18000, -20):
        bench.step(air=milli)
    assert bench.changes == []
    for milli in range(-18000, 5000, 100):
        bench.step(air=milli)
    bench.run(14400, air=5000)
    assert [(code, word) for _, code, word in bench.changes] == [("C01", "confirmed")]


# Leaks that return


def leaks(bench, times):
    bench.faults.cells[bench.faults.starts[0] + 3] += times


def test_the_third_leak_within_a_day_is_told_and_three_in_a_week_are_not():
    bench = Bench(WET, RETURNS)
    bench.sensors["pan"] = wet_sensor()
    for _ in range(2):
        leaks(bench, 1)
        bench.run(3600 * 10)
    assert bench.changes == []
    leaks(bench, 1)
    assert bench.run(3600) == [(60, "L02", "confirmed")]
    assert [word for _, _, word in bench.run(86400)] == ["cleared"]
    for _ in range(7):
        bench.run(86400, dt_s=3600)
        leaks(bench, 1)
    assert len(bench.changes) == 2


def test_leaks_of_one_minute_are_all_counted():
    bench = Bench(WET, RETURNS)
    bench.sensors["pan"] = wet_sensor()
    leaks(bench, 5)
    assert bench.run(120) == [(60, "L02", "confirmed")]


# Restarts


def test_what_was_confirmed_is_known_after_a_power_cut_and_told_again_when_it_is_seen_again():
    bench = Bench(ABOVE, up_s=3600)
    bench.run(7200, air=12000)
    times = bench.cell("T01", 3)
    bench.restart()
    assert bench.state("T01") == RECOVERING
    assert bench.faults.flags(0) == OLD
    assert bench.faults.active() == [0]
    bench.run(1800, air="unknown")
    assert bench.faults.flags(0) == OLD
    assert [word for _, _, word in bench.run(7200, air=12000)] == ["confirmed"]
    assert bench.faults.flags(0) == 0
    assert bench.cell("T01", 3) == times
    assert bench.faults.since(0) < 0


def test_what_was_repaired_while_the_power_was_off_is_cleared():
    bench = Bench(ABOVE, up_s=3600)
    bench.run(7200, air=12000)
    bench.restart()
    assert [word for _, _, word in bench.run(7200, air=4000)] == ["cleared"]


def test_a_suspicion_begins_anew_after_a_power_cut():
    bench = Bench(ABOVE, up_s=3600)
    bench.run(2280, air=12000)
    assert bench.state("T01") == SUSPECTED
    bench.restart()
    assert bench.state("T01") == CLEAR


# Bad luck


def test_a_rule_that_fails_is_told_counted_and_stops_no_other():
    bench = Bench(ABOVE, DOOR, up_s=3600)
    said = []
    for _ in range(6):
        row = bench.faults.starts[0]
        bench.sensors["air"].see(5000)
        bench.sensors["door"].see(1000)
        bench.faults.starts[0] = 9999
        judge.step(bench.blob, bench.faults, list(bench.sensors.values()), 60, 4000, said.append)
        bench.faults.starts[0] = row
    assert bench.state("D01") == CONFIRMED
    assert bench.faults.failures == 6
    assert len(said) == 3  # the first, the second, the fourth
    assert "T01" in said[0]


def test_evidence_grows_from_the_first_suspicion_on():
    bench = Bench(DOOR)
    bench.run(600, door=1000)
    assert bench.cell("D01", WINDOW) == bench.cell("D01", KNOWN) == bench.cell("D01", FOR) == 600
