"""Model profiles: ours are right, and each kind of mistake is refused with the line to mend."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from nameplate.errors import NameplateError
from nameplate.factory import profile
from nameplate.factory.json_lines import lines_of

ROOT = Path(__file__).resolve().parents[2]
SCHEMA = json.loads((ROOT / "models/schema.json").read_bytes())
TEXT = (ROOT / "models/kf320/profile.json").read_text()


def check(text: str | bytes) -> dict:
    return profile.check(text if isinstance(text, bytes) else text.encode(), SCHEMA, "profile.json")


def refused(text: str | bytes) -> str:
    with pytest.raises(NameplateError) as caught:
        check(text)
    assert caught.value.exit_code == 2
    return caught.value.message


def test_the_schema_is_a_schema():
    Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize("folder", profile.models(ROOT))
def test_every_model_in_the_repository_is_right(folder):
    found = profile.load(ROOT, folder)
    assert json.loads(found.compact()) == found.content
    assert b"\n" not in found.compact()
    assert b": " not in found.compact()


def test_the_fridge_says_what_the_design_says():
    content = check(TEXT)
    assert (content["model"], content["name"]) == ("KF-320", "fridge-freezer")
    assert [(s["name"], s["kind"]) for s in content["sensors"]] == [("pan", "leak"), ("fridge", "ntc")]
    assert set(content["pins"]) == {"esp32", "esp32c3", "esp32s3"}
    (fault,) = content["faults"]
    assert (fault["code"], fault["sensor"], fault["part"]) == ("L01", "pan", "PN 7710 inlet valve")


def line_of(needle: str, text: str = TEXT) -> int:
    assert text.count(needle) == 1, f"{needle!r} is not there once"
    return text[: text.index(needle)].count("\n") + 1


# (what is there, what a mistake puts there, what the refusal says)
MISTAKES = [
    ('"KF-320"', '"kf 320"', 'model: "kf 320" does not match'),
    ('"fridge-freezer"', "7", 'name: 7 is not of type "string"'),
    ('"beta_k": 3950', '"beta_k": 3950.5', 'beta_k: 3950.5 is not of type "integer"'),
    ('"r25_ohm": 10000', '"r25_ohm": true', 'r25_ohm: true is not of type "integer"'),
    ('"kind": "ntc"', '"kind": "thermocouple"', '"thermocouple" is not one of'),
    ('"address": 39', '"address": 200', "200 is greater than the maximum"),
    ('"active": "low"', '"active": "sometimes"', '"sometimes" is not one of'),
    ('"code": "L01"', '"code": "leak"', '"leak" does not match'),
    ('"sensor": "pan"', '"sensor": "tray"', "no sensor tray"),
    ('"PN 7710 inlet valve"', '"PN 7710\\u001b[2J"', "does not match"),
    ('"dry_above_ohm": 25000', '"dry_above_ohm": 9000', "wet_below_ohm < dry_above_ohm < end_ohm"),
    ('"dry_above_ohm": 25000', '"dry_above_ohm": 47000', "wet_below_ohm < dry_above_ohm < end_ohm"),
    ('"debounce_ms": 40', '"debounce_ms": 60', "60 is greater than the maximum"),
    ('"sample_ms": 20', '"sample_ms": 40', "the alarm is late"),
    ('"stale_ms": 10000', '"stale_ms": 1000', "at least two samples"),
    ('"button": 4, "scl": 22', '"button": 36, "scl": 22', "input only"),
    ('"button": 4, "scl": 22', '"button": 12, "scl": 22', "strapping"),
    ('"scl": 22', '"scl": 6', "flash"),
    ('"sda": 21}', '"sda": 22}', "GPIO 22 is already used for scl"),
    ('"sda": 21}', '"sda": 20}', "esp32 has no GPIO 20"),
    ('"sda": 21}', '"sda": 1}', "the console's UART"),
    ('"pan": 34', '"pan": 27', "not on ADC1"),
    ('"fridge": 35', '"freezer": 35', "has no pin for sensor fridge"),
    ('"pan": 0', '"pan": 5', "not on ADC1"),
    ('"pan": 0', '"pan": 2', "strapping"),
    ('"alarm": 10', '"alarm": 18', "USB console"),
    ('"fridge": 2,', '"fridge": 13,', "not on ADC1"),
    ('"scl": 9', '"scl": 45', "strapping"),
    ('"scl": 9', '"scl": 23', "esp32s3 has no GPIO 23"),
]


@pytest.mark.parametrize(("right", "wrong", "said"), MISTAKES)
def test_a_mistake_is_refused_with_its_line(right, wrong, said):
    message = refused(TEXT.replace(right, wrong))
    assert message.startswith(f"profile.json line {line_of(right)}: "), message
    assert said in message


def test_a_pin_for_no_sensor_is_refused():
    assert "belongs to no sensor" in refused(TEXT.replace('"sda": 21}', '"sda": 21, "door": 39}'))


def test_a_missing_member_is_named_with_the_line_of_its_object():
    message = refused(TEXT.replace('      "end_ohm": 47000,\n', ""))
    assert '"end_ohm" is a required property' in message
    opened = line_of('      "name": "pan"') - 1
    assert f"line {opened}:" in message


def test_an_unknown_member_is_refused():
    assert "'colour' was unexpected" in refused(
        TEXT.replace('"model": "KF-320"', '"model": "KF-320", "colour": 1')
    )


def test_a_member_given_twice_is_refused_at_the_second_line():
    twice = TEXT.replace('"beta_k": 3950,', '"beta_k": 3950,\n      "r25_ohm": 5000,')
    assert refused(twice).startswith("profile.json line ")
    assert "sensors.1.r25_ohm is given twice" in refused(twice)


def test_text_that_is_not_json_names_the_line():
    after = line_of('"beta_k"') + 1
    assert refused(TEXT.replace('"beta_k": 3950,', '"beta_k": 3950')).startswith(
        f"profile.json line {after}: "
    )
    assert refused(TEXT.encode().replace(b"fridge compartment", b"fridge \xff")).startswith(
        f"profile.json line {line_of('fridge compartment')}: not UTF-8"
    )


def test_the_number_of_further_mistakes_is_told():
    message = refused(TEXT.replace('"pan": 34', '"pan": 27').replace('"alarm": 10', '"alarm": 18'))
    assert "line 5" in message
    assert message.endswith("(and 1 more)")


def test_an_unknown_model_lists_those_there_are():
    with pytest.raises(NameplateError) as caught:
        profile.load(ROOT, "../models/kf320")
    assert "kf320" in caught.value.hint


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=150)
@given(VALUES, st.sampled_from([None, 0, 2]), st.booleans())
def test_every_value_of_any_json_text_is_found_on_its_line(value, indent, ascii_only):
    text = json.dumps(value, indent=indent, ensure_ascii=ascii_only)
    lines, twice = lines_of(text)
    assert twice == []

    def walk(part, where):
        line = text.split("\n")[lines.pop(where) - 1]
        if isinstance(part, dict):
            for name, inner in part.items():
                walk(inner, (*where, name))
        elif isinstance(part, list):
            for index, inner in enumerate(part):
                walk(inner, (*where, index))
        else:
            assert json.dumps(part, ensure_ascii=ascii_only) in line

    walk(value, ())
    assert lines == {}
