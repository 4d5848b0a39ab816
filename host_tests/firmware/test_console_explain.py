"""`explain` on the console: offline, in each language, in short lines; a damaged catalogue and hostile words."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from host_tests.firmware.fakes import Appliance
from host_tests.firmware.test_catalogue_device import BAD_LINES, GERMAN, L01, T01, line_of, slot  # noqa: F401


def rpc(appliance, params):
    request = {"jsonrpc": "2.0", "id": 1, "method": "explain", "params": params}
    (line,) = appliance.ask(json.dumps(request).encode() + b"\n")
    return json.loads(line)


@pytest.fixture
def appliance(slot):  # noqa: F811
    slot("en", [L01, T01])
    slot("de", [GERMAN, {**T01, "title": "Kühlraum zu warm"}])
    return Appliance()


def test_a_code_in_full(appliance):
    assert appliance.ask(b"explain l01\n") == [
        "L01 Water in the base pan",
        "alarm, cause: product",
        "owner     Water has run into the pan under the appliance.",
        "do now    Close the tap and unplug the appliance.",
        "safety    Unplug before you touch the pan.",
        "unseen    It cannot see water that runs past the pan.",
        "test      Measure the loop of the pan probe.",
        "expect    47 kohm dry (42 to 52), below 15 kohm wet",
        "bring     1 x PN 7710 inlet valve",
        "next      close the tap, dry the pan, watch 10 min",
    ]


LABELS = {"cause": "Ursache", "do": "Jetzt tun", "safety": "Sicherheit", "alarm": "Alarm", "product": "Gerät"}


def test_a_file_that_begins_with_labels_is_read_in_its_own_words(slot):  # noqa: F811
    slot("de", [{"labels": LABELS}, GERMAN])
    lines = Appliance().ask(b"explain L01 de\n")
    assert lines[:5] == [
        "L01 Wasser in der Bodenwanne",
        "Alarm, Ursache: Gerät",
        "owner      Water has run into the pan under the appliance.",
        "Jetzt tun  Hahn schließen, Gerät vom Netz trennen.",
        "Sicherheit Unplug before you touch the pan.",
    ]
    assert Appliance().ask(b"explain de\n") == ["L01 Wasser in der Bodenwanne"]


@pytest.mark.parametrize(
    "labels", [5, None, {"cause": 5}, {"cause": "x" * 17}, {"cause": "\x1b[2J"}, {"cause": ["x"]}]
)
def test_labels_that_are_none_cost_only_themselves(slot, labels):  # noqa: F811
    slot("en", [{"labels": labels}, L01])
    appliance = Appliance()
    assert appliance.ask(b"explain L01\n")[1] == "alarm, cause: product"
    assert appliance.session.failures == 0


def test_a_code_in_another_language_is_utf8(appliance):
    appliance.ask(b"explain L01 de\n")
    assert "do now    Hahn schließen, Gerät vom Netz trennen.".encode() in bytes(appliance.out)
    assert appliance.ask(b"explain DE T01\n")[0] == "T01 Kühlraum zu warm"


def test_a_text_that_is_empty_is_left_out(slot):  # noqa: F811
    slot("en", [{**L01, "safety": "", "parts": []}])
    labels = [line.split()[0] for line in Appliance().ask(b"explain L01\n")]
    assert labels == ["L01", "alarm,", "owner", "do", "unseen", "test", "expect", "next"]


def test_all_codes(appliance):
    assert appliance.ask(b"explain\n") == ["L01 Water in the base pan", "T01 Fridge too warm"]
    assert appliance.ask(b"explain de\n")[1] == "T01 Kühlraum zu warm"


def test_what_is_not_known_says_what_to_do(appliance):
    assert appliance.ask(b"explain F12\n") == ["? F12 is no code of this model: explain lists them"]
    assert appliance.ask(b"explain L01 fr\n") == [
        "! catalogue fr: not in this language",
        "languages here: en de",
        "L01 stands in the service manual too, and nameplate read tells it",
    ]
    for typed in (b"explain L01 L01x", b"explain ../../x", b"explain -", b"explain __init__"):
        assert appliance.ask(typed + b"\n") == ["? explain takes a code as L01 and a language as de"]
    assert appliance.ask(b"explain a b c\n") == ["? too many words for explain: try help"]


def test_long_texts_are_broken_between_words(slot):  # noqa: F811
    text = "Der Kühlraum ist zu warm. " * 12
    slot("en", [{**L01, "owner": text.strip(), "do": "x" * 500}])
    lines = Appliance().ask(b"explain L01\n")
    assert all(len(line) <= 79 for line in lines)
    owner = [line[10:] for line in lines[2 : 2 + 5]]
    assert " ".join(owner).startswith("Der Kühlraum ist zu warm. Der Kühlraum")


@pytest.mark.parametrize("bad", BAD_LINES)
def test_a_damaged_catalogue_is_told(slot, bad):  # noqa: F811
    slot("en", BAD_LINES[bad] + line_of(T01))
    appliance = Appliance()
    listed = appliance.ask(b"explain\n")
    assert listed[0].startswith("! catalogue en: line 1 is ")
    assert listed[1] == "T01 Fridge too warm"
    asked = appliance.ask(b"explain L01\n")
    assert asked[0].startswith(("! catalogue en: line 1 is ", "? L01 is no code of this model"))
    assert appliance.ask(b"explain T01\n")[0] == "T01 Fridge too warm"
    assert rpc(appliance, {"code": "T01"})["result"]["title"] == "Fridge too warm"
    assert rpc(appliance, {"code": "L01"})["error"]["code"] in (-32004, -32005)
    assert rpc(appliance, {})["result"]["problems"][0].startswith("line 1 is ")
    assert appliance.session.failures == 0


def test_no_catalogue_at_all(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(tmp_path))
    appliance = Appliance()
    assert appliance.ask(b"explain\n") == ["! catalogue en: not in this language"]
    assert appliance.ask(b"explain L01\n") == [
        "! catalogue en: not in this language",
        "L01 stands in the service manual too, and nameplate read tells it",
    ]
    assert rpc(appliance, {"code": "L01"})["error"] == {
        "code": -32005,
        "message": "catalogue en: not in this language",
    }


def test_for_programs(appliance):
    assert rpc(appliance, {"code": "L01"})["result"] == L01
    assert rpc(appliance, {"code": "L01", "lang": "de"})["result"] == GERMAN
    assert rpc(appliance, {})["result"] == {
        "codes": [{"code": "L01", "title": "Water in the base pan"}, {"code": "T01", "title": "Fridge too warm"}],
        "languages": ["en", "de"],
        "problems": [],
    }  # fmt: skip
    assert rpc(appliance, {"code": "F12"})["error"]["code"] == -32004


@pytest.mark.parametrize(
    "params",
    [{"code": 5}, {"code": "l01"}, {"code": ["L01"]}, {"code": "L01\n"}, {"lang": "../"}, {"lang": None}, {"x": 1}],
)  # fmt: skip
def test_bad_params(appliance, params):
    assert rpc(appliance, params)["error"]["code"] == -32602


@settings(max_examples=150, deadline=None)
@given(words=st.lists(st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=8), max_size=3))
def test_any_words(words):
    appliance = Appliance()
    lines = appliance.ask(b"explain " + " ".join(words).encode() + b"\n")
    assert lines
    assert all(len(line) <= 79 for line in lines)
    assert appliance.session.failures == 0
