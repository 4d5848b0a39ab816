"""Model profiles: ours are right, and each kind of mistake is refused with the line to mend."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from host_tests.tools.model_files import MODELS, ROOT, Tree
from nameplate.errors import NameplateError
from nameplate.factory import device_model, profile, thermistor
from nameplate.factory.json_lines import lines_of
from nameplate.factory.profile_pins import CHIPS, fitted
from nameplate.factory.profile_rules import depends_on
from nameplate.factory.rules import compile_rules

SHAPE = profile.schema(ROOT, "schema")
PARTS = {name: thermistor.load(ROOT, name) for name in thermistor.parts(ROOT)}
TEXTS = {folder: (ROOT / f"models/{folder}/profile.json").read_text() for folder in MODELS}


def check(text: str | bytes) -> dict:
    return profile.check(text if isinstance(text, bytes) else text.encode(), SHAPE, "profile.json", PARTS)


def refused(text: str | bytes) -> str:
    with pytest.raises(NameplateError) as caught:
        check(text)
    assert caught.value.exit_code == 2
    return caught.value.message


@pytest.mark.parametrize("name", ["schema", "catalogue.schema", "words.schema"])
def test_the_schemas_are_schemas(name):
    Draft202012Validator.check_schema(json.loads((ROOT / f"models/{name}.json").read_bytes()))


def test_three_appliances_are_shipped_and_right():
    assert profile.models(ROOT) == sorted(MODELS)
    found = [profile.load(ROOT, folder) for folder in MODELS]
    assert [(one.model, one.name) for one in found] == [
        ("GS-45", "dishwasher"),
        ("KF-320", "fridge-freezer"),
        ("WM-90", "washing machine"),
    ]


SENSORS = {
    "kf320": "pan leak, fridge ntc, freezer ntc, evap ntc, door switch",
    "gs45": "base float, floor probe, water ntc, door switch, heater switch, inlet switch, drain switch, level switch",
    "wm90": "base leak, water ntc, sump ds18b20, door switch, heater switch, inlet switch, drain switch, level switch",
}
CODES = {
    "kf320": "L01 L02 T01 T02 T03 C01 C02 C03 D01 D02 S01 S02 S03 S04 S05",
    "gs45": "L01 L02 L03 H01 H02 F01 F02 F03 D01 S01 S02",
    "wm90": "L01 L02 H01 H02 H03 F01 F02 D01 S01 S02 S03",
}


@pytest.mark.parametrize("folder", MODELS)
def test_sensors_and_codes_are_what_others_build_on(folder):
    content = check(TEXTS[folder])
    assert ", ".join(f"{one['name']} {one['kind']}" for one in content["sensors"]) == SENSORS[folder]
    assert " ".join(one["code"] for one in content["faults"]) == CODES[folder]


@pytest.mark.parametrize("folder", MODELS)
def test_every_temperature_that_a_fault_rests_on_has_a_health_fault_that_silences_it(folder):
    content = check(TEXTS[folder])
    kinds = {one["name"]: one["kind"] for one in content["sensors"]}
    judged = {one["sensor"] for one in content["faults"] if one["rule"] == "health"}
    by_code = {one["code"]: one for one in content["faults"]}
    for fault in content["faults"]:
        for name in depends_on(fault, by_code):
            if kinds[name] in ("ntc", "ds18b20", "leak", "probe"):
                assert name in judged, (fault["code"], name)


def test_a_sensor_without_a_pin_is_not_fitted_on_that_chip():
    content = check(TEXTS["kf320"])
    assert fitted(content, "esp32c3") == {"pan", "fridge", "freezer", "evap"}
    assert (
        fitted(content, "esp32") == fitted(content, "esp32s3") == {"pan", "fridge", "freezer", "evap", "door"}
    )
    dishwasher = check(TEXTS["gs45"])
    assert "floor" in fitted(dishwasher, "esp32")


C3_LINE = '"pan": 0, "fridge": 1, "freezer": 3, "evap": 4, "door": null, "alarm": 10, "button": 5'

# (model, where to look from, what is there, what a mistake puts there, what the refusal says)
KF, GS, WM = MODELS[1], MODELS[0], MODELS[2]
MISTAKES = [
    # The shape.
    (KF, "", '"KF-320"', '"kf 320"', 'model: "kf 320" does not match'),
    (KF, "", '"fridge-freezer"', "7", 'name: 7 is not of type "string"'),
    (KF, "", '"pull_up_ohm": 47000', '"pull_up_ohm": 47000.5', "47000.5 is not a whole number"),
    (KF, "", '"pull_up_ohm": 47000', '"pull_up_ohm": 47000.0', "47000.0 is not a whole number"),
    (KF, "", '"pull_up_ohm": 47000', '"pull_up_ohm": "47k"', '"47k" is not of type "integer"'),
    (KF, "", '"pull_up_ohm": 47000', '"pull_up_ohm": true', 'true is not of type "integer"'),
    (KF, "", '"pull_up_ohm": 47000', '"pull_up_ohm": 99999999999999999999', "the number is too large"),
    (KF, "", '"kind": "ntc"', '"kind": "thermocouple"', '"thermocouple" is not one of'),
    (KF, "", '"rule": "wet"', '"rule": "damp"', '"damp" is not one of'),
    (KF, "", '"address": 39', '"address": 200', "200 is greater than the maximum"),
    (KF, '"button": {', '"active": "low"', '"active": "sometimes"', '"sometimes" is not one of'),
    (KF, '"faults"', '"code": "L01"', '"code": "leak"', '"leak" does not match'),
    (KF, '"sensors"', '"base pan"', '"base \\u001b[2J"', "does not match"),
    (KF, '"sensors"', '"debounce_ms": 40', '"debounce_ms": 60', "60 is greater than the maximum"),
    # Pins.
    (KF, '"esp32"', '"button": 4', '"button": 36', "input only"),
    (KF, '"esp32"', '"button": 4', '"button": 12', "strapping"),
    (KF, '"esp32"', '"scl": 22', '"scl": 6', "flash"),
    (KF, '"esp32"', '"sda": 21', '"sda": 22', "GPIO 22 is already used for scl"),
    (KF, '"esp32"', '"sda": 21', '"sda": 20', "esp32 has no GPIO 20"),
    (KF, '"esp32"', '"sda": 21', '"sda": 1', "the console's UART"),
    (KF, '"esp32"', '"pan": 34', '"pan": 26', "not on ADC1, the converter that works beside Wi-Fi"),
    (KF, '"esp32"', '"door": 27', '"door": 39', "input only"),
    (KF, '"esp32"', '"fridge": 35', '"cellar": 35', "has no pin for sensor fridge"),
    (KF, '"esp32"', '"alarm": 25', '"alarm": null', "every board has the alarm output"),
    (KF, '"esp32"', '"pan": 34', '"pan": null', "may not be left out"),
    (
        KF,
        '"esp32c3"',
        C3_LINE,
        C3_LINE.replace('"pan": 0', '"pan": 5').replace('"button": 5', '"button": 0'),
        "not on ADC1",
    ),
    (KF, '"esp32c3"', '"pan": 0', '"pan": 2', "strapping"),
    (KF, '"esp32c3"', '"alarm": 10', '"alarm": 18', "USB console"),
    (KF, '"esp32s3"', '"fridge": 2,', '"fridge": 13,', "not on ADC1"),
    (KF, '"esp32s3"', '"scl": 9', '"scl": 45', "strapping"),
    (KF, '"esp32s3"', '"scl": 9', '"scl": 23', "esp32s3 has no GPIO 23"),
    (KF, '"esp32s3"', '"scl": 9', '"scl": 35', "octal"),
    (GS, '"esp32"', '"floor_a": 32', '"floor_a": 36', "cannot serve an electrode's drive"),
    (GS, '"esp32"', '"floor_b": 33', '"floor_b": null', "all three pins of probe floor are null, or none"),
    (GS, '"esp32"', '"floor_b": 33', '"flour_b": 33', "has no pin for sensor floor"),
    (GS, '"esp32"', '"base": 27', '"base": 39', "a float switch, which needs the chip's pull-up"),
    (WM, '"esp32"', '"sump": 26', '"sump": 36', "a DS18B20, which the chip must pull low"),
    # Limits of sensors.
    (
        KF,
        '"pan"',
        '"dry_above_ohm": 25000',
        '"dry_above_ohm": 9000',
        "wet_below_ohm < dry_above_ohm < end_ohm",
    ),
    (
        KF,
        '"pan"',
        '"dry_above_ohm": 25000',
        '"dry_above_ohm": 47000',
        "wet_below_ohm < dry_above_ohm < end_ohm",
    ),
    (KF, '"name": "pan"', '"sample_ms": 20', '"sample_ms": 40', "the alarm is late"),
    (KF, '"name": "pan"', '"end_ohm": 47000', '"end_ohm": 470000', "a dry loop gives 3000000 uV"),
    (KF, '"name": "pan"', '"short_below_uv": 175000', '"short_below_uv": 50000', "a short would not be seen"),
    (
        KF,
        '"name": "pan"',
        '"open_above_uv": 2850000',
        '"open_above_uv": 3300000',
        "open_above_uv < supply_uv",
    ),
    (KF, '"name": "pan"', '"open_above_uv": 2850000', '"open_above_uv": 2900000', "at most 2850000"),
    (KF, '"name": "fridge"', '"stale_ms": 10000', '"stale_ms": 1000', "at least two samples"),
    (
        KF,
        '"name": "fridge"',
        '"part": "semitec-103at-2"',
        '"part": "semitec-1"',
        "no part semitec-1 in models/parts",
    ),
    (KF, '"name": "fridge"', '"max_milli": 60000', '"max_milli": -20000', "min_milli < max_milli"),
    (
        KF,
        '"name": "fridge"',
        '"min_milli": -20000',
        '"min_milli": -50000',
        "a good sensor would be called open",
    ),
    (
        KF,
        '"name": "fridge"',
        '"max_milli": 60000',
        '"max_milli": 110000',
        "a good sensor would be called shorted",
    ),
    (KF, '"name": "fridge"', '"max_milli": 60000', '"max_milli": 120000', "has no value at 120 C"),
    (KF, '"name": "fridge"', '"stuck_s": 43200', '"stuck_s": 60', "a hundred samples"),
    (KF, '"name": "fridge"', '"stuck_milli": 150', '"stuck_milli": 0', "stuck_milli must be above 0"),
    (KF, '"sensors"', '"name": "fridge"', '"name": "pan"', "sensor name pan is already taken"),
    (KF, '"sensors"', '"name": "fridge"', '"name": "alarm"', "sensor name alarm is already taken"),
    (KF, '"name": "door"', '["closed", "open"]', '["open", "open"]', "must differ"),
    (
        GS,
        '"name": "floor"',
        '"wet_below_ohm": 40000',
        '"wet_below_ohm": 1000',
        "short_below_ohm < wet_below_ohm",
    ),
    (GS, '"name": "floor"', '"short_below_ohm": 2500', '"short_below_ohm": 500', "a short would not be seen"),
    (GS, '"name": "floor"', '"end_ohm": 100000', '"end_ohm": 50000', "dry_above_ohm < end_ohm"),
    (GS, '"name": "floor"', '"series_ohm": 47000', '"series_ohm": 22000', "a cut cable would not be seen"),
    (GS, '"name": "floor"', '"debounce_ms": 200', '"debounce_ms": 30', "at least one sample"),
    (WM, '"agrees"', '"sensor": "sump"', '"sensor": "cellar"', "no sensor cellar"),
    (WM, '"agrees"', '"sensor": "sump"', '"sensor": "door"', "agrees with another temperature only"),
    (WM, '"agrees"', '"sensor": "sump"', '"sensor": "water"', "agrees with another temperature only"),
    (WM, '"agrees"', '"for_s": 900', '"for_s": 1', "for_s must be at least two samples"),
    # Faults.
    (KF, '"rule": "wet"', '"sensor": "pan"', '"sensor": "tray"', "no sensor tray"),
    (KF, '"rule": "wet"', '"sensor": "pan"', '"sensor": "fridge"', "wet is for leak, float or probe"),
    (KF, '"faults"', '"code": "L02"', '"code": "L01"', "fault code L01 is given twice"),
    (KF, '"faults"', '"of": "L01"', '"of": "T01"', "T01 is no wet rule above it"),
    (KF, '"code": "T01"', '"sensor": "fridge"', '"sensor": "door"', "door is of kind switch"),
    (KF, '"code": "T01"', '"clear_milli": 7000', '"clear_milli": 9000', "clear_milli < limit_milli"),
    (KF, '"code": "T02"', '"clear_milli": 2000', '"clear_milli": -1000', "limit_milli < clear_milli"),
    (KF, '"code": "T01"', '"limit_milli": 9000', '"limit_milli": 70000', "fridge reaches from -20 C to 60 C"),
    (KF, '"code": "T01"', '"confirm_s": 10800', '"confirm_s": 60', "confirm_s must be at least average_s"),
    (KF, '"code": "C01"', '"clear_milli": -12000', '"clear_milli": -5000', "clear_milli < from_milli"),
    (KF, '"code": "C02"', '"rest_s": 900', '"rest_s": 1296000', "rest_s < window_s"),
    (KF, '"code": "D02"', '"above_milli": 8000, ', "", "above_milli is missing"),
    (
        KF,
        '"code": "D01"',
        '"limit_s": 300',
        '"above_milli": 8000, "limit_s": 300',
        "for temperatures, door is none",
    ),
    (KF, '"code": "S03"', '"sensor": "freezer"', '"sensor": "fridge"', "S02 already tells of fridge"),
    (GS, '"code": "H01"', '"gate": "heater"', '"gate": "stove"', "no sensor stove"),
    (GS, '"code": "H01"', '"gate": "heater"', '"gate": "floor"', "floor is no switch"),
    (GS, '"code": "H01"', '"clear_milli": 46000', '"clear_milli": 40000', "from_milli < clear_milli"),
    (
        GS,
        '"code": "F01"',
        '"sensor": "level"',
        '"sensor": "water"',
        "water is no switch, while.sensor must be one",
    ),
    (GS, '"code": "F01"', '"sensor": "level"', '"sensor": "inlet"', "while.sensor is the fault's own sensor"),
]


@pytest.mark.parametrize(("model", "anchor", "right", "wrong", "said"), MISTAKES)
def test_a_mistake_is_refused_with_its_line(model, anchor, right, wrong, said):
    text = TEXTS[model]
    at = text.index(right, text.index(anchor))
    message = refused(text[:at] + wrong + text[at + len(right) :])
    line = text.count("\n", 0, at) + 1
    assert said in message
    # A pin that is missing is told at the chip's line, a member that is missing at its object's.
    above = 1 if "has no pin" in said or "is missing" in said else 0
    assert message.startswith("profile.json line ")
    told = int(message.split()[2].rstrip(":"))
    assert line - above <= told <= line, message


def test_a_pin_for_no_sensor_is_refused():
    assert "belongs to no sensor" in refused(TEXTS["kf320"].replace('"sda": 21', '"sda": 21, "cellar": 39'))


def test_a_missing_member_is_named_with_the_line_of_its_object():
    text = TEXTS["kf320"]
    message = refused(text.replace('      "end_ohm": 47000,\n', ""))
    assert '"end_ohm" is a required property' in message
    opened = text[: text.index('      "name": "pan"')].count("\n")
    assert f"line {opened}:" in message


def test_an_unknown_member_is_refused():
    assert "'colour' was unexpected" in refused(
        TEXTS["kf320"].replace('"model": "KF-320"', '"model": "KF-320", "colour": 1')
    )


def test_a_member_given_twice_is_refused_at_the_second_line():
    text = TEXTS["kf320"]
    twice = text.replace('"stuck_s": 43200,', '"stuck_s": 43200,\n      "part": "semitec-103at-2",', 1)
    line = text[: text.index('"stuck_s"')].count("\n") + 2
    assert refused(twice).startswith(f"profile.json line {line}: sensors.1.part is given twice")


def test_text_that_is_not_json_names_the_line():
    text = TEXTS["kf320"]
    after = text[: text.index('"end_ohm"')].count("\n") + 2
    assert refused(text.replace('"end_ohm": 47000,', '"end_ohm": 47000')).startswith(
        f"profile.json line {after}: "
    )
    line = text[: text.index("fridge compartment")].count("\n") + 1
    assert refused(text.encode().replace(b"fridge compartment", b"fridge \xff")).startswith(
        f"profile.json line {line}: not UTF-8"
    )


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "7",
        "null",
        '"\\ud800"',
        "[" * 5000 + "]" * 5000,
        "NaN",
        '{"model": Infinity}',
        "1e999",
        "{" * 40,
    ],
)
def test_what_is_no_profile_at_all_is_refused(text):
    assert refused(text).startswith("profile.json line 1: ")


def test_the_number_of_further_mistakes_is_told():
    message = refused(TEXTS["kf320"].replace('"pan": 34', '"pan": 26').replace('"alarm": 10', '"alarm": 18'))
    assert "line 6" in message
    assert message.endswith("(and 1 more)")


def test_an_unknown_model_lists_those_there_are():
    with pytest.raises(NameplateError) as caught:
        profile.load(ROOT, "../models/kf320")
    assert "kf320" in caught.value.hint


def test_one_file_is_enough_for_a_new_part(tmp_path: Path):
    tree = Tree(tmp_path)
    tree.path("parts/acme-9.json").write_bytes(tree.path("parts/semitec-103at-2.json").read_bytes())
    tree.change("kf320/profile.json", '"name": "fridge"', "semitec-103at-2", "acme-9")
    assert profile.load(tmp_path, "kf320").content["sensors"][1]["part"] == "acme-9"


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=100)
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


def places(value, where=()):
    """Every place in a JSON value."""
    yield where
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, inner in inside:
        yield from places(inner, (*where, name))


PLACES = {folder: list(places(json.loads(text))) for folder, text in TEXTS.items()}
ODD = (
    VALUES
    | st.floats()
    | st.integers(-200000, 4000000)
    | st.sampled_from(
        ["pan", "water", "door", "L01", "wet", "trend", "leak", "probe", "ds18b20", "esp32", 0, -1, 2**40]
    )
)


@settings(max_examples=250, deadline=None)
@given(st.data(), st.sampled_from(MODELS))
def test_a_profile_with_anything_in_it_is_right_or_refused_with_a_line(data, folder):
    content = json.loads(TEXTS[folder])
    for _ in range(data.draw(st.integers(1, 3))):
        where = data.draw(st.sampled_from(PLACES[folder]))
        try:
            holder = content
            for name in where[:-1]:
                holder = holder[name]
            what = data.draw(st.sampled_from(["set", "drop", "copy"]))
            if not where:
                content = data.draw(ODD)
            elif what == "drop":
                del holder[where[-1]]
            elif what == "copy" and isinstance(holder, list):
                holder.append(holder[where[-1]])
            else:
                holder[where[-1]] = data.draw(ODD)
        except (KeyError, IndexError, TypeError):
            continue  # an earlier change took the place away
    text = json.dumps(content, indent=data.draw(st.sampled_from([None, 1])))
    try:
        found = check(text)
    except NameplateError as error:
        _, _, rest = error.message.partition("profile.json line ")
        assert 1 <= int(rest.split(":")[0]) <= text.count("\n") + 1
    else:
        assert found == content
        assert all(chip in CHIPS and fitted(found, chip) for chip in found["pins"])
        # What is right can be made ready for the device.
        entries = [{"code": fault["code"], "severity": "notice"} for fault in found["faults"]]
        device_model.profile(profile.Profile(folder, "M", "m", found, {"en": entries}, {}, PARTS))
        compile_rules(found, {fault["code"]: 1 for fault in found["faults"]})
