"""The intervals of forecasts hold the truth as often as they say, over all kinds of ageing: a short version of the benchmark."""

import random

import pytest

from nameplate.bench import trend
from nameplate.bench.run import benches
from nameplate.bench.trend import KINDS, Course, Said, course, held, judged, said

PLAIN = KINDS["even"]


def test_eight_of_ten_hold_the_truth_over_all_kinds_and_none_is_far_off():
    shares = {}
    for number, (kind, bend) in enumerate(KINDS.items()):
        rng = random.Random(number)
        forecasts = judged([course(rng, bend) for _ in range(40)], every=4)
        assert len(forecasts) > 80, kind
        assert trend._brier(forecasts) < 0.15, kind
        shares[kind] = held(forecasts)
    assert 75 <= sum(shares.values()) / len(shares) <= 85
    assert all(60 <= share <= 98 for share in shares.values()), shares


def test_the_truth_is_when_the_course_itself_passes_its_limit_not_its_errors():
    for seed in range(20):
        made = course(random.Random(seed), PLAIN, rate=1.0)
        onset = random.Random(seed)
        onset.uniform(50, 80)
        assert made.reached is not None
        assert made.reached == pytest.approx(onset.randrange(5, 60) + 100 - made.limit, abs=0.01)
    assert course(random.Random(1), PLAIN, rate=0).reached is None


def test_held_counts_both_ends_of_an_interval():
    forecasts = [Said(9, 6, 15, 90, truth) for truth in (5.9, 6.0, 15.0, 15.1)]
    assert held(forecasts) == 50


def test_what_does_not_age_is_not_told():
    level = [100 + random.Random(day).gauss(0, 2) for day in range(trend._DAYS)]
    assert said([Course(60, level, None)]) == [[]]


def test_it_runs_only_when_it_is_named():
    assert not benches()["trend"].default
