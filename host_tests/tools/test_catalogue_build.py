"""Catalogues at build time: ours are whole and honest, a mistake is refused with file and line, a language is a file."""

from __future__ import annotations

import json
import re
import zlib
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from host_tests.tools.model_files import MODELS, ROOT, Tree
from nameplate.errors import NameplateError
from nameplate.factory import device_model, profile
from nameplate.factory.catalogue_source import CAUSES, LINE_LIMIT, SEVERITIES, TEXTS

CHECKED = {folder: profile.load(ROOT, folder) for folder in MODELS}
ALL = [
    pytest.param(folder, language, entry, id=f"{folder}-{language}-{entry['code']}")
    for folder, checked in CHECKED.items()
    for language, entries in checked.catalogue.items()
    for entry in entries
]


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    return Tree(tmp_path)


@pytest.mark.parametrize("folder", MODELS)
def test_every_code_is_worded_in_english_and_german_in_the_faults_order(folder):
    checked = CHECKED[folder]
    assert set(checked.catalogue) >= {"en", "de"}
    for entries in checked.catalogue.values():
        assert [entry["code"] for entry in entries] == [fault["code"] for fault in checked.content["faults"]]


@pytest.mark.parametrize(("folder", "language", "entry"), ALL)
def test_an_entry_says_all_that_it_has_to(folder, language, entry):
    assert entry["severity"] in SEVERITIES and entry["cause"] in CAUSES
    for name in TEXTS:
        assert entry[name] or name == "safety"
        assert "{" not in entry[name]
    assert len(entry["title"]) <= 40 and len(entry["next"]) <= 60
    if language == "en":
        assert entry["title"].isascii() and entry["next"].isascii()
    assert entry["parts"], "a technician is sent with something"
    assert all(number and name and count > 0 for number, name, count in entry["parts"])
    assert re.search(r"\d", entry["expect"]), "a value to expect"


@pytest.mark.parametrize("folder", MODELS)
def test_only_water_and_what_scalds_sounds_the_alarm(folder):
    sounds = {entry["code"] for entry in CHECKED[folder].catalogue["en"] if entry["severity"] == "alarm"}
    # Not a leak that returns: it stands for days, and the pan may be dry meanwhile.
    wet = {fault["code"] for fault in CHECKED[folder].content["faults"] if fault["rule"] == "wet"}
    assert wet <= sounds <= wet | {"H02"}


@pytest.mark.parametrize("folder", MODELS)
def test_a_sensors_fault_blames_the_sensor_and_says_what_is_not_watched(folder):
    for fault, entry in zip(CHECKED[folder].content["faults"], CHECKED[folder].catalogue["en"], strict=True):
        assert (fault["rule"] == "health") is (entry["cause"] == "sensor")
        if fault["rule"] == "health":
            assert entry["blind"].startswith("While this stands, ")


def spoken(milli: int, language: str) -> str:
    text = f"{milli / 1000:g}"
    return text.replace(".", ",") + " °C" if language == "de" else text + " C"


