"""SenML text: exact decimals, the shape of each record, and the same bytes on the real interpreter."""

import json
from decimal import Decimal
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib import senml


def reading(name="fridge", unit="Cel", milli=None, state=None, quality="ok"):
    return SimpleNamespace(name=name, unit=unit, milli=milli, state=state, quality=quality)


@pytest.mark.parametrize(
    ("milli", "text"),
    [
        (4812, "4.812"),
        (-500, "-0.5"),
        (0, "0"),
        (5000, "5"),
        (-5000, "-5"),
        (-40, "-0.04"),
        (7, "0.007"),
        (-1, "-0.001"),
        (22500, "22.5"),
        (100010, "100.01"),
        (-18312, "-18.312"),
    ],
)
def test_decimal_is_exact_and_short(milli, text):
    assert senml.decimal(milli) == text


@given(st.integers(-(2**40), 2**40))
def test_decimal_has_the_value_it_was_given(milli):
    text = senml.decimal(milli)
    assert Decimal(text) == Decimal(milli).scaleb(-3)
    assert "." not in text or not text.endswith("0")
    json.loads(text)


def test_a_number_carries_its_unit():
    assert senml.record(reading(milli=4812)) == '{"n":"fridge","u":"Cel","v":4.812}'


def test_a_number_without_unit():
    assert senml.record(reading(unit=None, milli=3000)) == '{"n":"fridge","v":3}'


@pytest.mark.parametrize(("state", "word"), [(True, "true"), (False, "false")])
def test_a_state_is_a_boolean(state, word):
    assert senml.record(reading(name="pan", unit=None, state=state)) == '{"n":"pan","vb":' + word + "}"


@pytest.mark.parametrize("quality", ["open", "short", "stale"])
def test_what_is_not_ok_has_no_value(quality):
    text = senml.record(reading(milli=85000, state=False, quality=quality))
    assert json.loads(text) == {"n": "fridge", "vs": quality}


def test_ok_without_a_value_is_not_believed():
    assert json.loads(senml.record(reading())) == {"n": "fridge", "vs": "stale"}


@given(st.text(max_size=20), st.integers(-200_000, 200_000))
def test_any_name_is_escaped(name, milli):
    parsed = json.loads(senml.record(reading(name=name, milli=milli)), parse_float=Decimal)
    assert parsed["n"] == name
    assert Decimal(parsed["v"]) == Decimal(milli).scaleb(-3)


def test_a_pack_keeps_the_order():
    text = senml.pack([reading("b", milli=1000), reading("a", state=True)])
    assert text == '[{"n":"b","u":"Cel","v":1},{"n":"a","vb":true}]'
    assert senml.pack([]) == "[]"


def test_the_real_interpreter_writes_the_same_text(micropython):
    values = [0, 1, -1, 10, -10, 999, -999, 1000, -1000, 4812, -18312, 85000, 2**31, -(2**31)]
    script = f"""
from lib import senml
class Reading: pass
for milli in {values}:
    print(senml.decimal(milli))
r = Reading(); r.name = 'a"\\\\\\n\\x01é'; r.unit = "Cel"; r.milli = -1; r.state = None; r.quality = "ok"
print(senml.record(r))
"""
    lines = micropython(script).splitlines()
    assert lines[:-1] == [senml.decimal(milli) for milli in values]
    assert json.loads(lines[-1]) == {"n": 'a"\\\n\x01é', "u": "Cel", "v": -0.001}
