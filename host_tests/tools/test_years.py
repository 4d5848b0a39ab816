"""The simulated years behind the diagnosis benchmark: physics that can be believed, sensors within their data sheets, fair marks."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nameplate.bench.years import fridge, home, lives, marks, model, plan, sensing, sensor_faults, wet
from nameplate.bench.years.faults import PRODUCT
from nameplate.bench.years.home import DAY

WARM = 3  # days until a fridge has settled


def homes(count, days, seed=1):
    return home.make(np.random.default_rng(seed), count, days * DAY)


def live(ageing=None, count=8, days=6, seed=1):
    fridges = fridge.Fridges(
        np.random.default_rng(seed), homes(count, days), ageing or fridge.Ageing.none(count)
    )
    found = {}
    for day in fridges.run(days):
        for name, value in (*day.values.items(), *day.truth.items()):
            found.setdefault(name, []).append(value)
    return {name: np.concatenate(parts) for name, parts in found.items()}


def with_part(part, amount, count=8, at_s=0.0):
    return fridge.Ageing(np.full(count, at_s), np.ones(count), {part: np.full(count, amount)})


@pytest.fixture(scope="module")
def healthy():
    return {name: value[WARM * 1440 :] for name, value in live(days=8).items()}


def test_a_healthy_fridge_is_one(healthy):
    assert 2.5 < healthy["fridge"].mean(0).min() and healthy["fridge"].mean(0).max() < 8
    assert -23 < healthy["freezer"].mean(0).min() and healthy["freezer"].mean(0).max() < -15.5
    assert healthy["freezer"].max() < -8
    assert -43 < healthy["evap"].min()


def test_its_compressor_runs_and_rests_and_its_ice_melts(healthy):
    runs, defrost = healthy["runs"], healthy["defrost"]
    days = len(runs) / 1440
    starts = (runs[1:] > runs[:-1]).sum(0) / days
    assert (starts > 5).all() and (starts < 40).all()
    assert (0.15 < runs.mean(0)).all() and (runs.mean(0) < 0.75).all()
    defrosts = (defrost[1:] > defrost[:-1]).sum(0) / days
    assert (0.3 < defrosts).all() and (defrosts < 2).all()
    assert healthy["frost"].max() < 0.8


def test_without_a_compressor_it_warms_to_its_room_and_no_further():
    dead = live(with_part("compressor_dead", 1, 4), count=4, days=10)
    assert (dead["runs"] == 0).all()
    last = slice(-1440, None)
    assert np.abs(dead["freezer"][last].mean(0) - dead["room"][last].mean(0)).max() < 4
    assert dead["evap"].max() < 45


@pytest.mark.parametrize(
    ("part", "amount", "sensor", "warmer"),
    [
        ("damper_open", 1.0, "fridge", False), ("damper_shut", 1.0, "fridge", True), ("freezer_seal", 6.0, "freezer", True),
        ("compressor_stuck", 1.0, "freezer", False), ("capacity_lost", 0.8, "freezer", True),
    ],
)  # fmt: skip
def test_a_fault_shows_where_it_must(part, amount, sensor, warmer):
    third = slice(2 * 1440, None)  # later on an evaporator may be all ice
    good = live(count=4, days=3)[sensor][third].mean(0)
    bad = live(with_part(part, amount, 4), count=4, days=3)[sensor][third].mean(0)
    assert ((bad > good + 0.5) if warmer else (bad < good - 0.5)).all()


def test_a_defrost_that_nobody_ends_stays_warm_for_hours(healthy):
    def longest(evap):
        return max(
            max(map(len, "".join("w" if one > 8 else " " for one in lane).split()), default=0)
            for lane in evap.T
        )

    assert longest(healthy["evap"]) < 30
    assert longest(live(with_part("defrost_limit_h", 4, 4), count=4, days=3)["evap"]) > 120


@pytest.mark.parametrize("kind", [wet.DISHWASHER, wet.WASHER])
def test_machines_fill_heat_and_drain_in_good_time(kind):
    count, days = 12, 40
    steps = wet.Machines(np.random.default_rng(2), kind, homes(count, days), fridge.Ageing.none(count)).run()
    for lane in steps:
        assert lane.dt_s.sum() == pytest.approx(days * DAY, abs=3600)
        assert lane.dt_s.min() >= 1 and lane.dt_s.max() <= 3600
        hot = lane.values["water"].max()
        assert hot < 99
        programmes = (np.diff(lane.truth["running"]) > 0).sum()
        assert 5 < programmes < 80
        # Filled and empty again: it is empty at the end of every programme.
        assert not lane.values["level"][lane.truth["running"] == 0].any()
        for name, most in (("inlet", kind.fill_limit_s), ("drain", kind.drain_limit_s + 420)):
            assert longest_s(lane, name) < most


def longest_s(lane, name):
    longest = run = 0.0
    for share, dt_s in zip(lane.values[name], lane.dt_s, strict=True):
        run = run + share * dt_s if share else 0.0
        longest = max(longest, run)
    return longest


def test_a_dead_heater_leaves_the_water_cold():
    count = 4
    ageing = fridge.Ageing(np.zeros(count), np.ones(count), {"heater_lost": np.ones(count)})
    for lane in wet.Machines(np.random.default_rng(2), wet.DISHWASHER, homes(count, 30), ageing).run():
        assert lane.values["heater"].any()
        assert lane.values["water"].max() < 40


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 2**32 - 1), st.floats(-35, 40))
def test_a_converter_errs_no_more_than_its_data_sheet_lets_it(seed, celsius):
    found = model.load("kf320")
    rng = np.random.default_rng(seed)
    sensors = sensing.Sensors(rng, found.content, found.root, 6)
    everybody = np.arange(6)
    ohm = sensors.ohm("freezer", np.full((50, 6), celsius), everybody)
    spec = next(spec for spec in found.content["sensors"] if spec["name"] == "freezer")
    true = spec["supply_uv"] * ohm / (ohm + spec["pull_up_ohm"])
    read = sensors.microvolts("freezer", ohm, everybody)
    for lane, chip in enumerate(sensors.chips.names):
        # The supply and the pull-up are within 1 % each, the noise within five of its sigmas.
        allowed = sensing.ADC_LIMIT_UV[chip] + 0.02 * true[0, lane] + 8000
        assert abs(int(read[:, lane].mean()) - true[0, lane]) < allowed or read[0, lane] >= 2.9e6


@pytest.mark.parametrize("what", sensor_faults.KINDS["ntc"])
def test_a_sensor_is_whole_until_it_fails(what):
    found = model.load("kf320")
    sensors = sensing.Sensors(np.random.default_rng(3), found.content, found.root, 2)
    at_s = np.arange(1, 801) * 300.0
    ohm = sensors.ohm("fridge", np.full((800, 2), 5.0), np.arange(2))[:, 0]
    fault = sensor_faults.SensorFault("fridge", what, 2, 120_000.0)
    read = sensor_faults.resistor(fault, sensors, 0, ohm, at_s, np.random.default_rng(4))
    before, after = read[at_s < 120_000], read[at_s >= 120_000]
    assert before.std() < 3000
    if what == "stuck":
        assert after.std() == 0
    else:
        assert abs(int(after[-100:].mean()) - int(before.mean())) > 20_000 or after.std() > 20_000


def test_a_power_cut_leaves_no_rows_and_a_restart_after_it():
    found = model.load("kf320")
    case = lives.Case("kf320", "healthy", "healthy", 0, np.inf, 2 * DAY)
    lived = lives.Lives(np.random.default_rng(1), found.root, found.content, "kf320", [case], sample_s=60)
    lived.homes.cuts = home.Events(np.array([0]), np.array([40_000.0]), np.array([7200.0]), np.zeros(1))
    lived.homes.brownouts = home.Events(*(np.zeros(0, int) for _ in range(4)))
    rows = np.concatenate([chunk.rows for chunks in lived.chunks() for chunk in chunks])
    restarts = rows[(rows[:, 0] & lives.RESTART) > 0, 1]
    dark = rows[(rows[:, 1] > 40_060) & (rows[:, 1] <= 47_160)]
    assert not len(dark)
    assert len(restarts) == 1 and 47_160 < restarts[0] <= 47_280
    assert (np.diff(rows[:, 1]) > 0).all()


def test_the_same_seed_lives_the_same_life():
    assert (live(count=2, days=1)["evap"] == live(count=2, days=1)["evap"]).all()
    assert (live(count=2, days=1)["evap"] != live(count=2, days=1, seed=2)["evap"]).any()


@pytest.mark.parametrize("folder", model.MODELS)
def test_every_product_fault_of_a_profile_is_made_to_happen(folder):
    found = model.load(folder)
    product = {fault["code"] for fault in found.content["faults"]} - found.sensor_codes
    meant = {code for fault in PRODUCT[folder] for code in fault.codes}
    assert meant == product
    known = {code for fault in PRODUCT[folder] for code in (*fault.codes, *fault.follows)}
    assert known <= product


def test_none_seen_proves_no_more_than_three_by_the_years():
    assert marks.rule_of_three(0, 50) == pytest.approx(0.06)
    assert marks.rule_of_three(1, 50) > marks.rule_of_three(0, 50)
    bounds = [marks.rule_of_three(seen, 1) for seen in range(30)]
    assert bounds == sorted(bounds)


def test_scores_of_probabilities():
    sure = [marks.Stated("T01", 100, True), marks.Stated("T01", 0, False)]
    assert marks.brier(sure) == 0
    assert marks.brier([marks.Stated("T01", 50, True), marks.Stated("T01", 50, False)]) == pytest.approx(0.25)
    assert marks.brier([]) is None
    rows = marks.reliability([marks.Stated("T01", 97, True)] * 3 + [marks.Stated("T01", 97, False)])
    assert [(row[1], row[3]) for row in rows] == [(4, 0.75)]


def test_what_never_came_was_not_within_its_interval():
    def said(low, high, truth, looked=100):
        return marks.Forecast("C03", (low + high) / 2, low, high, 50, True, 0, 0.0, truth, looked)

    assert marks.coverage([said(5, 10, 7), said(5, 10, 11), said(5, 10, None)]) == (1, 3)
    assert marks.coverage([said(5, 10, None, looked=8)]) == (0, 0)


def test_only_what_nothing_explains_is_a_false_word():
    found = model.load("kf320")
    case = lives.Case("kf320", "product", "x", 0, 1000.0, DAY, ("T01",), ("C02",))
    case.left_open_s = [(5000.0, 5600.0)]

    def word(code, at_s, state="confirmed"):
        case.told.append({"code": code, "at_s": at_s, "state": state})

    word("T01", 2000)
    word("C02", 3000)
    word("T02", 3000, "cleared")
    word("D01", 5400)
    assert marks.false_words(case, found) == []
    assert case.found()["at_s"] == 2000
    word("T01", 900)
    word("D01", 9000)
    word("S02", 9000)
    assert [one["code"] for one in marks.false_words(case, found)] == ["T01", "D01", "S02"]


def test_the_plan_is_what_was_promised():
    assert plan.FULL.lanes * plan.FULL.days >= 50 * 365
    assert plan.FULL.runs >= 30 and plan.FULL.trend_runs >= 30
    rng = np.random.default_rng(1)
    for folder in model.MODELS:
        found = model.load(folder)
        healthy = [case for batch in plan.healthy(found, plan.FULL, rng) for case in batch.cases]
        assert sum(case.end_s for case in healthy) >= 50 * 365 * DAY
        counts = {}
        for batch in plan.product(found, plan.FULL, rng):
            for case in batch.cases:
                counts[case.name, case.grade] = counts.get((case.name, case.grade), 0) + 1
        assert len(counts) == 3 * len(PRODUCT[folder]) and min(counts.values()) >= 30
