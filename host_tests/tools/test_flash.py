"""`factory flash` against a chip's boot loader on a pseudo-terminal: the bytes, and plain words for all that goes wrong."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import pty
import signal
import subprocess
import sys
import time
import tty
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest

from host_tests.factory_fixtures import UNIT, Keys
from host_tests.tools import base_builds
from host_tests.tools.base_builds import MIB
from host_tests.tools.flash_board import FLASH_SIZE, MockBoard
from nameplate.cli import main
from nameplate.errors import FAULT_FOUND, NOT_REACHED, USAGE, NameplateError
from nameplate.factory import image
from nameplate.factory.flash import flash
from nameplate.factory.flash_esptool import Run, Step
from nameplate.factory.flash_words import INTERRUPTED, FlashError, chip_name, explain
from nameplate.factory.provision import Unit, provision
from nameplate.factory.registry import Registry
from nameplate.factory.request import ProvisionRequest
from nameplate.link.spec import parse

BUILDS = {
    "esp32": (base_builds.ESP32, None),
    "esp32c3": (base_builds.C3, None),
    "esp32s3": (base_builds.S3, None),
    "esp32c3 8MB": (base_builds.C3, 8 * MIB),
    "esp32s3 8MB": (base_builds.S3_OLD, None),
}
_PROGRAM = 200_000  # bytes of MicroPython; the real one's are more, and only take longer


@pytest.fixture(scope="module")
def file_for(tmp_path_factory: pytest.TempPathFactory, manufacturer: Keys) -> Callable[[str], Path]:
    """`file_for("esp32")`: a unit's file over a base for that chip; made once."""
    root = image.device_root()
    slot = image.slot_files(root, image.profile.load(root, "kf320"), lambda step: None)
    folder = tmp_path_factory.mktemp("files")

    @cache
    def make(name: str) -> Path:
        build, flash_size = BUILDS[name]
        base, plain, unit = (folder / f"{name}-{what}.bin" for what in ("base", "image", "unit"))
        base.write_bytes(build.but(program_size=_PROGRAM).file())
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(image, "slot_files", lambda *given: slot)
            image.build_image("kf320", plain, base_file=base, flash_size=flash_size)
        request = ProvisionRequest(serial="FLASH-2", **UNIT)
        provision(
            request, image=plain, out=unit, keys=manufacturer.directory, registry=unit.with_suffix(".db")
        )
        return unit

    return make


@pytest.fixture(scope="module")
def unit(make_unit: Callable[..., Unit]) -> Unit:
    """A unit whose file has no base."""
    return make_unit("FLASH-1")


@pytest.fixture
def esp32(file_for: Callable[[str], Path]) -> Path:
    """A unit's file for the ESP32."""
    return file_for("esp32")