@pytest.mark.parametrize("folder", MODELS)
@pytest.mark.parametrize("language", ["en", "de"])
def test_limits_that_texts_name_are_the_profiles(folder, language):
    """By hand, not through the numbers of catalogue.json: the limit stands in what the owner reads."""
    checked = CHECKED[folder]
    said = {entry["code"]: entry for entry in checked.catalogue[language]}
    held = 0
    for fault in checked.content["faults"]:
        owner = said[fault["code"]]["owner"]
        if fault["rule"] in ("above", "below"):
            assert f"{spoken(fault['limit_milli'], language)}" in owner
            held += 1
        if fault["rule"] == "too_long":
            minutes, seconds = divmod(fault["limit_s"], 60)
            assert f"{minutes} min" in owner or f"{fault['limit_s']} s" in owner, owner
            assert seconds == 0
            held += 1
        if fault["rule"] == "returns":
            assert re.search(rf"\b{fault['count']}\b", owner) and str(fault["window_s"] // 86400) in owner
            held += 1
    assert held >= 4


@pytest.mark.parametrize(
    ("folder", "code", "name", "celsius"),
    [("kf320", "S02", "fridge", 25), ("kf320", "S03", "freezer", -18), ("gs45", "S02", "water", 60)],
)
def test_resistances_are_the_parts_own(folder, code, name, celsius):
    checked = CHECKED[folder]
    part = checked.parts[next(one["part"] for one in checked.content["sensors"] if one["name"] == name)]
    (entry,) = [one for one in checked.catalogue["en"] if one["code"] == code]
    found = re.search(rf"([\d.]+) kohm \(([\d.]+) to ([\d.]+)\) at {celsius} C", entry["expect"])
    assert found
    value, low, high = map(float, found.groups())
    assert value == pytest.approx(part.ohm(celsius) / 1000, rel=0.005)
    tolerance = part.r_tol_ppm / 1e6
    assert low < value * (1 - tolerance) and value * (1 + tolerance) < high
    assert low > value * 0.94 and high < value * 1.06


def test_a_limit_that_changes_in_the_profile_changes_in_every_text(tree):
    tree.change("kf320/profile.json", '"code": "T01"', '"limit_milli": 9000', '"limit_milli": 8500')
    found = profile.load(tree.root, "kf320").catalogue
    assert "8.5 C" in found["en"][2]["owner"]
    assert "8,5 °C" in found["de"][2]["owner"]


def test_a_new_language_is_a_file(tree):
    words = json.loads(tree.path("kf320/words.en.json").read_text())
    words["numbers"] = {
        "decimal": ",", "range": "de LOW à HIGH", "from": "au moins LOW", "upto": "au plus HIGH", "units": {"Cel": "°C"}
    }  # fmt: skip
    words["faults"]["T01"]["title"] = "réfrigérateur trop chaud"
    tree.path("kf320/words.fr.json").write_text(json.dumps(words))
    checked = profile.load(tree.root, "kf320")
    assert list(checked.catalogue) == ["de", "en", "fr"]
    files = dict(device_model.files(checked))
    lines = files["models/catalogue_fr.jsonl"].decode().splitlines()
    entry = next(found for found in map(json.loads, lines) if found.get("code") == "T01")
    assert entry["title"] == "réfrigérateur trop chaud"
    assert "23 kohm (de 22,3 à 23,7)" in entry["expect"]


@pytest.mark.parametrize("name", ["words.english.json", "words.json", "words.en.json.bak"])
def test_other_files_are_no_language(tree, name):
    tree.path(f"kf320/{name}").write_text("not looked at")
    assert list(profile.load(tree.root, "kf320").catalogue) == ["de", "en"]


CAT, EN, DE = "kf320/catalogue.json", "kf320/words.en.json", "kf320/words.de.json"
# (file, where to look from, what is there, what a mistake puts there, what the refusal says)
MISTAKES = [
    (CAT, '"entries"', '"severity": "alarm"', '"severity": "panic"', '"panic" is not one of'),
    (CAT, '"T01"', '"cause": "unknown"', '"cause": "weather"', '"weather" is not one of'),
    (CAT, '"entries"', '"code": "L02"', '"code": "L01"', "code L01 is given twice"),
    (CAT, '"entries"', '"code": "L02"', '"code": "L09"', "code L09 is no fault of profile.json"),
    (CAT, '"L01"', '"of": "pan.end_ohm"', '"of": "tray.end_ohm"', "tray is no fault and no sensor"),
    (CAT, '"L01"', '"of": "pan.end_ohm"', '"of": "pan.ends_ohm"', "pan has no number ends_ohm"),
    (CAT, '"T01"', '"of": "T01.limit_milli"', '"of": "T01.rule"', "T01 has no number rule"),
    (CAT, '"T01"', '"sensor": "fridge"', '"sensor": "door"', "door is no thermistor"),
    (CAT, '"T01"', '"at_milli": 4000', '"at_milli": 140000', "published from"),
    (CAT, '"C01"', '"low": 8, ', '"low": 18, ', "low <= value <= high"),
    (CAT, '"C01"', '"quantity": 1}, {"number": "PN 7741"', '"quantity": 1}, {"number": "PN 7740"', "given twice"),
    (CAT, '"L01"', ', "quantity": 1', "", '"quantity" is a required property'),
    (CAT, '"L01"', '"quantity": 1', '"quantity": 0', "0 is less than the minimum"),
    (CAT, '"L01"', '"quantity": 1', '"quantity": 1.5', "1.5 is not a whole number"),
    (EN, '"T01"', '"fridge too warm"', '""', "T01.title: empty"),
    (EN, '"T01"', '"fridge too warm"', '"fridge too warm "', "blanks at an end"),
    (EN, '"T01"', '"fridge too warm"', f'"{"warm " * 9}now"', "the panel has room for 40"),
    (EN, '"T01"', '"fridge too warm"', '"fridge too wärm"', "plain ASCII only"),
    (EN, '"T01"', '"fridge too warm"', '"fridge over {limit}"', "a title holds no number"),
    (EN, '"T01"', "close the door, check seal", "close the door and then check the seal very well", "room for 60"),
    (EN, '"T01"', "{limit}", "{limits}", "{limits} is no number of this code"),
    (EN, '"T01"', "{limit}", "{limit", "a brace that stands for no number"),
    (EN, '"T01"', "{limit}", "9 C", "no text names the number {limit}"),
    (EN, '"T01"', "Food in it", "Food\\u0007 in it", "U+0007 cannot be shown"),
    (EN, '"T01"', "Food in it", "Food\\u202e in it", "U+202E cannot be shown"),
    (EN, '"T01"', "Food in it", "Food\\ud83c in it", "half of a character"),
    (EN, '"T01"', "Food in it", "Food " * 130, "at most 600"),
    (EN, '"L02"', '"blind"', '"blinder"', '"blind" is a required property'),
    (EN, '"faults"', '"L02": {', '"L09": {', "code L09 is not in catalogue.json"),
    (EN, '"parts"', '"PN 7704"', '"PN 7799"', "part PN 7799 is not in catalogue.json"),
    (EN, '"numbers"', '"decimal": "."', '"decimal": "?"', '"?" is not one of'),
    (EN, '"numbers"', '"range": "LOW to HIGH"', '"range": "LOW to"', "does not match"),
    (DE, '"D02"', '"safety": "Netz', '"do": "Netz', "faults.D02.do is given twice"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "anchor", "right", "wrong", "said"), MISTAKES)
def test_a_mistake_is_refused_with_its_file_and_line(tree, name, anchor, right, wrong, said):
    line = tree.change(name, anchor, right, wrong)
    message = tree.refused("kf320")
    assert said in message
    told = re.match(rf"models/{re.escape(name)} line (\d+): ", message)
    assert told, message
    # What is missing is told at the line of the entry that should hold it.
    missing = "no text names" in said or "required" in said
    assert line - (4 if missing else 0) <= int(told.group(1)) <= line


@pytest.mark.parametrize("language", ["en", "de"])
@pytest.mark.parametrize(("folder", "code"), [("kf320", "D02"), ("gs45", "H01"), ("wm90", "H03")])
def test_a_step_at_the_mains_or_a_heater_needs_a_safety_note(tree, folder, code, language):
    tree.edit(f"{folder}/words.{language}.json", lambda words: words["faults"][code].update(safety=""))
    message = tree.refused(folder)
    assert message.startswith(f"models/{folder}/words.{language}.json line ")
    assert f"{code}: a step speaks of " in message and "there is no safety note" in message


@pytest.mark.parametrize(
    ("name", "how", "said"),
    [
        (CAT, lambda got: got["entries"].pop(), "fault S05 of profile.json has no entry"),
        (EN, lambda got: got["faults"].pop("T02"), "code T02 of catalogue.json has no words here"),
        (DE, lambda got: got["faults"].pop("T02"), "code T02 of catalogue.json has no words here"),
        (DE, lambda got: got["parts"].pop("PN 7710"), "part PN 7710 of catalogue.json has no words here"),
        (DE, lambda got: got["faults"]["T02"].pop("blind"), '"blind" is a required property'),
        (DE, lambda got: got["labels"].pop("blind"), '"blind" is a required property'),
        (DE, lambda got: got.pop("danger"), '"danger" is a required property'),
        (
            DE,
            lambda got: got["faults"]["T02"].update(dict.fromkeys(("blind", "test", "do"), "ü" * 590)),
            "bytes on the device, at most 2000",
        ),
    ],
)
def test_what_is_missing_or_too_much_is_refused(tree, name, how, said):
    tree.edit(name, how)
    message = tree.refused("kf320")
    assert message.startswith(f"models/{name} line ") and said in message


@pytest.mark.parametrize("name", ["catalogue.json", "words.en.json"])
def test_a_model_without_its_catalogue_is_refused(tree, name):
    tree.path(f"kf320/{name}").unlink()
    assert tree.refused("kf320") == f"models/kf320/{name} line 1: there is no such file"


def test_a_fault_that_the_profile_loses_is_missed_in_the_catalogue(tree):
    tree.change("kf320/profile.json", "", '{"code": "D01", ', '{"code": "D07", ')
    assert "code D01 is no fault of profile.json" in tree.refused("kf320")


@pytest.mark.parametrize("folder", MODELS)
def test_the_devices_form_is_what_was_agreed(folder):
    checked = CHECKED[folder]
    files = dict(device_model.files(checked))
    assert set(files) == {
        "models/profile.json", "models/rules.bin", "models/catalogue_de.jsonl", "models/catalogue_en.jsonl"
    }  # fmt: skip
    text = files["models/profile.json"]
    assert text.startswith(b'{"crc":"%08x",' % zlib.crc32(text[18:]))
    made = json.loads(text)
    assert made.pop("crc")
    assert set(made) == {"model", "name", "pins", "sensors", "faults", "alarm", "button", "panel"}
    assert made["pins"] == checked.content["pins"]
    numbers = {"notice": 0, "warning": 1, "alarm": 2}
    assert made["faults"] == [
        [fault["code"], numbers[entry["severity"]], fault["rule"], fault.get("sensor")]
        for fault, entry in zip(checked.content["faults"], checked.catalogue["en"], strict=True)
    ]
    for sensor, source in zip(made["sensors"], checked.content["sensors"], strict=True):
        added = {"first_milli", "step_milli", "table", "r_tol_ppm", "b_tol_ppm", "b_k"}
        assert set(sensor) - set(source) == (added if source["kind"] == "ntc" else set())
    for language in ("de", "en"):
        content = files[f"models/catalogue_{language}.jsonl"]
        assert content.endswith(b"\n")
        lines = content.splitlines(keepends=True)
        assert all(len(line) <= LINE_LIMIT for line in lines)
        labels, *entries = map(json.loads, lines)
        assert labels == {"labels": checked.labels[language]}
        assert entries == checked.catalogue[language]
        assert [list(entry) for entry in entries] == [
            [
                "code",
                "severity",
                "cause",
                "title",
                "owner",
                "do",
                "blind",
                "test",
                "expect",
                "parts",
                "safety",
                "next",
            ]
        ] * len(entries)


@pytest.mark.parametrize("folder", MODELS)
def test_a_model_leaves_a_slot_room(folder):
    blocks = sum(-(-len(content) // 4096) for _, content in device_model.files(CHECKED[folder]))
    assert blocks * 4096 <= 48 * 1024


TEXT = {name: (ROOT / "models" / name).read_text() for name in (CAT, EN)}


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data(), st.sampled_from([CAT, EN]))
def test_anything_in_a_catalogue_is_right_or_refused_with_a_line(tree, data, name):
    content = json.loads(TEXT[name])
    holder = content
    while True:
        keys = list(holder) if isinstance(holder, dict) else list(range(len(holder)))
        key = data.draw(st.sampled_from(keys))
        inner = holder[key]
        if not isinstance(inner, (dict, list)) or not inner or data.draw(st.integers(0, 9)) == 0:
            break
        holder = inner
    odd = (
        st.none()
        | st.integers()
        | st.text(max_size=9)
        | st.sampled_from(["{limit}", "{}", [], {}, "en", "L01", "x" * 700])
    )
    holder[key] = data.draw(odd)
    tree.path(name).write_text(json.dumps(content, indent=1))
    try:
        profile.load(tree.root, "kf320")
    except NameplateError as error:
        assert re.match(r"models/kf320/(catalogue|words\.(en|de))\.json line \d+: ", error.message), (
            error.message
        )
    finally:
        tree.path(name).write_text(TEXT[name])
