"""`nameplate find`: boards, mute ports and other devices, all asked at once."""

import json
import time

import pytest

from host_tests.tools.scripted_board import Refusal, ScriptedBoard, rpc
from host_tests.tools.signed_board import LEAK, maker, methods, unit
from nameplate.cli.main import run
from nameplate.errors import NOT_REACHED
from nameplate.link import discover
from nameplate.link.spec import parse

ACME = maker(1)


@pytest.fixture(autouse=True)
def away(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("XDG_CONFIG_HOME", "NAMEPLATE_TRUST"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(discover, "_serial_ports", lambda every: [])
    monkeypatch.setattr(discover, "_simulations", list)


@pytest.fixture
def trust(tmp_path):
    path = tmp_path / "acme.jwks"
    path.write_text(json.dumps(ACME.jwks()))
    return str(path)


@pytest.fixture
def plugged(monkeypatch):
    """Put boards at USB ports."""

    def plug(*boards):
        found = [discover.Candidate(parse(board.spec), "CP2102") for board in boards]
        monkeypatch.setattr(discover, "_serial_ports", lambda every: found)

    return plug


def genuine(seed=99, **claims):
    return ScriptedBoard(rpc(methods(unit(seed), ACME, **claims)))


def mute():
    return ScriptedBoard(lambda line: None)


def test_boards_and_others(plugged, trust, capsys):
    with (
        genuine() as one,
        genuine(7, **LEAK) as two,
        mute() as three,
        ScriptedBoard(lambda line: b"OK\n") as four,
    ):
        plugged(one, two, three, four)
        assert run(["find", "--trust", trust, "--timeout", "0.6", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert [(row["port"], row["serial"], row["model"], row["proved"]) for row in told["boards"]] == [
        (one.spec, "4F7-220918", "KF-320", True),
        (two.spec, "4F7-220918", "KF-320", True),
    ]
    assert told["boards"][1]["faults"] == ["L01"]
    assert [row["port"] for row in told["others"]] == [three.spec, four.spec]
    assert "silent" in told["others"][0]["error"]
    assert "not as a Nameplate" in told["others"][1]["error"]


def test_in_words(plugged, trust, capsys):
    with genuine() as one, mute() as two:
        plugged(one, two)
        assert run(["find", "--trust", trust, "--timeout", "0.5"]) == 0
    header, first, second = capsys.readouterr().out.splitlines()
    assert header.split() == ["PORT", "SERIAL", "MODEL", "IDENTITY"]
    assert first.split() == [one.spec, "4F7-220918", "KF-320", "proved"]
    assert second.split(maxsplit=3) == [two.spec, "-", "-", "silent for 0.5 s (CP2102)"]


def test_without_a_trust_file_and_with_a_wrong_one(plugged, tmp_path, capsys):
    path = tmp_path / "other.jwks"
    path.write_text(json.dumps(maker(2).jwks()))
    with genuine() as one:
        plugged(one)
        assert run(["find"]) == 0
        assert "no trust file" in capsys.readouterr().out
        assert run(["find", "--trust", str(path)]) == 0
    assert "not proved: not signed by a key in the trust file" in capsys.readouterr().out


def test_a_board_that_refuses_is_a_board(plugged, capsys):
    def refuse(params):
        raise Refusal(-32001, "not provisioned: damaged (unit: missing)")

    with ScriptedBoard(rpc({"read": refuse})) as one:
        plugged(one)
        assert run(["find"]) == 0
        assert "not provisioned: damaged (unit: missing)" in capsys.readouterr().out
        assert run(["find", "--json"]) == 0
    assert "not provisioned" in json.loads(capsys.readouterr().out)["boards"][0]["error"]


def test_nothing_there_says_what_to_do(capsys):
    assert run(["find"]) == NOT_REACHED
    message, hint = capsys.readouterr().err.splitlines()
    assert message == "nameplate: no serial port and no running simulation"
    assert "cable" in hint
    assert "nameplate sim run" in hint
    assert run(["find", "--json"]) == NOT_REACHED
    assert json.loads(capsys.readouterr().out) == {"boards": [], "others": []}


def test_only_mute_ports(plugged, capsys):
    with mute() as one:
        plugged(one)
        assert run(["find", "--timeout", "0.3"]) == NOT_REACHED
    captured = capsys.readouterr()
    assert one.spec in captured.out
    assert "no board answers" in captured.err


def test_a_port_that_cannot_be_opened_does_not_stop_the_others(plugged, capsys):
    with genuine() as one, genuine(7) as gone:
        plugged(one, gone)
        gone.unplug()
        assert run(["find", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert [row["port"] for row in told["boards"]] == [one.spec]
    assert [row["port"] for row in told["others"]] == [gone.spec]


def test_all_are_asked_at_the_same_time():
    boards = [mute() for _ in range(8)]
    for board in boards:
        board.__enter__()
    try:
        those = [discover.Candidate(parse(board.spec), "") for board in boards]

        def ask(link):  # comes back only when all eight are being asked
            link.write(b"x\n")
            while not all(board.lines for board in boards):
                time.sleep(0.001)
            return str(link.spec)

        answers = discover.ask_all(those, ask)
    finally:
        for board in boards:
            board.__exit__()
    assert [answer.result for answer in answers] == [board.spec for board in boards]


def test_slow_ones_are_named_once():
    slow, told = [], []
    with mute() as one, mute() as two:
        those = [discover.Candidate(parse(board.spec), "") for board in (one, two)]

        def ask(link):
            while str(link.spec) == two.spec and not slow:
                time.sleep(0.001)

        def on_wait(waiting):
            told.append([str(candidate.spec) for candidate in waiting])
            slow.append(True)

        discover.ask_all(those, ask, on_wait=on_wait, wait_s=0.2)
    assert told == [[two.spec]]


def test_a_fault_of_our_own_is_not_hidden():
    def ask(link):
        raise ZeroDivisionError

    with mute() as one, pytest.raises(ZeroDivisionError):
        discover.ask_all([discover.Candidate(parse(one.spec), "")], ask)