@pytest.fixture
def quick(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """esptool tries once, not seven times."""
    config = tmp_path / "esptool.cfg"
    config.write_text("[esptool]\nconnect_attempts = 1\n")
    monkeypatch.setenv("ESPTOOL_CFGFILE", str(config))


@pytest.fixture
def silent(tmp_path: Path) -> Iterator[str]:
    """A port at which nothing answers."""
    master, slave = pty.openpty()
    tty.setraw(slave)
    yield os.ttyname(slave)
    os.close(master)
    os.close(slave)


@pytest.mark.parametrize(("chip", "address"), [("esp32", 0x1000), ("esp32c3", 0), ("esp32s3", 0)])
def test_the_flash_holds_the_file_byte_for_byte(
    file_for: Callable[[str], Path], tmp_path: Path, chip: str, address: int
) -> None:
    file = file_for(chip)
    told: list[Step] = []
    with MockBoard(tmp_path, chip) as board:
        done = flash(file, board.port, tell=told.append)
        held = board.data
    assert held[address:] == file.read_bytes()
    assert held[:address] == b"\xff" * address
    assert (done.chip, done.address, done.size) == (chip, address, FLASH_SIZE - address)
    assert done.sha256 == hashlib.sha256(file.read_bytes()).hexdigest()
    assert done.board.startswith(chip_name(chip))
    assert done.verified
    assert not done.reset  # a pseudo-terminal has no line that could
    names = list(dict.fromkeys(step.name for step in told))
    assert names[-4:] == ["prepare", "write", "verify", "reset"]
    percents = [step.percent for step in told if step.name == "write"]
    assert percents == sorted(percents)
    assert len(set(percents)) > 5
    assert told[-1].address == FLASH_SIZE


# What is wrong with the file, before anything is opened


def test_a_file_that_is_none_of_ours_is_refused(tmp_path: Path) -> None:
    other = tmp_path / "holiday.jpg"
    other.write_bytes(b"\xff\xd8\xff\xe0" * 1000)
    with pytest.raises(NameplateError, match=r"holiday\.jpg is not a Nameplate image") as caught:
        flash(other, "/dev/ttyNONE")
    assert caught.value.exit_code == USAGE


def test_a_file_without_a_base_is_refused_and_says_what_to_do(unit: Unit) -> None:
    with pytest.raises(NameplateError, match="holds no MicroPython") as caught:
        flash(unit.path, "/dev/ttyNONE")
    assert caught.value.exit_code == USAGE
    assert "--base" in caught.value.hint


# What is wrong with the port


def test_a_port_that_is_not_there(esp32: Path) -> None:
    with pytest.raises(NameplateError, match="/dev/ttyNONE: no such port") as caught:
        flash(esp32, "/dev/ttyNONE")
    assert caught.value.exit_code == NOT_REACHED
    assert "nameplate find" in caught.value.hint


def test_a_port_that_another_program_holds(esp32: Path, silent: str) -> None:
    held = os.open(silent, os.O_RDWR | os.O_NOCTTY)
    fcntl.flock(held, fcntl.LOCK_EX)
    with pytest.raises(NameplateError, match="another program has it open") as caught:
        flash(esp32, silent)
    assert caught.value.exit_code == NOT_REACHED
    os.close(held)


def test_a_port_that_is_not_ours_to_open(esp32: Path, silent: str) -> None:
    os.chmod(silent, 0)
    if is_root := os.geteuid() == 0:
        os.chmod(esp32, 0o644)
        for folder in list(esp32.parents)[:-1]:
            folder.chmod(folder.stat().st_mode | 0o011)
        os.seteuid(65534)
    try:
        with pytest.raises(NameplateError, match="permission denied") as caught:
            flash(esp32, silent)
    finally:
        if is_root:
            os.seteuid(0)
    assert caught.value.exit_code == NOT_REACHED
    assert "usermod -aG" in caught.value.hint


def test_a_file_that_is_no_port(esp32: Path, tmp_path: Path) -> None:
    plain = tmp_path / "plain"
    plain.write_text("")
    with pytest.raises(NameplateError, match="not a serial port|cannot be opened"):
        flash(esp32, str(plain))


def test_a_virtual_board_is_not_flashed(
    esp32: Path, unit: Unit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from nameplate.sim.board import VirtualBoard

    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    with VirtualBoard(unit.path, world={"power": "off"}) as board:
        with pytest.raises(NameplateError, match="virtual board") as caught:
            flash(esp32, board.port)
    assert "nameplate sim run" in caught.value.hint


def test_nothing_answers(quick: None, esp32: Path, silent: str) -> None:
    with pytest.raises(FlashError, match="nothing answers") as caught:
        flash(esp32, silent)
    assert (caught.value.exit_code, caught.value.reason, caught.value.state) == (
        NOT_REACHED,
        "no-answer",
        "untouched",
    )
    assert "hold BOOT" in caught.value.hint


# What is wrong with the board


@pytest.mark.parametrize(
    ("chip", "board_chip"), [("esp32c3", "esp32"), ("esp32", "esp32c3"), ("esp32", "esp32s3")]
)
def test_a_file_for_another_chip_is_not_written(
    file_for: Callable[[str], Path], tmp_path: Path, chip: str, board_chip: str
) -> None:
    file = file_for(chip)
    with MockBoard(tmp_path, board_chip) as board:
        with pytest.raises(FlashError) as caught:
            flash(file, board.port)
        assert board.data == b"\xff" * FLASH_SIZE
    assert (
        f"the board is an {chip_name(board_chip)}, the file is for the {chip_name(chip)}"
        in caught.value.message
    )
    assert (caught.value.exit_code, caught.value.state) == (USAGE, "untouched")


def test_a_flash_that_must_be_just_as_large_and_is_not(
    file_for: Callable[[str], Path], tmp_path: Path
) -> None:
    """Where the table has no row for the file system, MicroPython takes all that the chip has."""
    file = file_for("esp32c3 8MB")
    with MockBoard(tmp_path, "esp32c3") as board:
        with pytest.raises(
            FlashError, match="has 4096 KiB of flash, the file is for 8192 KiB exactly"
        ) as caught:
            flash(file, board.port)
        assert board.data == b"\xff" * FLASH_SIZE
    assert (caught.value.exit_code, caught.value.reason) == (USAGE, "flash-size")


def test_a_flash_that_is_too_small(file_for: Callable[[str], Path], tmp_path: Path) -> None:
    file = file_for("esp32s3 8MB")
    with MockBoard(tmp_path, "esp32s3") as board:
        with pytest.raises(FlashError, match="has 4096 KiB of flash, the file needs 8192 KiB") as caught:
            flash(file, board.port)
        assert board.data == b"\xff" * FLASH_SIZE
    assert (caught.value.exit_code, caught.value.reason) == (USAGE, "flash-too-small")


def test_flash_that_does_not_keep_what_is_written_is_a_fault(esp32: Path, tmp_path: Path) -> None:
    with MockBoard(tmp_path, worn=0x200010) as board:
        with pytest.raises(FlashError, match="not what was written") as caught:
            flash(esp32, board.port)
    assert (caught.value.exit_code, caught.value.reason) == (FAULT_FOUND, "not-verified")


# What happens on the way


def test_a_cable_pulled_half_way_and_then_again_from_the_start(
    quick: None, esp32: Path, tmp_path: Path
) -> None:
    told: list[Step] = []
    with MockBoard(tmp_path, pull_at=0x30000) as board:
        with pytest.raises(FlashError, match="the line was lost while writing") as caught:
            flash(esp32, board.port, tell=told.append)
        half = board.data
    assert "wait" in {step.name for step in told}
    assert (caught.value.exit_code, caught.value.reason, caught.value.state) == (
        NOT_REACHED,
        "lost",
        "half-written",
    )
    assert "does not start until it is whole" in caught.value.hint
    assert "run it again" in caught.value.hint
    assert half[0x1000:] != esp32.read_bytes()
    again = tmp_path / "again"
    again.mkdir()
    with MockBoard(again) as board:
        board.flash.data[:] = half
        flash(esp32, board.port)
        assert board.data[0x1000:] == esp32.read_bytes()


def test_a_cable_that_is_put_back_at_once(esp32: Path, tmp_path: Path) -> None:
    told: list[Step] = []
    with MockBoard(tmp_path, pull_at=0x30000, plug_in_s=0.5) as board:
        flash(esp32, board.port, tell=told.append)
        assert board.pulled.is_set()
        assert board.data[0x1000:] == esp32.read_bytes()
    assert "wait" in {step.name for step in told}


def test_stopped_by_hand_it_says_how_the_board_is_left_and_esptool_is_gone(
    esp32: Path, tmp_path: Path
) -> None:
    def stop(step: Step) -> None:
        if step.name == "write" and step.percent > 20:
            raise KeyboardInterrupt

    with MockBoard(tmp_path) as board:
        with pytest.raises(FlashError, match="stopped") as caught:
            flash(esp32, board.port, tell=stop)
        descriptor = os.open(os.path.realpath(board.port), os.O_RDWR | os.O_NOCTTY)
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)  # esptool held it
        os.close(descriptor)
    assert (caught.value.exit_code, caught.value.state) == (INTERRUPTED, "half-written")
    assert "nothing is broken" in caught.value.hint


# The command


def test_the_command_tells_what_it_does_and_nothing_secret(
    esp32: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with MockBoard(tmp_path) as board:
        code = main.run(["factory", "flash", "--port", board.port, str(esp32)])
    out, err = capsys.readouterr()
    assert code == 0
    assert "the digest is right" in out
    assert "press EN (RST)" in out
    lines = err.splitlines()
    assert lines[0] == "connecting ..."
    assert {"writing ...", "reading back ..."} <= set(lines)
    assert sum(line.endswith(" %") for line in lines) > 3
    with Registry(esp32.with_suffix(".db")) as register, register.exclusive():
        [(_, broker_secret)] = register.broker_users()
    for secret in (broker_secret, UNIT["wifi_psk"]):
        assert secret not in out + err


def test_json_is_one_object_a_line(esp32: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with MockBoard(tmp_path) as board:
        assert (
            main.run(["factory", "flash", "--json", "--baud", "115200", "--port", board.port, str(esp32)])
            == 0
        )
    out, err = capsys.readouterr()
    lines = [json.loads(line) for line in out.splitlines()]
    assert err == ""
    assert {line["step"] for line in lines[:-1]} >= {"connect", "write", "verify"}
    assert all("percent" in line for line in lines if line.get("step") == "write")
    assert lines[-1] | {"seconds": 0} == {
        "event": "done",
        "port": f"pty:{board.port}",
        "file": str(esp32),
        "chip": "esp32",
        "board": "ESP32-D0WDQ6 (revision v0.0)",
        "mac": lines[-1]["mac"],
        "address": 0x1000,
        "size": FLASH_SIZE - 0x1000,
        "sha256": hashlib.sha256(esp32.read_bytes()).hexdigest(),
        "reset": False,
        "verified": True,
        "seconds": 0,
    }


def test_a_terminal_gets_a_bar(esp32: Path, tmp_path: Path) -> None:
    master, slave = pty.openpty()
    with MockBoard(tmp_path) as board:
        command = [sys.executable, "-m", "nameplate", "factory", "flash", "--port", board.port, str(esp32)]
        environment = {**os.environ, "PYTHONPATH": "tools", "TERM": "xterm", "COLUMNS": "100"}
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=slave, env=environment)
        os.close(slave)
        shown = _read_all(master)
        assert process.wait(30) == 0
        assert process.stdout is not None
        assert b"the digest is right" in process.stdout.read()
        process.stdout.close()
    assert "writing" in shown
    assert "━" in shown


def test_ctrl_c_ends_it_with_two_lines(esp32: Path, tmp_path: Path) -> None:
    with MockBoard(tmp_path) as board:
        command = [
            sys.executable,
            "-m",
            "nameplate",
            "factory",
            "flash",
            "--port",
            board.port,
            str(esp32),
            "--json",
        ]
        process = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": "tools"},
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
        )
        assert process.stdout is not None
        assert json.loads(process.stdout.readline())["step"] == "connect"
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=30)
    assert process.returncode == INTERRUPTED
    assert len(err.splitlines()) == 2
    assert "stopped" in err


