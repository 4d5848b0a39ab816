"""What wears out is told with days; what does not is never told: seasons, doors, defrosts, warm food, power cuts, steps."""

import random
from array import array

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from firmware.diagnosis import cycles, measures, trend
from firmware.diagnosis.forecast import LEAST, ahead
from host_tests.firmware.cooling import DAY, Cooler

STRENGTH = (0, 50, 21, 1500, -12000, 0)
FILL = (1, 270, 21, 0, 0, 30)
HEAT = (3, 850, 21, 0, 45000, 240)
PASSED_S = measures.CELLS + 4


def row():
    return array("i", bytes(4 * trend.CELLS))


class Fridge:
    """A cooler and the rule that looks at its air every five minutes (or `every`); one answer a day is kept."""

    def __init__(self, every=5, **more):
        self.cooler = Cooler(**more)
        self.every = every
        self.cells = row()
        self.answers = []

    def live(self, days, each_day=None):
        for day in range(days):
            if each_day:
                each_day(day)
            for minute in range(DAY):
                air, _ = self.cooler.minute()
                if minute % self.every == 0:
                    said = trend.step(self.cells, 0, STRENGTH, air, None, 60 * self.every)
            self.answers.append(said)
        return self

    def forecast(self):
        return trend.forecast(self.cells, 0, STRENGTH)


def days_of(cells):
    """The numbers in the ring, the newest last."""
    newest = cells[measures.CELLS + 5]
    return [trend._day(cells, 0, (newest + 1 + place) % trend.DAYS) for place in range(trend.DAYS)]


def noisy(numbers, part=0.02, seed=1):
    rng = random.Random(seed)
    return [round(number * rng.gauss(1, part)) for number in numbers]


# The measures


@pytest.mark.parametrize("room_c", [12, 22, 32])
def test_the_strength_of_cooling_is_the_same_in_a_cold_room_and_a_warm_one(room_c):
    fridge = Fridge(every=1, room_c=room_c).live(3)
    assert days_of(fridge.cells)[-1] == pytest.approx(10000, rel=0.05)


def test_doors_and_defrosts_change_it_little():
    fridge = Fridge(every=1)
    fridge.cooler.doors = True
    fridge.live(3)
    assert days_of(fridge.cells)[-1] == pytest.approx(10000, rel=0.06)


def test_half_the_strength_is_seen_as_half():
    fridge = Fridge(every=1, strength=6.0, room_c=20).live(3)
    assert days_of(fridge.cells)[-1] == pytest.approx(6000, rel=0.06)


def feed(cells, p, steps):
    """Steps of (value, other, seconds); what each that ended counts."""
    found = [measures.take(cells, 0, p, value, other, dt_s) for value, other, dt_s in steps]
    return [number for number in found if number]


