"""The host's catalogue by model and language, and `nameplate explain`: known, unknown, wrong, in a language of one's own."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from host_tests.tools.model_files import MODELS, Tree
from nameplate.cli import main
from nameplate.technician import catalogue


def test_a_model_is_known_by_its_name_and_by_its_folder():
    known = catalogue.load("KF-320")
    assert known is catalogue.load("kf320")
    assert (known.model, known.folder, known.name) == ("KF-320", "kf320", "fridge-freezer")
    assert known.languages == ["en", "de"]
    assert known.titles["evap"] == "evaporator" and known.kinds["evap"] == "ntc"
    leak = known.faults["L01"]
    assert (leak.text, leak.part) == ("water in the base pan", "PN 7710 inlet valve")
    assert leak.next_step == "close the tap, dry the pan, watch 10 min"
    assert known.faults["L02"].part == "PN 7710 inlet valve, PN 7704 water tank hose"


def test_parts_with_a_quantity_are_counted():
    assert catalogue.load("gs45").faults["L01"].part == "PN 4512 sump seal, 2 x PN 4541 hose clamp"


def test_an_entry_in_each_language():
    known = catalogue.load("KF-320")
    english, german = known.entry("T01"), known.entry("T01", "de")
    assert english and german
    assert (english.language, english.severity, english.cause) == ("en", "warning", "unknown")
    assert (english.title, german.title) == ("fridge too warm", "Kühlraum zu warm")
    assert [part.number for part in english.parts] == [part.number for part in german.parts]
    assert english.parts[0] == catalogue.Part("PN 7731", "fridge sensor", 1)
    assert known.entry("X99") is None and known.entry("T01", "fr") is None


def test_an_unknown_model_is_empty():
    unknown = catalogue.load("XX-1")
    assert unknown == catalogue.Catalogue()
    assert unknown.entry("L01") is None and unknown.languages == []


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Tree:
    made = Tree(tmp_path)
    monkeypatch.setattr(catalogue, "device_root", lambda: tmp_path)
    return made


def test_a_model_that_the_factory_would_refuse_is_empty_and_explain_says_why(tree, capsys):
    line = tree.change("kf320/profile.json", '"code": "T01"', '"limit_milli": 9000', '"limit_milli": 1')
    assert catalogue.load("KF-320") == catalogue.Catalogue()
    assert catalogue.load("WM-90").model == "WM-90"
    assert main.run(["explain", "T01", "--model", "KF-320"]) == 2
    assert f"models/kf320/profile.json line {line}" in capsys.readouterr().err


@pytest.mark.parametrize("text", [b"", b"[]", b"\xff", b'{"model": 7}', b"[" * 9000])
def test_a_damaged_profile_hides_no_other_model(tree, text):
    tree.path("gs45/profile.json").write_bytes(text)
    assert catalogue.load("GS-45") == catalogue.Catalogue()
    assert catalogue.load("KF-320").model == "KF-320"


def test_a_language_of_ones_own_is_explained_at_once(tree, capsys):
    words = json.loads(tree.path("wm90/words.de.json").read_text())
    words["faults"]["L01"]["title"] = "Wasser im Boden"
    tree.path("wm90/words.gs.json").write_text(json.dumps(words))
    assert main.run(["explain", "L01", "--model", "wm90", "--lang", "gs"]) == 0
    assert capsys.readouterr().out.startswith("L01 Wasser im Boden\n")


def test_explain_says_it_all_in_words(capsys):
    assert main.run(["explain", "h01", "--model", "GS-45"]) == 0
    out = capsys.readouterr().out
    lines = out.splitlines()
    assert lines[0] == "H01 water not heating"
    assert lines[1] == "GS-45 dishwasher: warning, cause: product"
    starts = [line[2:10].strip() for line in lines[2:] if line[2:3].isalpha()]
    assert starts == ["Owner", "Do now", "Safety", "Not seen", "Test", "Expect", "Bring", "Next"]
    assert "heater 29 ohm (27 to 32)" in out
    assert "1 x PN 4520 heater" in out and "1 x PN 4522 heater relay" in out
    assert max(map(len, lines)) <= 100


def test_explain_speaks_german(capsys):
    assert main.run(["explain", "H02", "--model", "wm90", "--lang", "de"]) == 0
    out = capsys.readouterr().out
    assert "WM-90 washing machine: Alarm, Ursache: Gerät" in out
    assert "! Sicherheit  Netzspannung" in out
    assert "heißer als 98 °C" in out


def test_explain_for_programs(capsys):
    assert main.run(["explain", "F02", "--model", "gs45", "--lang", "de", "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert (said["model"], said["code"], said["language"], said["severity"]) == (
        "GS-45",
        "F02",
        "de",
        "warning",
    )
    assert said["parts"] == [{"number": "PN 4511", "name": "Laugenpumpe", "quantity": 1}]


@pytest.mark.parametrize("folder", MODELS)
def test_the_list_has_every_code_once(folder, capsys):
    assert main.run(["explain", "--model", folder, "--list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    known = catalogue.load(folder)
    assert [line.split()[0] for line in lines] == list(known.faults)
    assert all(known.faults[line.split()[0]].text in line for line in lines)
    assert main.run(["explain", "--model", folder, "--list", "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert [one["code"] for one in said["codes"]] == list(known.faults)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["X99", "--model", "kf320"], ["KF-320 has no code 'X99'", "L01 L02"]),
        (["L01", "--model", "toaster"], ["no model toaster", "gs45, kf320, wm90"]),
        (["L01", "--model", "kf320", "--lang", "xx"], ["not worded in 'xx'", "there are: en, de"]),
        (["--model", "kf320"], ["give either a CODE or --list"]),
        (["L01", "--list", "--model", "kf320"], ["give either a CODE or --list"]),
        (["L01"], ["--model"]),
    ],
)
def test_what_is_not_there_is_told_with_what_is(words, said, capsys):
    assert main.run(["explain", *words]) == 2
    err = capsys.readouterr().err
    assert all(part in err for part in said), err