def _read_all(descriptor: int) -> str:
    data = b""
    end = time.monotonic() + 60
    while time.monotonic() < end:
        try:
            more = os.read(descriptor, 65536)
        except OSError:  # the last other end is closed
            break
        data += more
    os.close(descriptor)
    return data.decode(errors="replace")


# Words that the mock cannot be brought to: what esptool prints then, from its own source

PORT = parse("/dev/ttyUSB0")
ASKED = {
    "Secure Boot V1 detected, writing to flash regions < 0x8000 ": "secure boot",
    "Detected flash encryption enabled and ": "flash encryption",
    "Failed to set baud rate 4000000. The driver may not support this rate.": "cannot do 4000000 baud",
    "Bootloader image requires chip revision v3.0 or higher (this chip is revision v1.0). Use --force to flash anyway.":
        "wants chip revision v3.0 or higher",
    "Failed to connect to ESP32: Wrong boot mode detected (0x13)! The chip needs to be in download mode.":
        "started its program",
    "Failed to connect to ESP32: Download mode successfully detected, but getting no sync reply: "
    "The serial TX path seems to be down.": "does not hear us",
    "Could not open /dev/ttyUSB0, the port is busy or doesn't exist.\n"
    "([Errno 13] could not open port /dev/ttyUSB0: [Errno 13] Permission denied: '/dev/ttyUSB0')": "permission denied",
    "Could not open /dev/ttyUSB0, the port is busy or doesn't exist.\n"
    "([Errno 11] Could not exclusively lock port /dev/ttyUSB0: [Errno 11] Resource temporarily unavailable)":
        "another program has it open",
}  # fmt: skip


