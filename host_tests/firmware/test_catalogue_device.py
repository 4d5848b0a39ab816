"""The fault catalogue as a device reads it: whole, in two languages, and damaged in every way a file can be."""

import json
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firmware.diagnosis import catalogue

L01 = {
    "code": "L01", "severity": "alarm", "cause": "product", "title": "Water in the base pan",
    "owner": "Water has run into the pan under the appliance.", "do": "Close the tap and unplug the appliance.",
    "blind": "It cannot see water that runs past the pan.", "test": "Measure the loop of the pan probe.",
    "expect": "47 kohm dry (42 to 52), below 15 kohm wet", "parts": [["PN 7710", "inlet valve", 1]],
    "safety": "Unplug before you touch the pan.", "next": "close the tap, dry the pan, watch 10 min",
}  # fmt: skip
T01 = {**L01, "code": "T01", "severity": "warning", "cause": "use", "title": "Fridge too warm", "parts": []}
GERMAN = {**L01, "title": "Wasser in der Bodenwanne", "do": "Hahn schließen, Gerät vom Netz trennen."}


@pytest.fixture
def slot(tmp_path, monkeypatch):
    """A slot at the head of sys.path; `slot(lang, data)` writes a catalogue into it."""
    (tmp_path / "models").mkdir()
    monkeypatch.syspath_prepend(str(tmp_path))

    def write(lang, data):
        if not isinstance(data, bytes):
            data = b"".join(line_of(entry) for entry in data)
        (tmp_path / f"models/catalogue_{lang}.jsonl").write_bytes(data)

    return write


