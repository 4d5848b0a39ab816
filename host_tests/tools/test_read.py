"""`nameplate read`, from the command line to the exit code, against a signing board on a real pseudo-terminal."""

import json
import os
import subprocess
import sys
from types import SimpleNamespace

import pytest

from host_tests.tools.scripted_board import Refusal, ScriptedBoard, rpc
from host_tests.tools.signed_board import LEAK, maker, methods, tokens, unit
from nameplate.cli.main import run
from nameplate.errors import FAULT_FOUND, NOT_REACHED, USAGE
from nameplate.link import discover
from nameplate.link.spec import parse

ACME, UNIT = maker(1), unit()


@pytest.fixture(autouse=True)
def away(monkeypatch, tmp_path):
    """A home without a trust file, a terminal of 100 columns, and nothing within reach but what a test puts there."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("COLUMNS", "100")
    for name in ("XDG_CONFIG_HOME", "NAMEPLATE_TRUST", "NAMEPLATE_PORT", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(discover, "_serial_ports", lambda every: [])
    monkeypatch.setattr(discover, "_simulations", list)


@pytest.fixture
def trust(tmp_path):
    """Acme's trust file."""
    path = tmp_path / "acme.jwks"
    path.write_text(json.dumps(ACME.jwks()))
    return str(path)


def board(**claims):
    return ScriptedBoard(
        rpc(methods(UNIT, ACME, **claims)), greeting=b"ets Jul 29 2019\r\nrst:0x1 (POWERON)\r\n"
    )


def within_reach(monkeypatch, *specs):
    found = [discover.Candidate(parse(spec), "test") for spec in specs]
    monkeypatch.setattr(discover, "_simulations", lambda: found)


def test_proved(trust, capsys):
    with board() as far:
        assert run(["read", far.spec, "--trust", trust]) == 0
    out = capsys.readouterr().out
    assert "serial 4F7-220918" in out
    assert "PROVED: signed by Acme" in out
    assert "COVERED until 2028-03-02" in out


def test_every_read_asks_with_a_nonce_of_its_own(trust):
    with board() as far:
        for _ in range(3):
            assert run(["read", far.spec, "--trust", trust]) == 0
    nonces = [json.loads(line)["params"]["nonce"] for line in far.lines]
    assert len(set(nonces)) == 3
    assert all(len(nonce) == 43 for nonce in nonces)


def test_a_fault_ends_with_one(trust, capsys):
    with board(**LEAK) as far:
        assert run(["read", far.spec, "--trust", trust]) == FAULT_FOUND
    out = capsys.readouterr().out
    assert "! L01 water in the base pan, for 4 min" in out
    assert "evidence wet 241 of 241 s, loop 9.8 kohm, probe healthy" in out
    assert "bring    PN 7710 inlet valve" in out


def test_without_a_trust_file_it_says_how_to_give_one(capsys):
    with board() as far:
        assert run(["read", far.spec]) == 0
    out = capsys.readouterr().out
    assert "not proved: no trust file" in out
    assert "--trust FILE.jwks" in out
    assert "~/.config/nameplate/trust.jwks" in out


@pytest.mark.parametrize("where", ["environment", "usual place", "xdg"])
def test_the_trust_file_is_found_where_it_may_be(where, trust, monkeypatch, tmp_path):
    if where == "environment":
        monkeypatch.setenv("NAMEPLATE_TRUST", trust)
    else:
        base = tmp_path / (".config" if where == "usual place" else "xdg")
        (base / "nameplate").mkdir(parents=True)
        (base / "nameplate" / "trust.jwks").write_text(json.dumps(ACME.jwks()))
        if where == "xdg":
            monkeypatch.setenv("XDG_CONFIG_HOME", str(base))
    with board() as far:
        assert run(["read", far.spec, "--json"]) == 0


def test_json_is_one_object_with_everything(trust, capsys):
    with board(**LEAK) as far:
        assert run(["read", far.spec, "--trust", trust, "--json"]) == FAULT_FOUND
    (line,) = capsys.readouterr().out.splitlines()
    told = json.loads(line)
    assert (told["proved"], told["verdict"], told["exit"]) == (True, "genuine", 1)
    assert told["identity"]["serial"] == "4F7-220918"
    assert told["ueid"] == UNIT.ueid
    assert told["warranty"]["parts"][0]["until"] == "2028-03-02"
    assert told["faults"][0]["code"] == "L01"
    assert [sensor["quality"] for sensor in told["sensors"]] == ["ok", "ok", "open"]
    assert told["sensors"][2]["value"] is None
    assert told["simulated"] is False
    assert set(told["tokens"]) == {"binding", "identity", "reply"}