def run_that_said(words: str, writing: bool = False) -> Run:
    run = Run([])
    if writing:
        run._hear(b"Flash will be erased from 0x00001000 to 0x003fffff...")
        run._hear(b"Writing at 0x00230000 ==      40.0% 1kB/2kB [0s]")
    for line in f"ERROR: A fatal error occurred: {words}".splitlines():
        run._hear(line.encode())
    run.code = 2
    return run


@pytest.mark.parametrize("words", ASKED)
def test_what_esptool_says_before_it_writes(words: str) -> None:
    error = explain(run_that_said(words), PORT, "esp32", 0x400000)
    assert ASKED[words] in error.message
    assert error.hint
    assert "half" not in error.hint


def test_trouble_while_writing_tells_how_far_it_came() -> None:
    error = explain(run_that_said("Timed out waiting for packet header", True), PORT, "esp32", 0x400000)
    assert isinstance(error, FlashError)
    assert "Timed out waiting for packet header" in error.message
    assert "written up to 0x230000 of 0x400000" in error.hint
    assert (error.exit_code, error.state) == (NOT_REACHED, "half-written")


def test_a_chip_that_esptool_does_not_know_is_not_written_to(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """esptool itself warns, and goes on."""
    written = tmp_path / "written"
    program = (
        "import time, pathlib\n"
        'print("WARNING: This chip doesn\'t appear to be an ESP32", flush=True)\n'
        f"time.sleep(2)\npathlib.Path({str(written)!r}).touch()"
    )
    run = Run([])
    monkeypatch.setattr(run, "_command", [sys.executable, "-c", program])
    assert list(run.steps())
    assert not written.exists()
    assert run.code is None
    error = explain(run, PORT, "esp32", 0x400000)
    assert "none that esptool knows" in error.message


def test_every_phrase_that_is_looked_for_is_one_of_the_pinned_release() -> None:
    """A newer esptool may say it otherwise: then these words have to be read anew."""
    import esptool

    folder = Path(esptool.__file__).parent
    source = " ".join(
        line.strip().strip('"f')
        for name in ("__init__", "cmds", "loader")
        for line in (folder / f"{name}.py").read_text().splitlines()
    )
    for phrase in (
        "Hash of data verified.", "Verifying written data...", "Lost connection, retrying", "Flash will be erased from",
        "This chip doesn't appear to be an", "Wrong chip argument?", "Secure Boot V1 detected", "requires chip revision",
        "will not fit in", "Could not open", "the port is busy or doesn't exist", "Failed to set baud rate",
        "Wrong boot mode detected", "Download mode successfully detected", "Failed to connect to",
        "MD5 of file does not match", "written flash region is empty", "Cannot verify written data", "Writing at ",
        "serial exception error", "No more data to read", "Detected flash size:", "Chip type:", "Hard resetting",
    ):  # fmt: skip
        assert phrase in source, phrase


def test_without_esptool_it_says_how_to_get_it(
    esp32: Path, silent: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(NameplateError, match="esptool is not installed") as caught:
        Run([])
    assert "nameplate[factory]" in caught.value.hint