def line_of(entry):
    return json.dumps(entry, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def test_an_entry_is_found_in_each_language(slot):
    slot("en", [L01, T01])
    slot("de", [GERMAN, T01])
    assert catalogue.entry("L01") == L01
    assert catalogue.entry("T01") == T01
    assert catalogue.entry("L01", "de") == GERMAN
    assert catalogue.entry("L02") is None
    assert catalogue.languages() == ["en", "de"]
    assert list(catalogue.titles("de")) == [
        ("L01", "Wasser in der Bodenwanne"),
        ("T01", "Fridge too warm"),
    ]


def test_what_was_asked_for_cannot_leave_the_folder(slot):
    slot("en", [L01])
    for code in ("", "L1", "l01", "L011", "../", '"L0', "L٠١", None, 5, ["L01"]):
        assert catalogue.find(code) == (None, None)
    for lang in ("", "e", "EN", "..", "e/", "eng", None, 5):
        assert catalogue.find("L01", lang) == (None, None)


def test_a_missing_catalogue_is_told(slot):
    assert catalogue.find("L01") == (None, "not in this language")
    assert list(catalogue.titles()) == [(None, "not in this language")]
    assert catalogue.languages() == []


def test_no_folder_at_all(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(tmp_path / "gone"))
    assert catalogue.languages() == []
    assert catalogue.entry("L01") is None


def test_a_folder_in_its_place_is_told(slot, tmp_path):
    (tmp_path / "models/catalogue_en.jsonl").mkdir()
    entry, problem = catalogue.find("L01")
    assert entry is None
    assert problem.startswith("cannot be read (")


BAD_LINES = {
    "no JSON": b'{"code":"L01",\n',
    "no UTF-8": line_of(L01).replace(b"Water", b"W\xff\xfeer"),
    "no object": b'["L01"]\n',
    "a text missing": line_of({name: text for name, text in L01.items() if name != "do"}),
    "a text that is none": line_of({**L01, "owner": 5}),
    "a text of many": line_of({**L01, "owner": ["water"]}),
    "another code": line_of({**L01, "code": "L01x"}),
    "a code that is none": b'{"code":["L01"]}\n',
    "an unknown severity": line_of({**L01, "severity": "panic"}),
    "an unknown cause": line_of({**L01, "cause": "fate"}),
    "no list of parts": line_of({**L01, "parts": "PN 7710"}),
    "a part without a quantity": line_of({**L01, "parts": [["PN 7710", "valve"]]}),
    "a part of no pieces": line_of({**L01, "parts": [["PN 7710", "valve", 0]]}),
    "a part of half a piece": line_of({**L01, "parts": [["PN 7710", "valve", 1.5]]}),
    "too many parts": line_of({**L01, "parts": [["P", "p", 1]] * 9}),
    "a title too long": line_of({**L01, "title": "x" * 41}),
    "colours for the terminal": line_of({**L01, "do": "\x1b[2Jgone"}),
    "a second line": line_of({**L01, "do": "one\ntwo"}),
    "text turned round": line_of({**L01, "do": "\u202egnihton"}),
    "half a letter": line_of({**L01, "do": "HALF"}).replace(b"HALF", b"\\ud83d"),
    "too long": line_of({**L01, "owner": "x" * 2000}),
    "too deep": b'{"code":"L01","parts":' + b"[" * 1900 + b"\n",
}


@pytest.mark.parametrize("bad", BAD_LINES)
def test_a_damaged_line_is_told_and_the_others_are_read(slot, bad):
    slot("en", BAD_LINES[bad] + line_of(T01))
    entry, problem = catalogue.find("L01")
    assert entry is None
    # A line that does not even name the code says nothing of it.
    assert problem in ("line 1 is damaged", "line 1 is too long", None)
    assert catalogue.entry("T01") == T01
    first, second = catalogue.titles()
    assert first in ((None, "line 1 is damaged"), (None, "line 1 is too long"))
    assert second == ("T01", "Fridge too warm")


def test_a_file_that_was_cut_off_is_told(slot):
    slot("en", line_of(L01) + line_of(T01)[:-20])
    assert catalogue.entry("L01") == L01
    assert catalogue.find("T01") == (None, "line 2 is cut off")


def test_a_file_without_end_is_not_read_to_it(slot):
    slot("en", b"\n" * 100_000 + line_of(L01))
    assert catalogue.find("L01") == (None, "too many lines")
    slot("en", b"x" * 3_000_000)
    assert catalogue.find("L01") == (None, "line 1 is cut off")


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2000), st.integers(0, 7), st.integers(0, 2000))
def test_any_bit_that_flips_and_any_cut(tmp_path_factory, at, bit, cut):
    folder = tmp_path_factory.mktemp("slot")
    (folder / "models").mkdir()
    data = bytearray(line_of(GERMAN) + line_of(T01))
    data[at % len(data)] ^= 1 << bit
    (folder / "models/catalogue_de.jsonl").write_bytes(data[: len(data) - cut % 300])
    sys.path.insert(0, str(folder))
    try:
        for code in ("L01", "T01", "X00"):
            entry, problem = catalogue.find(code, "de")
            assert entry is None or entry["code"] == code
            assert problem is None or problem.isascii()
        for code, title in catalogue.titles("de"):
            assert isinstance(title, str)
            assert code is None or catalogue.is_code(code)
    finally:
        sys.path.remove(str(folder))


def test_the_device_interpreter_reads_the_same_in_little_memory(slot, tmp_path, micropython):
    slot("en", [L01, T01] + [{**T01, "code": f"X{number:02}"} for number in range(40)])
    slot("de", [GERMAN])
    bad = tmp_path / "bad/models"
    bad.mkdir(parents=True)
    for number, line in enumerate(BAD_LINES.values()):
        (bad / f"catalogue_{chr(97 + number // 26)}{chr(97 + number % 26)}.jsonl").write_bytes(line)
    printed = micropython(
        f"""
import gc, json
from firmware.diagnosis import catalogue
sys.path.insert(0, {str(tmp_path)!r})
print(json.dumps(catalogue.entry("L01")))
print(catalogue.entry("L01", "de")["do"], catalogue.languages(), catalogue.entry("X39")["code"])
print(catalogue.find("L99"), catalogue.find("L01", "fr"))
sys.path[0] = {str(tmp_path / "bad")!r}
print([catalogue.find("L01", name)[0] for name in catalogue.languages()])
print(len([1 for name in catalogue.languages() for code, title in catalogue.titles(name) if code is None]))
""",
        heap="96k",
    )
    entry, german, missing, bad_entries, told = printed.splitlines()
    assert json.loads(entry) == L01
    assert german == f"{GERMAN['do']} ['en', 'de'] X39"
    assert missing == "(None, None) (None, 'not in this language')"
    assert bad_entries == str([None] * len(BAD_LINES))
    assert told == str(len(BAD_LINES))
