"""`nameplate sim` and the register of running boards, as a person meets them."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from host_tests.tools.flash_images import flash_image
from host_tests.tools.sim_board import PROFILE, running
from nameplate.cli.sim import command
from nameplate.errors import NameplateError
from nameplate.sim import registry
from nameplate.sim.board import VirtualBoard

MAIN = "import time\nprint('alive')\nwhile True: time.sleep(1)\n"


@pytest.fixture(autouse=True)
def own_register(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """No test sees another's boards."""
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    return tmp_path


@pytest.fixture
def image(tmp_path: Path) -> Path:
    return flash_image(tmp_path / "unit-7.bin", {"/main.py": MAIN, "/a/models/profile.json": PROFILE})


@pytest.fixture
def started(image: Path) -> Iterator[subprocess.Popen[str]]:
    """`nameplate sim run` in a process of its own; its first line of output has been read."""
    arguments = ["run", str(image), "door=open", "--port", "tcp:127.0.0.1:0", "--json"]
    code = "from nameplate.cli.main import main; main()"
    with subprocess.Popen(
        [sys.executable, "-c", code, "sim", *arguments],
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ,
        preexec_fn=hear_ctrl_c,
    ) as process:
        yield process
        if process.poll() is None:
            process.terminate()


def hear_ctrl_c() -> None:
    """A suite that was started in the background hands down that Ctrl-C is ignored."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def nameplate(*arguments: str) -> str:
    result = CliRunner().invoke(command, arguments, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def test_run_tells_where_it_is_and_lives_until_it_is_stopped(started: subprocess.Popen[str]) -> None:
    assert started.stdout is not None
    told = json.loads(started.stdout.readline())
    assert told["name"] == "unit-7"
    assert told["simulated"] is True
    host, _, port = told["port"].removeprefix("tcp:").rpartition(":")
    with socket.create_connection((host, int(port)), timeout=10):
        assert nameplate("list").split() == ["unit-7", told["port"]]
        assert json.loads(nameplate("list", "--json"))[0]["pid"] == started.pid
        assert nameplate("set", "leak=wet", "fridge=open") == "unit-7: leak=wet, fridge=open\n"
        shown = json.loads(nameplate("show", "--json"))
        assert shown["model"] == "KF-320"
        assert (shown["world"]["leak"], shown["world"]["door"]) == ("wet", "open")
        assert "leak=wet" in nameplate("show", "unit-7")
    assert nameplate("stop") == "unit-7 stopped\n"
    assert started.wait(10) == 0
    assert "no virtual board runs" in nameplate("list")


def test_ctrl_c_ends_it_cleanly(started: subprocess.Popen[str], own_register: Path) -> None:
    assert started.stdout is not None
    started.stdout.readline()
    started.send_signal(signal.SIGINT)
    assert started.wait(10) in (0, 130)
    assert list((own_register / "nameplate").iterdir()) == []


def test_one_that_was_killed_is_forgotten(started: subprocess.Popen[str], own_register: Path) -> None:
    assert started.stdout is not None
    started.stdout.readline()
    started.kill()
    started.wait(10)
    assert len(list((own_register / "nameplate").iterdir())) == 2
    assert registry.running() == []
    assert list((own_register / "nameplate").iterdir()) == []


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("leak=soup",), "must be one of dry"),
        (("fog=1",), "no 'fog'"),
        (("unit",), "nothing to change"),
        (("unit", "leak"), "no change"),
        (("other", "leak=wet"), "no virtual board named 'other'"),
    ],
)
def test_what_cannot_be_set_is_told_and_nothing_is_changed(
    tmp_path: Path, words: tuple[str, ...], message: str
) -> None:
    with running(tmp_path, MAIN, register=True) as board:
        before = board.world()
        with pytest.raises(NameplateError, match=message):
            CliRunner().invoke(command, ["set", *words], catch_exceptions=False)
        assert board.world() == before


def test_all_changes_or_none(tmp_path: Path) -> None:
    with running(tmp_path, MAIN, register=True) as board:
        with pytest.raises(NameplateError):
            registry.ask(registry.find(None), {"set": {"leak": "wet", "door": "ajar"}})
        assert board.get("leak") == "dry"


def test_with_two_boards_a_name_is_wanted(tmp_path: Path) -> None:
    folders = [tmp_path / "1", tmp_path / "2"]
    for folder in folders:
        folder.mkdir()
    with running(folders[0], MAIN, register=True) as one, running(folders[1], MAIN, register=True) as two:
        assert [one.name, two.name] == ["unit", "unit-2"]
        assert [sim.port for sim in registry.running()] == [one.port, two.port]
        with pytest.raises(NameplateError, match="several"):
            registry.find(None)
        nameplate("set", "unit-2", "leak=wet")
        assert (one.get("leak"), two.get("leak")) == ("dry", "wet")


@pytest.mark.parametrize(
    "request_", [b"nonsense\n", b"[]\n", b'{"set": 5}\n', b'{"get": ["fog"]}\n', b"{}\n"]
)
def test_a_bad_request_is_answered_and_the_board_lives(tmp_path: Path, request_: bytes) -> None:
    with running(tmp_path, MAIN, register=True) as board:
        with socket.socket(socket.AF_UNIX) as line:
            line.settimeout(10)
            line.connect(registry.find(None).control)
            line.sendall(request_)
            assert "error" in json.loads(line.recv(4096))
            line.sendall(b'{"get": ["leak", "alarm", "air_c"]}\n')
            assert json.loads(line.recv(4096)) == {"leak": "dry", "alarm": "off", "air_c": "4.500"}
        assert board.powered


def test_a_register_of_somebody_elses_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "nameplate").symlink_to(tmp_path)
    with pytest.raises(NameplateError, match="somebody else"):
        registry.running()


def test_a_port_that_is_taken_or_none_is_told(image: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        with pytest.raises(NameplateError, match="cannot listen"):
            VirtualBoard(image, port=f"tcp:127.0.0.1:{taken.getsockname()[1]}")
    for wrong in ("serial:/dev/x", "tcp:here", "tcp::5"):
        with pytest.raises(NameplateError, match="not a port"):
            VirtualBoard(image, port=wrong)


def test_every_client_of_a_tcp_port_sees_the_line(tmp_path: Path) -> None:
    main = "import sys\nwhile True: print('got', sys.stdin.readline().strip())\n"
    with running(tmp_path, main, port="tcp:127.0.0.1:0", speed=1.0) as board:
        address = ("127.0.0.1", int(board.port.rpartition(":")[2]))
        with (
            socket.create_connection(address, timeout=10) as one,
            socket.create_connection(address, timeout=10) as two,
        ):
            time.sleep(0.2)
            one.sendall(b"hello\n")
            for client in (one, two):
                text = b""
                while b"got hello\r\n" not in text:
                    text += client.recv(4096)


def test_the_keys_of_a_board_are_listed_with_what_they_mean(tmp_path: Path) -> None:
    with running(tmp_path, MAIN, register=True):
        listed = [line.split(None, 1) for line in nameplate("keys").splitlines()]
        assert ["leak", "the leak probe, base pan (dry, damp, wet, open, short) [dry]"] in listed
        assert ["pan", "the same as leak (dry, damp, wet, open, short) [dry]"] in listed
        assert {"power_cut_at", "fridge_c"} <= {key for key, _ in listed}
        told = json.loads(nameplate("keys", "unit", "--json"))["room_c"]
        assert told == {
            "help": "temperature of the room",
            "values": "a number from -20 to 60",
            "default": "22",
        }


@pytest.mark.parametrize("speed", ["0", "fast", "-1", "1e9"])
def test_an_impossible_speed_is_refused(image: Path, speed: str) -> None:
    result = CliRunner().invoke(command, ["run", str(image), "--speed", speed])
    assert result.exit_code == 2
    assert "say max" in result.output