def test_a_trust_file_of_another_maker_ends_with_one(tmp_path, capsys):
    path = tmp_path / "other.jwks"
    path.write_text(json.dumps(maker(2).jwks()))
    with board() as far:
        assert run(["read", far.spec, "--trust", str(path), "--json"]) == FAULT_FOUND
    told = json.loads(capsys.readouterr().out)
    assert (told["proved"], told["verdict"]) == (False, "forged")


def test_an_answer_replayed_is_not_proved(trust, capsys):
    recorded = tokens(UNIT, ACME, "AAAAAAAAAAAAAAAAAAAA")
    with ScriptedBoard(rpc({"read": lambda params: recorded})) as far:
        assert run(["read", far.spec, "--trust", trust]) == FAULT_FOUND
    assert "NOT PROVED: reply forged: answers another nonce" in capsys.readouterr().out


@pytest.mark.parametrize(
    "result", [None, [], "x", {}, {"reply": 5}, {"binding": "a", "identity": "b", "reply": "c"}]
)
def test_an_answer_that_is_none_is_not_proved(result, trust, capsys):
    with ScriptedBoard(rpc({"read": lambda params: result})) as far:
        assert run(["read", far.spec, "--trust", trust]) == FAULT_FOUND
    assert "NOT PROVED" in capsys.readouterr().out


def test_a_board_without_an_identity(capsys):
    def refuse(params):
        raise Refusal(-32001, "not provisioned: damaged (identity: crc)")

    with ScriptedBoard(rpc({"read": refuse})) as far:
        assert run(["read", far.spec]) == FAULT_FOUND
        captured = capsys.readouterr()
        assert captured.err.splitlines() == [
            f"nameplate: {far.spec}: not provisioned: damaged (identity: crc)",
            "  give it an identity: `nameplate factory provision`",
        ]
        assert run(["read", far.spec, "--json"]) == FAULT_FOUND
        told = json.loads(capsys.readouterr().out)
        assert (told["exit"], told["error"]) == (1, "not provisioned: damaged (identity: crc)")


def test_a_busy_board_is_asked_again(trust, monkeypatch):
    monkeypatch.setattr("nameplate.technician.reading._BUSY_WAIT_S", 0)

    def read(params):
        if len(far.lines) < 3:
            raise Refusal(-32002, "busy: answering others, ask again")
        return tokens(UNIT, ACME, params["nonce"])

    with ScriptedBoard(rpc({"read": read})) as far:
        assert run(["read", far.spec, "--trust", trust]) == 0
    assert len(far.lines) == 3


def test_silence_is_not_reached(capsys):
    with ScriptedBoard(lambda line: None) as far:
        assert run(["read", far.spec, "--timeout", "0.3"]) == NOT_REACHED
    assert f"nameplate: {far.spec}: silent for 0.3 s" in capsys.readouterr().err


def test_another_device_is_not_reached(capsys):
    with ScriptedBoard(lambda line: b"OK\r\n") as far:
        assert run(["read", far.spec, "--timeout", "0.3"]) == NOT_REACHED
    assert "not as a Nameplate: 'OK'" in capsys.readouterr().err


def test_wrong_use():
    assert run(["read", "nonsense"]) == USAGE
    assert run(["read", "pty:/dev/null", "--trust", "/no/such/file"]) == USAGE
    assert run(["read", "--timeout", "x"]) == USAGE


def test_a_damaged_trust_file_is_wrong_use_and_nothing_is_asked(tmp_path):
    path = tmp_path / "bad.jwks"
    path.write_text("{}")
    with board() as far:
        assert run(["read", far.spec, "--trust", str(path)]) == USAGE
    assert far.lines == []


def test_the_only_board_there_is_is_read(trust, monkeypatch):
    with board() as far:
        within_reach(monkeypatch, far.spec)
        assert run(["read", "--trust", trust]) == 0


