"""The clock counts over any number of tick wraps, never invents a date, and never goes back behind what is proved."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware.clock import FLOOR, SET, TRUSTED, UNKNOWN, Clock

PERIOD = 1 << 30
HALF = PERIOD // 2
BUILT = 1_795_478_400


class Ticks:
    """The chip's millisecond tick: wraps at 2^30."""

    def __init__(self, start: int = 0) -> None:
        self.true_ms = start
        self.start = start

    def ticks_ms(self) -> int:
        return self.true_ms % PERIOD

    @staticmethod
    def ticks_diff(later: int, earlier: int) -> int:
        return (later - earlier + HALF) % PERIOD - HALF


class Store:
    """Times by their key, as in NVS."""

    def __init__(self) -> None:
        self.kept: dict[str, int] = {}
        self.writes = 0

    def get(self, key: str) -> int:
        return self.kept.get(key, 0)

    def put(self, key: str, value: int) -> None:
        self.kept[key] = value
        self.writes += 1


@given(st.integers(0, PERIOD), st.lists(st.integers(0, HALF - 1), max_size=40))
def test_uptime_is_exact_over_any_number_of_wraps(start, steps):
    ticks = Ticks(start)
    clock = Clock(BUILT, ticks=ticks)
    for step in steps:
        ticks.true_ms += step
        assert clock.uptime_s() == (ticks.true_ms - start) // 1000


def test_a_fresh_board_knows_only_that_the_release_date_has_passed():
    ticks = Ticks()
    clock = Clock(BUILT, ticks=ticks)
    ticks.true_ms += 90_000
    assert (clock.quality, clock.unix(), clock.floor) == (FLOOR, None, BUILT + 90)


def test_without_a_release_date_nothing_is_known():
    clock = Clock(0, ticks=Ticks())
    assert (clock.quality, clock.unix(), clock.floor) == (UNKNOWN, None, 0)
    assert clock.learn(BUILT, FLOOR)
    assert (clock.quality, clock.unix(), clock.floor) == (FLOOR, None, BUILT)


def test_a_set_clock_runs_on():
    ticks = Ticks(PERIOD - 500)
    clock = Clock(BUILT, ticks=ticks)
    assert clock.learn(BUILT + 1000, SET)
    ticks.true_ms += 2_000
    assert (clock.quality, clock.unix(), clock.floor) == (SET, BUILT + 1002, BUILT + 1002)


@pytest.mark.parametrize("wrong", [0, 946_684_800, BUILT - 1], ids=["1970", "2000", "before the release"])
@pytest.mark.parametrize("quality", [FLOOR, SET, TRUSTED])
def test_a_time_before_the_release_is_refused_however_good_its_source(wrong, quality):
    clock = Clock(BUILT, ticks=Ticks())
    assert not clock.learn(wrong, quality)
    assert (clock.quality, clock.unix(), clock.floor) == (FLOOR, None, BUILT)


def test_a_set_time_before_a_proved_one_is_refused():
    clock = Clock(BUILT, ticks=Ticks())
    assert clock.learn(BUILT + 5000, FLOOR)
    assert not clock.learn(BUILT + 4999, SET)
    assert clock.learn(BUILT + 5000, SET)


def test_a_worse_source_does_not_replace_a_better_one():
    clock = Clock(BUILT, ticks=Ticks())
    assert clock.learn(BUILT + 100, TRUSTED)
    assert not clock.learn(BUILT + 9000, SET)
    assert not clock.learn(BUILT + 9000, FLOOR)
    assert clock.unix() == BUILT + 100


def test_a_better_or_equal_source_may_set_the_clock_back_but_not_behind_what_is_proved():
    clock = Clock(BUILT, ticks=Ticks())
    assert clock.learn(BUILT + 500, FLOOR)
    assert clock.learn(BUILT + 9000, SET)
    assert not clock.learn(BUILT + 499, TRUSTED)
    assert clock.learn(BUILT + 600, TRUSTED)
    assert clock.unix() == BUILT + 600


def test_the_floor_survives_a_reset():
    store = Store()
    Clock(BUILT, store, ticks=Ticks()).learn(BUILT + 40_000, FLOOR)
    again = Clock(BUILT, store, ticks=Ticks())
    assert (again.quality, again.unix(), again.floor) == (FLOOR, None, BUILT + 40_000)
    assert not again.learn(BUILT + 39_999, SET)


def test_the_time_set_last_is_a_floor_after_a_reset_but_proves_nothing():
    store = Store()
    Clock(BUILT, store, ticks=Ticks()).learn(BUILT + 10**9, SET)  # two servers that lie
    again = Clock(BUILT, store, ticks=Ticks())
    assert (again.quality, again.unix(), again.floor) == (FLOOR, None, BUILT + 10**9)
    assert again.learn(BUILT + 5000, SET)  # two that do not
    assert Clock(BUILT, store, ticks=Ticks()).floor == BUILT + 5000


def test_a_signed_date_disproves_a_set_clock_that_is_far_behind_and_no_other():
    clock = Clock(BUILT, ticks=Ticks())
    assert clock.learn(BUILT + 1000, SET)
    assert not clock.learn(BUILT + 1300, FLOOR)
    assert (clock.quality, clock.unix()) == (SET, BUILT + 1000)
    assert clock.learn(BUILT + 1301, FLOOR)
    assert (clock.quality, clock.unix(), clock.floor) == (FLOOR, None, BUILT + 1301)
    assert not clock.learn(BUILT + 1300, SET)
    assert clock.learn(BUILT + 1301, SET)


def test_a_signed_date_is_kept_though_the_clock_says_later():
    store = Store()
    clock = Clock(BUILT, store, ticks=Ticks())
    assert clock.learn(BUILT + 90_000, SET)
    assert not clock.learn(BUILT + 80_000, FLOOR)
    assert not clock.learn(BUILT + 79_999, SET)
    assert not Clock(BUILT, store, ticks=Ticks()).learn(BUILT + 79_999, SET)


@pytest.mark.parametrize("quality", [FLOOR, SET])
def test_a_time_is_written_at_most_once_an_hour_of_gain(quality):
    store = Store()
    clock = Clock(BUILT, store, ticks=Ticks())
    for second in range(4000, 11_000, 10):
        clock.learn(BUILT + second, quality)
    assert store.writes == 2


@given(
    st.lists(
        st.tuples(st.sampled_from([FLOOR, SET, TRUSTED]), st.integers(-(10**6), 10**8), st.booleans()),
        max_size=30,
    )
)
def test_the_time_is_never_before_the_release_over_any_resets(lessons):
    ticks, store = Ticks(), Store()
    clock = Clock(BUILT, store, ticks=ticks)
    for quality, offset, reset in lessons:
        ticks.true_ms += 1000
        if reset:
            clock = Clock(BUILT, store, ticks=ticks)
        clock.learn(BUILT + offset, quality)
        assert clock.floor >= BUILT
        assert clock.unix() is None or clock.unix() >= BUILT


def test_on_the_interpreter_the_port_epoch_does_not_show(micropython):
    out = micropython(
        """
from firmware.clock import Clock
clock = Clock(1795478400)
print(clock.quality, clock.unix(), clock.floor, clock.learn(1795478401, "set"), clock.unix())
"""
    )
    assert out.split() == ["floor", "None", "1795478400", "True", "1795478401"]