def test_a_fill_is_timed_over_the_minutes_that_it_spans():
    # half a minute, a whole one, a quarter
    assert feed(
        row(), FILL, [(0, None, 60), (500, None, 60), (1000, None, 60), (250, None, 60), (0, None, 60)]
    ) == [600000 // 105]


def test_what_was_only_half_seen_or_is_a_splash_is_no_fill():
    assert feed(row(), FILL, [(1000, None, 60), (None, None, 60), (1000, None, 60), (0, None, 60)]) == []
    assert feed(row(), FILL, [(0, None, 60), (300, None, 60), (0, None, 60)]) == []
    assert feed(row(), FILL, [(0, None, 60), (1000, None, 3600), (0, None, 60)]) == []


def test_a_heating_is_a_rate_whatever_minutes_it_began_and_ended_in():
    steps = [(15000, 0, 60), (15300, 400, 60)]
    steps += [(16000 + 1500 * minute, 1000, 60) for minute in range(8)]
    steps += [(28200, 300, 60), (28000, 0, 60)]
    assert feed(row(), HEAT, steps) == [1500]


def test_hot_water_short_heatings_and_holes_do_not_count():
    hot = [(46000 + 500 * minute, 1000, 60) for minute in range(20)] + [(50000, 0, 60)]
    short = [(20000 + 1500 * minute, 1000, 60) for minute in range(3)] + [(24000, 0, 60)]
    holed = [(20000 + 1500 * minute, 1000 if minute != 5 else None, 60) for minute in range(12)] + [
        (30000, 0, 60)
    ]
    assert feed(row(), HEAT, hot) == feed(row(), HEAT, short) == feed(row(), HEAT, holed) == []


# What is never told


def test_a_healthy_fridge_says_nothing_through_a_year_of_seasons_doors_warm_food_and_power_cuts():
    fridge = Fridge()
    fridge.cooler.seasons = fridge.cooler.doors = True
    rng = random.Random(7)
    said = []

    def day(_):
        if rng.random() < 0.2:
            fridge.cooler.air_c += rng.uniform(1, 6)  # warm food
        if rng.random() < 0.02:
            fridge.cooler.air_c = rng.uniform(-10, 5)  # power was away
        said.append(fridge.forecast())

    fridge.live(365, day)
    assert True not in fridge.answers
    assert not any(said)


def test_a_step_is_no_trend():
    """Another part of the freezer is filled, or a sensor was moved: from then on it is so, and gets no worse."""
    for size in (0.6, 0.7, 0.8, 0.9):
        for seed in range(5):
            answers = push(row(), STRENGTH, noisy([10000] * 20 + [10000 * size] * 30, seed=seed))
            assert True not in answers


def test_two_units_of_different_strength_are_told_at_the_same_part_of_their_own():
    for most in (6000, 9000, 15000):
        answers = push(row(), STRENGTH, noisy([most] * 14 + [most - most * day // 100 for day in range(50)]))
        assert 14 + 25 < answers.index(True) < 14 + 46
    for most in (6000, 15000):
        assert True not in push(row(), STRENGTH, noisy([most] * 60))


def test_nothing_is_said_of_few_days_old_days_or_a_limit_far_ahead():
    falling = [10000 - 160 * day for day in range(28)]
    assert ahead(noisy(falling), 5500, 21, 60) is not None
    assert ahead([0] * 19 + noisy(falling)[19:], 5500, 21, 60) is None
    assert ahead(noisy(falling)[4:] + [0] * 4, 5500, 21, 60) is None
    assert ahead(noisy([10000 - 20 * day for day in range(28)]), 5500, 21, 60) is None
    assert ahead(noisy([8000] * 28, 0.08), 5500, 21, 60) is None


# What is told


def test_cooling_that_loses_a_percent_a_day_is_told_days_ahead_and_a_repair_takes_it_back():
    fridge = Fridge()
    fridge.cooler.doors = True
    fridge.live(30)
    first = len(fridge.answers)

    def weaker(_):
        fridge.cooler.strength -= 0.1

    while True not in fridge.answers:
        fridge.live(1, weaker)
        assert fridge.cooler.strength > 5.0, "the limit is reached, and nothing was said"
    days, low, high, slope, n, chance, level = fridge.forecast()
    truth = (fridge.cooler.strength - 5.0) / 0.1
    assert low <= truth <= high
    assert 5 <= days <= 21
    assert low <= days <= high
    assert -300 < slope < -60  # hundredths of a percent of today's level
    assert n == 28
    assert chance >= 50
    assert level == pytest.approx(10 * fridge.cooler.strength, abs=6)  # percent of its best
    assert len(fridge.answers) - first < 40
    fridge.cooler.strength = 10.0
    fridge.live(5)
    assert fridge.answers[-1] is False
    assert fridge.forecast() is None


def test_it_stays_told_when_the_limit_has_passed_and_it_falls_no_further():
    cells = row()
    numbers = noisy([9000] * 7 + [9000 - 200 * day for day in range(28)] + [3300] * 40)
    answers = push(cells, STRENGTH, numbers)
    assert answers.index(True) < 29
    assert all(answers[answers.index(True) :])


def test_a_trend_that_ends_is_taken_back():
    numbers = noisy([10000] * 7 + [10000 - 200 * day for day in range(20)] + [6000] * 40)
    answers = push(row(), STRENGTH, numbers)
    assert True in answers
    assert answers[-1] is False


def test_one_wild_day_neither_tells_nor_hides():
    falling = noisy([9500 - 150 * day for day in range(28)])
    told = ahead(falling, 5500, 21, 60)
    for day in (20, 24, 27):
        for wild in (1, 30000):
            spoilt = falling[:]
            spoilt[day] = wild
            found = ahead(spoilt, 5500, 21, 60)
            assert found is not None
            assert abs(found[0] - told[0]) <= 4


def push(cells, p, numbers):
    """Let days end with these numbers, three of each seen; the answer of each."""
    long = trend._long(p)
    answers = []
    for number in numbers:
        if number:
            for _ in range(3 * 3):
                trend._take(cells, 0, number)
        cells[PASSED_S] = 86400 * long - 60
        answers.append(trend.step(cells, 0, p, None, None, 60))
    return answers


def test_a_strainer_that_clogs_is_told_in_seconds_and_a_dishwasher_that_rests_two_weeks_is_not_judged():
    cells = row()
    times = [90 / (1 - 0.025 * day) for day in range(26)]
    answers = push(cells, FILL, [round(600000 / time) for time in times])
    assert True in answers
    days, low, high, slope, _, _, level = trend.forecast(cells, 0, FILL)
    # A number is that of its two days' middle.
    assert low <= 2 * ((1 - 1 / 3) / 0.025 - 25.5) <= high
    assert slope > 0
    assert level == pytest.approx(times[-1], rel=0.1)
    assert days % 2 == 0
    push(cells, FILL, [0] * 7)
    assert trend.forecast(cells, 0, FILL) is None


def test_days_are_counted_down_between_two_that_end():
    cells = row()
    push(cells, FILL, [6600 - 160 * day for day in range(26)])
    before = trend.forecast(cells, 0, FILL)
    for _ in range(25):
        trend.step(cells, 0, FILL, 0, None, 3600)
    after = trend.forecast(cells, 0, FILL)
    assert after[:3] == tuple(max(0, days - 1) for days in before[:3])


def test_days_that_are_not_known_leave_what_was_told():
    cells = row()
    push(cells, STRENGTH, noisy([9000] * 7 + [9000 - 150 * day for day in range(28)]))
    assert push(cells, STRENGTH, [0] * 10) == [True] * 10


def test_the_ring_keeps_twenty_eight_days_in_their_order():
    cells = row()
    numbers = [random.Random(day).randrange(9000, 9400) for day in range(61)]
    push(cells, STRENGTH, numbers)
    assert days_of(cells) == numbers[-28:]


# Anything at all


@hypothesis_settings(max_examples=80, deadline=None)
@given(
    st.lists(st.just(0) | st.integers(1, 32767) | st.integers(5000, 6000), min_size=28, max_size=28),
    st.integers(1, 32000),
    st.integers(1, 60),
)
def test_any_days_give_a_forecast_with_the_data_behind_it_or_nothing(values, limit, warn_days):
    found = ahead(values, limit, warn_days, 60)
    if found is None:
        return
    days, low, high, _, n, chance, level = found
    assert 0 <= low <= days <= high <= 60
    assert n == sum(value > 0 for value in values) >= LEAST
    assert any(values[-3:])
    assert 0 <= chance <= 100
    assert level > 0
    assert high <= 2 * (28 - next(day for day, value in enumerate(values) if value))


@hypothesis_settings(max_examples=60, deadline=None)
@given(
    st.sampled_from([STRENGTH, FILL, HEAT]),
    st.lists(
        st.tuples(
            st.none() | st.integers(-(2**30), 2**30) | st.integers(0, 1000),
            st.none() | st.integers(0, 1000),
            st.integers(1, 3600),
            st.integers(1, 30),
        ),
        max_size=60,
    ),
)
def test_any_readings_in_any_steps_leave_sound_cells(p, steps):
    cells = row()
    for value, other, dt_s, times in steps:
        for _ in range(times):
            assert trend.step(cells, 0, p, value, other, dt_s) in (True, False, None)
    assert all(0 <= number <= measures.MOST for number in days_of(cells))
    assert trend.forecast(cells, 0, p) is None or sum(number > 0 for number in days_of(cells)) >= LEAST


# The device's interpreter


def test_it_says_the_same_on_the_device(micropython):
    rows = [noisy([10000 - 170 * day for day in range(28)], seed=seed) for seed in range(6)]
    script = f"""
from array import array
from firmware.diagnosis import cycles, trend
from firmware.diagnosis.forecast import ahead
print([ahead(row, 5500, 21, 60) for row in {rows}])
cells = array("i", bytes(4 * trend.CELLS))
resting = array("i", bytes(4 * cycles.CELLS))
for minute in range(2 * 1440):
    place = minute % 90
    milli = -20000 - 200 * place if place < 30 else -26000 + 100 * (place - 30)
    trend.step(cells, 0, {STRENGTH}, milli, None, 60)
    cycles.never_rests(resting, 0, (86400, 900, 4000, -25000), milli, 60)
print(trend.level(cells, 0, {STRENGTH}), list(cells), list(resting))
"""
    cells, resting = row(), array("i", bytes(4 * cycles.CELLS))
    for minute in range(2 * DAY):
        place = minute % 90
        milli = -20000 - 200 * place if place < 30 else -26000 + 100 * (place - 30)
        trend.step(cells, 0, STRENGTH, milli, None, 60)
        cycles.never_rests(resting, 0, (86400, 900, 4000, -25000), milli, 60)
    assert days_of(cells)[-1] == 18000
    expected = f"{[ahead(row, 5500, 21, 60) for row in rows]}\n"
    expected += f"{trend.level(cells, 0, STRENGTH)} {list(cells)} {list(resting)}\n"
    assert micropython(script) == expected