def test_the_only_port_that_answers_is_read(trust, monkeypatch):
    monkeypatch.setattr(discover, "ASK_TIMEOUT_S", 0.5)
    with board() as far, ScriptedBoard(lambda line: None) as mute:
        within_reach(monkeypatch, mute.spec, far.spec)
        assert run(["read", "--trust", trust]) == 0


def test_of_several_boards_one_must_be_named(monkeypatch, capsys):
    with board() as one, board() as two:
        within_reach(monkeypatch, one.spec, two.spec)
        assert run(["read"]) == USAGE
    err = capsys.readouterr().err
    assert one.spec in err
    assert two.spec in err
    assert "name one of them" in err


def test_no_port_at_all(capsys):
    assert run(["read"]) == NOT_REACHED
    assert "nameplate sim run" in capsys.readouterr().err


def test_a_simulated_board_is_called_simulated(trust, monkeypatch, capsys):
    with board() as far:
        within_reach(monkeypatch, far.spec)
        assert run(["read", far.spec, "--trust", trust]) == 0
    assert f"{far.spec} (simulated)" in capsys.readouterr().out


def test_the_port_may_come_from_the_environment(trust, monkeypatch):
    with board() as far:
        monkeypatch.setenv("NAMEPLATE_PORT", far.spec)
        assert run(["read", "--trust", trust]) == 0


def test_a_saved_answer_is_verified_offline(trust, tmp_path, capsys):
    path = tmp_path / "claim.jsonl"
    with board() as far:
        assert run(["read", far.spec, "--trust", trust, "--save", str(path)]) == 0
    out = capsys.readouterr().out
    nonce = json.loads(path.read_text().splitlines()[2])["nonce"]
    assert f"nameplate verify {path} --nonce {nonce}" in out
    assert run(["verify", str(path), "--trust", trust, "--nonce", nonce]) == 0
    assert "3 tokens: 3 genuine" in capsys.readouterr().out
    assert run(["verify", str(path), "--trust", trust, "--nonce", "AAAAAAAAAAAAAAA"]) == FAULT_FOUND


def test_an_answer_that_cannot_be_saved_is_told(tmp_path, capsys):
    with board() as far:
        assert run(["read", far.spec, "--save", str(tmp_path / "no" / "such" / "folder")]) == USAGE
    assert "cannot save" in capsys.readouterr().err
    assert os.listdir(tmp_path) == []


def test_a_pipe_gets_no_colours_and_no_trailing_spaces(trust):
    with board(**LEAK) as far:
        done = subprocess.run(
            [sys.executable, "-m", "nameplate", "read", far.spec, "--trust", trust],
            capture_output=True, timeout=60, check=False, env={**os.environ, "TERM": "xterm-256color"},
        )  # fmt: skip
    assert done.returncode == FAULT_FOUND
    assert b"\x1b" not in done.stdout
    assert not any(line.endswith(b" ") for line in done.stdout.splitlines())


def test_help_and_a_wrong_verb_do_not_load_what_reading_needs():
    code = "import sys; from nameplate.cli.main import run; run(['--help']); print(sorted(sys.modules), file=sys.stderr)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True
    )
    for heavy in ("rich", "serial", "cryptography", "prompt_toolkit"):
        assert f"'{heavy}'" not in done.stderr


def test_ports_are_usb_ports_unless_all_are_asked_for(monkeypatch):
    from serial.tools import list_ports

    monkeypatch.undo()
    ports = [
        SimpleNamespace(device="/dev/ttyUSB1", description="CP2102 \x1b[31mUART", vid=0x10C4),
        SimpleNamespace(device="/dev/ttyS0", description="ttyS0", vid=None),
        SimpleNamespace(device="/dev/ttyACM0", description=None, vid=0x303A),
    ]
    monkeypatch.setattr(list_ports, "comports", lambda: ports)
    monkeypatch.setattr(discover, "_simulations", list)
    assert [str(found.spec) for found in discover.candidates()] == [
        "serial:/dev/ttyACM0",
        "serial:/dev/ttyUSB1",
    ]
    assert len(discover.candidates(every_port=True)) == 3
    assert discover.candidates()[1].about == "CP2102 UART"
