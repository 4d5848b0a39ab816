"""The thermistor conversion stays within a tenth of a kelvin of the Beta model, computed here with doubles."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib import ntc

SUPPLY_UV = 3_300_000
MODELS = [(10_000, 3950, 10_000), (10_000, 3435, 10_000), (5_000, 3470, 4_700), (100_000, 4250, 47_000)]


def model_ohm(r25: int, beta: int, celsius: float) -> float:
    return r25 * math.exp(beta * (1 / (celsius + 273.15) - 1 / 298.15))


@pytest.mark.parametrize(("r25", "beta", "pull_up"), MODELS)
def test_error_over_the_whole_range_from_microvolts(r25, beta, pull_up):
    sensor = ntc.Ntc(r25, beta, pull_up, SUPPLY_UV)
    for tenths in range(-400, 851):
        ohm = model_ohm(r25, beta, tenths / 10)
        uv = round(SUPPLY_UV * ohm / (ohm + pull_up))
        assert abs(sensor.milli_celsius(uv) - tenths * 100) <= 100, tenths / 10


@given(st.sampled_from(MODELS), st.floats(-40, 85))
def test_error_from_ohm(model, celsius):
    r25, beta, pull_up = model
    ohm = model_ohm(r25, beta, celsius)
    sensor = ntc.Ntc(r25, beta, pull_up)
    rounding = 1000 * (celsius + 273.15) ** 2 / beta / ohm
    assert abs(sensor.milli_celsius_at(round(ohm)) - 1000 * celsius) <= 20 + rounding


@given(st.integers(1, 10**7), st.integers(1, 10**7))
def test_logarithm(numerator, denominator):
    error = ntc.ln(numerator, denominator) / 2**20 - math.log(numerator / denominator)
    # The shift keeps 24 bits of the ratio, so a very small one is coarse.
    assert abs(error) <= 0.00015 + denominator / numerator / 2**24


@given(st.integers(1, SUPPLY_UV - 1), st.integers(1, SUPPLY_UV - 1))
def test_more_voltage_is_never_warmer(one, other):
    sensor = ntc.Ntc(10_000, 3950, 10_000, SUPPLY_UV)
    low, high = sorted((one, other))
    try:
        warm = sensor.milli_celsius(low)
    except ValueError:  # hotter than the model reaches: only within a few microvolts of the rail
        assert low < 40
        return
    assert warm >= sensor.milli_celsius(high)


@pytest.mark.parametrize("uv", [-1, 0, SUPPLY_UV, SUPPLY_UV + 1])
def test_a_rail_is_no_temperature(uv):
    sensor = ntc.Ntc(10_000, 3950, 10_000, SUPPLY_UV)
    with pytest.raises(ValueError):
        sensor.milli_celsius(uv)
    with pytest.raises(ValueError):
        sensor.ohms(uv)


def test_on_the_device_interpreter(micropython):
    printed = micropython("""
from lib.ntc import Ntc
sensor = Ntc(10000, 3950, 10000, 3300000)
print([sensor.milli_celsius(uv) for uv in range(100000, 3300000, 100000)])
""")
    sensor = ntc.Ntc(10_000, 3950, 10_000, SUPPLY_UV)
    assert printed.strip() == str([sensor.milli_celsius(uv) for uv in range(100000, 3300000, 100000)])
