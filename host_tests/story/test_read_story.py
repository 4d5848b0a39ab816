"""`nameplate find`, `read` and `console` against a virtual fridge on its factory image: nothing between is a double."""

import json
import subprocess
import sys

import pytest

from host_tests.story.flash_files import change_record, wipe_mirror
from host_tests.tools.scripted_board import ScriptedBoard, rpc
from nameplate.cli.main import run
from nameplate.errors import FAULT_FOUND, NOT_REACHED
from nameplate.factory.keys import make_keys
from nameplate.factory.nvs_image import frame, unframe
from nameplate.link import open_link
from nameplate.link.rpc import Client
from nameplate.sim.board import VirtualBoard
from nameplate.token.base64url import decode, encode

SPEED = 10  # simulated seconds for each real one


@pytest.fixture(autouse=True)
def away(monkeypatch, tmp_path):
    """A computer with no trust file and no other simulation."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    for name in ("XDG_CONFIG_HOME", "NAMEPLATE_TRUST", "NAMEPLATE_PORT"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def switch_on():
    """Boot a unit's image; the serial line is ready when the board has been up for a while."""
    boards = []

    def boot(path, **options):
        board = VirtualBoard(path, **{"speed": SPEED, **options})
        boards.append(board)
        return board

    yield boot
    for board in boards:
        board.stop()


def read_json(capsys, *arguments):
    """The exit code and the object of `read --json`."""
    code = run(["read", *arguments, "--json"])
    return code, json.loads(capsys.readouterr().out)


def test_the_only_board_there_is_is_found_read_and_proved(make_unit, switch_on, capsys):
    unit = make_unit()
    board = switch_on(unit.path)
    assert run(["read", "--trust", str(unit.trust)]) == 0
    out = capsys.readouterr().out
    assert f"serial {unit.serial}" in out
    assert "PROVED: signed by Acme" in out
    assert "parts       COVERED until 2028-03-02" in out
    assert "base pan            dry" in out
    assert f"{board.port} (simulated)" in out
    assert run(["find", "--trust", str(unit.trust), "--json"]) == 0
    (row,) = json.loads(capsys.readouterr().out)["boards"]
    assert (row["serial"], row["ueid"], row["proved"], row["simulated"]) == (
        unit.serial,
        unit.ueid,
        True,
        True,
    )


def test_a_leak_is_shown_with_signed_evidence(make_unit, switch_on, capsys):
    unit = make_unit()
    board = switch_on(unit.path, world={"leak": "wet"})
    assert board.wait(lambda board: board.alarm, 20_000)
    code, told = read_json(capsys, board.port, "--trust", str(unit.trust))
    assert (code, told["proved"]) == (FAULT_FOUND, True)
    (fault,) = told["faults"]
    assert (fault["code"], fault["part"]) == ("L01", "PN 7710 inlet valve")
    assert fault["evidence"].endswith("probe healthy")
    assert told["sensors"][0]["value"] is True
    assert told["sensors"][0]["age_s"] in (0, 1)


def test_an_open_thermistor_is_no_temperature(make_unit, switch_on, capsys):
    unit = make_unit()
    board = switch_on(unit.path, world={"fridge": "open"})
    assert run(["read", board.port, "--trust", str(unit.trust)]) == FAULT_FOUND
    out = capsys.readouterr().out
    assert "! fridge compartment: open circuit" in out
    assert "OPEN CIRCUIT: not a temperature" in out


def test_with_the_trust_file_of_another_maker_it_is_not_proved(make_unit, switch_on, capsys, tmp_path):
    board = switch_on(make_unit().path)
    other = make_keys(tmp_path / "other", oem="Acme", oemid=32473)
    code, told = read_json(capsys, board.port, "--trust", str(other.trust))
    assert (code, told["proved"], told["verdict"]) == (FAULT_FOUND, False, "forged")
    assert told["proof"]["token"] == "binding"


def test_with_no_trust_file_nothing_is_called_proved(make_unit, switch_on, capsys):
    board = switch_on(make_unit().path)
    code, told = read_json(capsys, board.port)
    assert (code, told["proved"], told["verdict"]) == (0, None, None)


