"""A compressor told from one temperature: when it runs, when it rests, and that it never rests."""

from array import array

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from firmware.diagnosis import cycles
from host_tests.firmware.cooling import DAY, Cooler

P = (86400, 900, 6000, -25000)
HOUR = 60


def row():
    return array("i", bytes(4 * cycles.CELLS))


class Watched:
    """A cooler and the rule that looks at its evaporator, every `every` minutes."""

    def __init__(self, every=1, **more):
        self.cooler = Cooler(**more)
        self.cells = row()
        self.every = every
        self.answers = []

    def live(self, minutes, known=True):
        for minute in range(minutes):
            _, evap = self.cooler.minute()
            if minute % self.every == 0:
                answer = cycles.never_rests(self.cells, 0, P, evap if known else None, 60 * self.every)
                self.answers.append(answer)
        return self

    def told(self):
        return True in self.answers


def test_a_cycle_is_measured_with_its_times_and_slopes():
    cells = row()
    found = []
    for minute in range(300):  # thirty minutes down by 6 K, sixty up by the same
        place = minute % 90
        milli = -20000 - 200 * place if place < 30 else -26000 + 100 * (place - 30)
        if cycles.step(cells, 0, milli, 60, 1500, -12000) == cycles.CYCLE:
            found.append([cells[part] for part in (cycles.RUN_S, cycles.FALL, cycles.REST_S, cycles.RISE)])
    assert found[-1] == [1800, 6000, 3600, 6000]


def test_what_began_before_anybody_looked_has_no_length():
    cells = row()
    for minute in range(60):
        milli = -20000 - 200 * minute if minute < 30 else -26000 + 100 * (minute - 30)
        cycles.step(cells, 0, milli, 60, 1500, -12000)
    assert cycles.phase(cells, 0) == cycles.RESTS
    assert cells[cycles.RUN_S] == 0


@pytest.mark.parametrize("every", [1, 5])
def test_most_of_the_time_it_knows_what_the_compressor_does(every):
    cooler, cells, right, seen = Cooler(), row(), 0, 0
    for minute in range(2 * DAY):
        _, evap = cooler.minute()
        if minute % every:
            continue
        cycles.step(cells, 0, evap, 60 * every, 6000, -25000)
        if minute > 300:
            seen += 1
            right += (cycles.phase(cells, 0) == cycles.RUNS) == (cooler.runs and not cooler.defrost)
    assert right > 0.75 * seen


@pytest.mark.parametrize("every", [1, 5])
def test_a_healthy_compressor_rests_whatever_the_doors_the_defrosts_and_a_warm_week_do(every):
    healthy = Watched(every)
    healthy.cooler.doors = True
    healthy.live(3 * DAY)
    healthy.cooler.room_c = 35
    healthy.live(4 * DAY)
    assert not healthy.told()
    assert False in healthy.answers


@pytest.mark.parametrize("every", [1, 5])
def test_a_relay_that_sticks_is_told_after_the_window_though_defrosts_go_on(every):
    watched = Watched(every).live(DAY)
    watched.cooler.stuck = True
    watched.live(23 * HOUR)
    assert not watched.told()
    watched.live(4 * HOUR)
    assert watched.told()
    assert cycles.ran_s(watched.cells, 0) >= 86400


def test_a_unit_that_ran_before_it_was_looked_at_is_told_too():
    watched = Watched()
    watched.cooler.stuck, watched.cooler.defrosts = True, False
    for _ in range(5 * HOUR):
        watched.cooler.minute()
    assert watched.live(27 * HOUR).told()


def test_what_doors_and_fans_make_of_a_running_compressor_is_no_rest():
    """It swings by a third of what a rest is, slowly enough to be one."""
    cells = row()
    answers = []
    for minute in range(28 * HOUR):
        place = minute % 60
        milli = -32000 + (2000 * place // 30 if place < 30 else 2000 * (60 - place) // 30)
        answers.append(cycles.never_rests(cells, 0, P, milli, 60))
    assert answers[-1] is True


def test_three_rests_take_it_back_and_not_one():
    watched = Watched()
    watched.cooler.stuck = True
    watched.live(2 * DAY)
    watched.cooler.stuck = False
    watched.answers = []
    watched.live(DAY)
    first = watched.answers.index(False)
    assert all(answer is True for answer in watched.answers[:first])
    assert first > 2 * HOUR
    assert watched.answers[-1] is False


def test_a_fridge_that_is_switched_off_or_dead_does_not_run():
    watched = Watched().live(DAY)
    watched.cooler.dead = True
    assert not watched.live(4 * DAY).told()


def test_time_that_nobody_saw_does_not_count():
    watched = Watched().live(DAY)
    watched.cooler.stuck = True
    for _ in range(10):
        watched.live(2 * HOUR).live(3 * HOUR, known=False)
    assert not watched.told()
    assert watched.answers[-1] is None


def test_a_slow_drift_of_an_evaporator_that_is_always_cold_is_no_rest():
    cells = row()
    said = [cycles.never_rests(cells, 0, P, -30000 + 300 * (minute // 60), 60) for minute in range(30 * HOUR)]
    assert said[-1] is True


def test_rests_between_power_cuts_are_rests():
    watched = Watched()
    for _ in range(8):
        watched.live(4 * HOUR)
        for _ in range(40):  # nobody looks, and nothing runs
            watched.cooler.dead = True
            watched.cooler.minute()
        watched.cooler.dead = False
    assert not watched.told()


@hypothesis_settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.none() | st.integers(-(2**30), 2**30) | st.integers(-40000, 20000), st.integers(1, 3600)
        ),
        max_size=120,
    )
)
def test_any_readings_in_any_steps_leave_sound_cells(steps):
    cells = row()
    ran = 0
    for milli, dt_s in steps:
        answer = cycles.never_rests(cells, 0, P, milli, dt_s)
        ran += dt_s
        assert answer in (True, False, None)
        assert not answer or ran >= P[0]
        assert cycles.phase(cells, 0) in (cycles.UNKNOWN, cycles.RUNS, cycles.RESTS)
        assert min(cells[cycles.RUN_S], cells[cycles.REST_S], cycles.ran_s(cells, 0)) >= 0
