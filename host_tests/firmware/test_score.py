"""The anomaly score: the device's own arithmetic, on CPython for many inputs and on MicroPython for the same answers."""

import json
import random
import sys
from array import array
from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

# On CPython, where many inputs are quick to try, a constant is its number.
sys.modules.setdefault("micropython", SimpleNamespace(const=lambda number: number))
from firmware.diagnosis.score import CELLS, step

INT32 = 1 << 31


def scores(values, dt_s=300, start=0):
    """The score of each value, five minutes apart from midnight on."""
    cells = array("i", [0] * CELLS)
    return [
        step(cells, value, dt_s if i else 0, (start + i * dt_s) % 86400) for i, value in enumerate(values)
    ]


def calm(rng, count):
    """Four degrees, give or take: a fridge in thousandths."""
    return [4000 + round(rng.gauss(0, 200)) for _ in range(count)]


def test_it_fits_the_memory_it_may_have():
    assert CELLS <= 400


@pytest.mark.parametrize("unit", [1, 1000, 10**12])
@pytest.mark.parametrize(
    "trouble",
    ["shift", "noise", "stuck"],
)
def test_hours_of_trouble_stand_out_of_weeks_of_calm_in_any_unit(trouble, unit):
    rng = random.Random(5)
    values = calm(rng, 4000)
    for i in range(3000, 3096):
        if trouble == "shift":
            values[i] += 900
        elif trouble == "noise":
            values[i] += round(rng.gauss(0, 1200))
        else:
            values[i] = values[2999]
    found = scores([value * unit for value in values])
    before = sorted(found[600:3000])
    assert max(found[3024:3096]) > before[-1]
    assert sum(found[3048:3096]) / 48 > 1.5 * before[len(before) * 99 // 100]


def test_a_daily_swing_is_not_trouble_but_its_absence_is():
    from math import sin

    rng = random.Random(3)
    values = [round(20000 + 3000 * sin(i * 6.2832 / 288) + rng.gauss(0, 150)) for i in range(288 * 20)]
    at = 288 * 16
    values[at : at + 288] = [round(20000 + rng.gauss(0, 150)) for _ in range(288)]
    found = scores(values)
    before = sorted(found[288 * 3 : at])
    assert sum(found[at + 36 : at + 288]) / 252 > 1.5 * before[len(before) * 99 // 100]


def test_the_evidence_is_gone_a_day_after_the_trouble():
    values = calm(random.Random(8), 4000)
    for i in range(2000, 2100):
        values[i] += 1500
    found = scores(values)
    assert max(found[2400:2700]) < max(found[2050:2100]) / 2


def test_the_first_hours_say_nothing():
    found = scores([10**9 * (-1) ** i for i in range(48)])
    assert set(found) == {0}


def test_a_series_that_never_moves_is_calm():
    assert max(scores([7] * 3000)) < 200


def test_a_wild_value_costs_no_resolution_for_what_follows():
    values = calm(random.Random(2), 4000)
    quiet = scores(values)
    values[1000] = 10**30
    found = scores(values)
    assert sum(abs(a - b) for a, b in zip(quiet[2500:], found[2500:], strict=True)) / 1500 < 40


def test_no_row_knows_the_rows_after_it():
    rng = random.Random(4)
    values = calm(rng, 1200)
    found = scores(values)
    for cut in (1, 60, 400, 1199):
        assert scores(values[:cut] + [10**9 * rng.randint(-9, 9) for _ in range(50)])[:cut] == found[:cut]


@pytest.mark.parametrize("dt_s", [1, 20, 60, 299, 301, 600, 900, 3600])
def test_other_intervals_find_the_same_trouble(dt_s):
    rng = random.Random(6)
    days = 12
    if dt_s < 60:
        days = 2
    count = days * 86400 // dt_s
    values = [4000 + round(rng.gauss(0, 200)) for _ in range(count)]
    first, last = count * 8 // 10, count * 8 // 10 + 28800 // dt_s
    for i in range(first, last):
        values[i] += 1500
    found = scores(values, dt_s)
    before = sorted(found[count // 10 : first])
    assert sum(found[first:last]) / (last - first) > 1.2 * before[len(before) * 99 // 100]


def test_across_a_gap_nothing_is_compared():
    values = calm(random.Random(7), 1500)
    cells = array("i", [0] * CELLS)
    found = []
    for i, value in enumerate(values):
        found.append(step(cells, value, 86400 * 5 if i == 1000 else 300, i * 300 % 86400))
    assert max(found[1000:1050]) <= max(found[600:1000]) + 20


@settings(max_examples=120, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.one_of(
                st.integers(-(10**40), 10**40), st.integers(-5, 5), st.sampled_from([0, 2**31, -(2**31)])
            ),
            st.one_of(st.just(300), st.integers(-10, 10**6), st.integers(0, 2**40)),
            st.integers(0, 90000),
            st.integers(1, 80),
        ),
        max_size=25,
    ),
    st.integers(0, 2**30),
)
def test_whatever_comes_it_answers_and_every_cell_stays_a_cell(rows, seed):
    rng = random.Random(seed)
    cells = array("i", [0] * CELLS)  # an array of C ints refuses what does not fit
    for value, dt_s, second, times in rows:
        for _ in range(times):
            found = step(cells, value + rng.randint(-3, 3) * rng.choice((0, 1, abs(value))), dt_s, second)
            assert 0 <= found <= 1000
    assert all(-INT32 <= cell < INT32 for cell in cells)


def test_the_device_gives_the_same_scores_as_the_host(micropython, tmp_path):
    rng = random.Random(1)
    rows, at = [], 0
    for i in range(1500):
        dt_s = rng.choice((300, 300, 300, 299, 60, 900, 40000))
        at += dt_s
        value = rng.choice((10**14, -(10**12), 3)) if i % 500 == 499 else round(rng.gauss(0, 10**9) + 10**10)
        rows.append((value, dt_s, at % 86400))
    (tmp_path / "rows.json").write_text(json.dumps(rows))
    cells = array("i", [0] * CELLS)
    here = [step(cells, *row) for row in rows]
    there = micropython(
        """
import json
from array import array
from firmware.diagnosis.score import CELLS, step
cells = array("i", [0] * CELLS)
with open("rows.json") as file:
    rows = json.load(file)
print(json.dumps([step(cells, *row) for row in rows] + list(cells)))
"""
    )
    assert json.loads(there) == here + list(cells)