def test_an_identity_damaged_in_flash_is_told_and_nothing_is_signed(make_unit, switch_on, capsys):
    unit = make_unit()
    change_record(unit.path, "identity", lambda blob: blob[:-1] + bytes([blob[-1] ^ 1]))
    wipe_mirror(unit.path)
    board = switch_on(unit.path)
    code, told = read_json(capsys, board.port, "--trust", str(unit.trust))
    assert code == FAULT_FOUND
    assert told["error"].startswith("not provisioned: damaged (identity: ")
    assert run(["find"]) == 0
    assert "not provisioned: damaged (identity: " in capsys.readouterr().out


def test_an_identity_rewritten_in_flash_is_forged(make_unit, switch_on, capsys):
    """Whole by its CRC, so that the board believes it; only the manufacturer's signature tells."""
    unit = make_unit(serial="4F7-220918")

    def rewrite(blob):
        head, payload, signature = unframe(blob).split(b".")
        claims = decode(payload).replace(b"4F7-220918", b"4F7-999999").replace(b"2028-03-02", b"2099-03-02")
        return frame(b".".join((head, encode(claims).encode(), signature)))

    change_record(unit.path, "identity", rewrite)
    board = switch_on(unit.path)
    code, told = read_json(capsys, board.port, "--trust", str(unit.trust))
    assert told["identity"]["serial"] == "4F7-999999"
    assert (code, told["proved"], told["verdict"]) == (FAULT_FOUND, False, "forged")
    assert (told["proof"]["token"], told["proof"]["code"]) == ("identity", "bad-signature")


def test_an_answer_recorded_from_a_genuine_board_is_refused_when_played_again(make_unit, switch_on, capsys):
    unit = make_unit()
    board = switch_on(unit.path)
    link = open_link(board.port)
    recorded = Client(link).call("read", {"nonce": "bm9uY2Utbm9uY2U"})
    link.close()
    with ScriptedBoard(rpc({"read": lambda params: recorded})) as impostor:
        code, told = read_json(capsys, impostor.spec, "--trust", str(unit.trust))
    assert (code, told["proved"], told["proof"]["code"]) == (FAULT_FOUND, False, "wrong-nonce")


def test_two_boards_are_found_and_told_apart(make_unit, switch_on, capsys):
    units = [make_unit(serial="4F7-220918"), make_unit(serial="4F7-220919")]
    boards = [switch_on(unit.path, name=f"fridge-{number}") for number, unit in enumerate(units)]
    assert run(["find", "--trust", str(units[0].trust), "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)["boards"]
    assert {row["port"]: row["serial"] for row in rows} == {
        board.port: unit.serial for board, unit in zip(boards, units, strict=True)
    }
    assert run(["read"]) == 2


def test_over_tcp(make_unit, switch_on, capsys):
    unit = make_unit()
    board = switch_on(unit.path, port="tcp:127.0.0.1:0")
    code, told = read_json(capsys, board.port, "--trust", str(unit.trust))
    assert (code, told["proved"]) == (0, True)
    assert told["port"].startswith("tcp:127.0.0.1:")


def test_a_saved_answer_is_verified_later(make_unit, switch_on, capsys, tmp_path):
    unit = make_unit()
    board = switch_on(unit.path)
    path = tmp_path / "claim.jsonl"
    assert run(["read", board.port, "--save", str(path), "--trust", str(unit.trust)]) == 0
    nonce = json.loads(path.read_text().splitlines()[-1])["nonce"]
    assert run(["verify", str(path), "--trust", str(unit.trust), "--nonce", nonce]) == 0


def test_the_console_from_a_pipe(make_unit, switch_on):
    unit = make_unit()
    board = switch_on(unit.path)
    done = subprocess.run(
        [sys.executable, "-m", "nameplate", "console", board.port],
        input=b'id\nfaults\nnonsense\n{"jsonrpc":"2.0","id":1,"method":"version"}\n',
        capture_output=True, timeout=60, check=False,
    )  # fmt: skip
    lines = done.stdout.decode().splitlines()
    assert done.returncode == 0
    assert f"serial    {unit.serial}" in lines
    assert "no fault is known" in lines
    assert '? no command "nonsense": try help' in lines
    assert json.loads(lines[-1])["result"]["provisioned"] is True


def test_a_board_that_is_switched_off_is_not_reached(make_unit, switch_on, capsys):
    board = switch_on(make_unit().path)
    port = board.port
    board.stop()
    assert run(["read", port, "--timeout", "1"]) == NOT_REACHED
    assert port in capsys.readouterr().err
