"""`nameplate dev` on the real firmware in the simulator, through the real mpremote: push, log, reset, and who is refused."""

from __future__ import annotations

import hashlib
import json
import os
import pty
import shutil
import time
import tty
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from nameplate.cli import main
from nameplate.dev import board as dev_board
from nameplate.dev import log as dev_log
from nameplate.dev import push as dev_push
from nameplate.dev import scripts
from nameplate.dev.push import Looked, make_plan, push
from nameplate.dev.remote import BoardFailed, NoPrompt, Remote
from nameplate.dev.restart import restart
from nameplate.errors import FAULT_FOUND, NOT_REACHED, USAGE, NameplateError
from nameplate.factory.littlefs_image import FileSystem
from nameplate.factory.partitions import VFS
from nameplate.factory.provision import Unit
from nameplate.link.spec import Spec, parse
from nameplate.sim.board import VirtualBoard

ROOT = Path(__file__).resolve().parent.parent.parent
MakeUnit = Callable[..., Unit]


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A copy of the device's sources, for a developer to change."""
    root = tmp_path_factory.mktemp("checkout")
    for name in ("firmware", "lib", "models"):
        shutil.copytree(ROOT / name, root / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("boot.py", "main.py"):
        shutil.copy(ROOT / name, root)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(dev_push, "device_root", lambda: root)
        yield root


@pytest.fixture(scope="module")
def board(make_unit: MakeUnit) -> Iterator[VirtualBoard]:
    """A development board; its line is six times as fast as a real one's."""
    unit = make_unit("DEV-PUSH", dev=True)
    with VirtualBoard(unit.path, register=False, speed=6.0) as running:
        yield running


@pytest.fixture(scope="module")
def spec(board: VirtualBoard) -> Spec:
    where = parse(board.port)
    dev_board.wait_until_back(where, 30)
    return where


def running_slot(board: VirtualBoard) -> dict[str, bytes]:
    """The files of the slot that the board starts from, read from its flash."""
    system = FileSystem(board.flash_path.read_bytes()[VFS.offset : VFS.end])
    try:
        slot = system.read("/slot").decode()
    except FileNotFoundError:
        slot = "a"
    start = f"/{slot}/"
    return {path[len(start) :]: system.read(path) for path, _ in system.files() if path.startswith(start)}


def starts(board: VirtualBoard) -> list[str]:
    return [event.detail for event in board.events if event.kind == "boot"]


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


# On one board, in this order: each push begins where the one before ended


def test_only_what_changed_is_sent_and_the_board_runs_it(
    board: VirtualBoard, spec: Spec, sources: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before, begun = running_slot(board), len(starts(board))
    edit(sources / "firmware/version.py", 'VERSION = "', 'VERSION = "9.9.')
    assert main.run(["dev", "push", str(spec), "--json"]) == 0
    *steps, done = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    sent = done["sent"]
    assert (done["slot"], done["model"]) == ("b", "KF-320")
    assert done["firmware"].startswith("9.9.")
    assert done["kept"] == len(before) - len(sent)
    assert {step["step"].split()[0] for step in steps} >= {"looking", "sending", "checking", "restarting"}
    assert starts(board)[begun:] == ["soft", "hard"]  # mpremote's, for a fresh heap, and ours at the end
    held = running_slot(board)
    # The version, a short word, stands wherever it is told.
    assert "firmware/build.mpy" in sent and len(sent) < 6
    assert all(b"9.9." in held[path] for path in sent)
    assert {path for path in held if held[path] != before[path]} == {*sent}


def test_what_is_there_already_needs_nothing(board: VirtualBoard, spec: Spec, sources: Path) -> None:
    seen = dev_push.read_look(Remote(spec).execute(scripts.LOOK, fresh=True))
    entries = {f"/{name}": (sources / name).read_bytes() for name in ("boot.py", "main.py")}
    assert make_plan(seen, running_slot(board), entries).slot == ""
    assert (seen.slot, seen.dev, seen.model) == ("/b", True, "KF-320")


def test_code_that_does_not_start_is_taken_back(board: VirtualBoard, spec: Spec, sources: Path) -> None:
    held = running_slot(board)
    source = sources / "firmware/alarm.py"
    text = source.read_text()
    source.write_text(text + "\nimport nothing_like_it\n")
    with pytest.raises(NameplateError, match="does not start: .*nothing_like_it") as caught:
        push(spec)
    assert caught.value.exit_code == FAULT_FOUND
    assert "slot b" in caught.value.hint
    assert running_slot(board) == held
    assert dev_board.ask(spec)["firmware"].startswith("9.9.")
    source.write_text(text)


def test_sources_that_do_not_compile_leave_the_board_running(
    board: VirtualBoard, spec: Spec, sources: Path
) -> None:
    held = running_slot(board)
    source = sources / "firmware/alarm.py"
    text = source.read_text()
    source.write_text(text + "\ndef (\n")
    with pytest.raises(NameplateError, match=r"firmware/alarm\.py line \d+ does not compile"):
        push(spec)
    source.write_text(text)
    assert dev_board.wait_until_back(spec, 30)["dev"] is True
    assert running_slot(board) == held


def test_reset_hard_and_soft(board: VirtualBoard, spec: Spec) -> None:
    restart(spec)
    dev_board.wait_until_back(spec, 30)
    assert starts(board)[-1] == "hard"
    restart(spec, soft=True)
    dev_board.wait_until_back(spec, 30)
    assert starts(board)[-1] == "soft"


def test_the_log_is_followed_through_a_restart(board: VirtualBoard, spec: Spec) -> None:
    seen: list[tuple[bool, str]] = []
    pressed = 0
    end = time.monotonic() + 60
    for entry in dev_log.follow(spec):
        seen.append((entry.number is not None, entry.text))
        if not pressed and entry.number is not None:
            pressed = len(seen)
            board.press_reset()
        if pressed and entry.number is not None and ": start " in entry.text and "(power)" in entry.text:
            break
        assert time.monotonic() < end, seen
    assert any(not record and "POWERON_RESET" in text for record, text in seen[pressed:])


def test_the_log_once(spec: Spec, capsys: pytest.CaptureFixture[str]) -> None:
    assert main.run(["dev", "log", "--once", "--json", str(spec)]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert lines
    assert all(line["event"] == "record" and isinstance(line["n"], int) for line in lines)
    assert any(": start " in line["text"] for line in lines)


def test_what_the_board_raises_is_told(spec: Spec) -> None:
    with pytest.raises(BoardFailed, match="ZeroDivisionError"):
        Remote(spec).execute("1//0")
    restart(spec)


# Who is refused


def test_a_shipped_board_is_refused_and_goes_on(
    make_unit: MakeUnit, capsys: pytest.CaptureFixture[str]
) -> None:
    with VirtualBoard(make_unit("SHIPPED").path, register=False) as shipped:
        spec = parse(shipped.port)
        dev_board.wait_until_back(spec, 30)
        for words in (["push"], ["reset"], ["reset", "--soft"]):
            assert main.run(["dev", *words, str(spec)]) == USAGE
            err = capsys.readouterr().err
            assert "a shipped board: it has no prompt" in err
            assert "factory provision --dev" in err
        assert starts(shipped) == ["power"]


def test_a_line_where_no_prompt_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nameplate.dev.remote._SILENT_S", 1.0)
    master, slave = pty.openpty()
    tty.setraw(slave)
    with pytest.raises(NoPrompt, match="no prompt answers there") as caught:
        Remote(parse(os.ttyname(slave))).execute("pass")
    assert caught.value.exit_code == NOT_REACHED
    os.close(master)
    os.close(slave)


def test_a_port_that_is_not_there() -> None:
    for verb in (lambda spec: push(spec), restart, lambda spec: next(dev_log.follow(spec))):
        with pytest.raises(NameplateError, match="no such port") as caught:
            verb(parse("/dev/ttyNONE"))
        assert caught.value.exit_code == NOT_REACHED


def test_without_mpremote_it_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(NameplateError, match="mpremote is not installed"):
        Remote(parse("/dev/ttyNONE"))


# The plan


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


ENTRIES = {"/boot.py": b"boot", "/main.py": b"main"}


def looked(**files: bytes) -> Looked:
    """A board that runs slot a; `a_x` is /a/x."""
    found = {f"/{name.replace('_', '/', 1)}": digest(content) for name, content in files.items()}
    return Looked(found | {path: digest(content) for path, content in ENTRIES.items()}, "/a", True, "X")


def test_a_file_goes_over_the_line_only_when_neither_slot_has_it() -> None:
    plan = make_plan(
        looked(a_same=b"1", a_old=b"2", a_moved=b"3", b_same=b"1", b_left=b"9", b_old=b"7"),
        {"same": b"1", "old": b"4", "new/moved": b"3"},
        ENTRIES,
    )
    assert plan.slot == "/b"
    assert plan.keep == ["same"]
    assert plan.copy == [("/a/moved", "/b/new/moved")]
    assert plan.send == {"old": b"4"}
    assert plan.remove == ["/b/left", "/b/old"]
    assert plan.stale == ["/b/left"]
    assert plan.entries == {}


def test_boot_py_alone_needs_no_other_slot() -> None:
    plan = make_plan(looked(a_x=b"1"), {"x": b"1"}, {**ENTRIES, "/boot.py": b"new"})
    assert (plan.slot, plan.entries, plan.send, plan.remove) == ("/a", {"/boot.py": b"new"}, {}, [])


def test_a_model_that_no_folder_is_for() -> None:
    with pytest.raises(NameplateError, match="no folder of models/ is for XX-1"):
        dev_push.folder_of(ROOT, "XX-1")
