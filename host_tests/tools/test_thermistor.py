"""Thermistor parts: what the makers publish is what the device's table says, and a wrong part file is refused."""

import copy
import math
from itertools import pairwise

import pytest

from nameplate.factory import thermistor
from nameplate.factory.refused import Refused
from nameplate.factory.sources import device_root

SUPPLY_UV = 3_300_000
PARTS = thermistor.parts(device_root())


def part(name):
    return thermistor.load(device_root(), name)


def test_there_are_a_5k_a_10k_and_a_100k_of_three_makers():
    found = [part(name) for name in PARTS]
    assert {5_000, 10_000, 100_000} <= {each.r25_ohm for each in found}
    assert len({each.maker for each in found}) >= 3
    assert all(each.low_c <= -40 and each.high_c >= 105 for each in found)


@pytest.mark.parametrize("name", PARTS)
def test_the_curve_goes_through_every_published_point_and_falls_between(name):
    found = part(name)
    for celsius, ohm in found.published:
        assert found.ohm(celsius) == pytest.approx(ohm, rel=1e-9)
    ohms = [found.ohm(tenths / 10) for tenths in range(round(found.low_c * 10), round(found.high_c * 10) + 1)]
    assert all(more > less for more, less in pairwise(ohms))


@pytest.mark.parametrize("name", [name for name in PARTS if not part(name).formula])
def test_a_point_left_out_is_found_again_from_its_neighbours(name):
    """The curve between points: each inner one is foretold by the rest, though they are then 10 K apart."""
    found = part(name)
    for index in range(2, len(found.published) - 2):
        celsius, ohm = found.published[index]
        if -40 <= celsius <= 85:
            rest = (*found.published[:index], *found.published[index + 1 :])
            without = thermistor.Part(**{**vars(found), "published": rest})
            slope = (without.ohm(celsius + 1) - without.ohm(celsius - 1)) / 2
            assert abs((without.ohm(celsius) - ohm) / slope) <= 0.1, celsius


def test_what_a_maker_does_not_publish_is_not_given():
    with pytest.raises(ValueError, match="published from -40 to 125"):
        part("murata-ncp15wf104").ohm(-40.1)


@pytest.mark.parametrize("name", PARTS)
def test_the_table_falls_and_covers_the_range(name):
    first, step, table = thermistor.points(part(name), 22_000, SUPPLY_UV)
    volts = [int.from_bytes(table[at : at + 2], "little") * 64 for at in range(0, len(table), 2)]
    assert first == -40_000
    assert first + step * (len(volts) - 1) == 105_000
    assert all(more > less for more, less in pairwise(volts))
    assert len(table) <= 120  # it is heap on the device
    for index, uv in enumerate(volts):
        ohm = part(name).ohm((first + index * step) / 1000)
        assert math.isclose(uv, SUPPLY_UV * ohm / (ohm + 22_000), abs_tol=64)


def test_a_narrower_range_makes_a_shorter_table():
    first, step, table = thermistor.points(part("semitec-103at-2"), 22_000, SUPPLY_UV, -1_000, 60_100)
    assert (first, step, len(table)) == (-2500, 2500, 2 * 27)  # -2.5 to 62.5 degC: all of it


@pytest.mark.parametrize(
    ("pull_up", "supply", "low", "high"),
    [(0, SUPPLY_UV, -40_000, 85_000), (10_000, 0, -40_000, 85_000), (10_000, 5_000_000, -40_000, 85_000),
     (10_000, SUPPLY_UV, 85_000, 85_000), (10**9, SUPPLY_UV, -40_000, 85_000)],
)  # fmt: skip
def test_no_table_where_none_can_be(pull_up, supply, low, high):
    with pytest.raises(ValueError, match="no table"):
        thermistor.points(part("semitec-103at-2"), pull_up, supply, low, high)


def test_an_unknown_part_is_refused_with_those_there_are():
    with pytest.raises(Refused) as refused:
        thermistor.load(device_root(), "nobody-x")
    assert "nobody-x" in str(refused.value)
    assert "semitec-103at-2" in refused.value.hint


GOOD = {
    "part": "X", "maker": "Y", "source": "Z", "r25_ohm": 10_000, "r_tol_ppm": 10_000, "b_k": 3435,
    "b_tol_ppm": 10_000, "unit": "kohm", "points": [[0, 27.28], [10, 17.96], [25, 10.0], [30, 8.313]],
}  # fmt: skip
FORMULA = {"A": -14.6337, "B": 4791.842, "C": -115334, "D": -3730535}


def without(*names, **others):
    return {name: value for name, value in {**copy.deepcopy(GOOD), **others}.items() if name not in names}


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (without("source"), "source must be text"),
        (without(r25_ohm=10_000.5), "r25_ohm must be a whole number"),
        (without(b_k=True), "b_k must be a whole number"),
        (without(r_tol_ppm=600_000), "tolerance"),
        (without("points"), "one of points and formula"),
        (without(formula=FORMULA), "one of points and formula"),
        (without(unit="mohm"), "unit must be"),
        (without(points=[[0, 27.28]]), "four or more"),
        (without(points=[[0, 27.28], [10, 17.96], [25, "10"], [30, 8.313]]), "is not"),
        (without(points=[[0, 27.28], [10, 17.96], [10, 10.0], [30, 8.313]]), "at 10 degC"),
        (without(points=[[0, 17.96], [10, 27.28], [25, 10.0], [30, 8.313]]), "at 10 degC"),
        (without(points=[[0, 27.28], [10, 17.96], [25, 9.9], [30, 8.313]]), "at 25 degC"),
        (without(points=[[30, 8.313], [40, 5.827], [50, 4.16], [60, 3.02]]), "at 25 degC"),
        (without("points", formula={**FORMULA, "E": 1}, from_c=-40, to_c=125), "A, B, C and D"),
        (without("points", formula=FORMULA), "must be numbers"),
        (without("points", formula=FORMULA, from_c=125, to_c=-40), "from_c must be below"),
        (without("points", formula={**FORMULA, "A": 10**6}, from_c=-40, to_c=125), "no resistance"),
    ],
)  # fmt: skip
def test_a_wrong_part_file_is_refused_with_what_is_wrong(content, why):
    with pytest.raises(Refused, match=why) as refused:
        thermistor.check(content, "x")
    assert str(refused.value).startswith("models/parts/x.json: ")
