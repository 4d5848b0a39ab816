"""A board's prompt, through mpremote, run as a program: it has no library interface that it promises to keep."""

from __future__ import annotations

import base64
import importlib.util
import os
import re
import selectors
import subprocess
import sys
import time
import zlib
from collections.abc import Callable, Iterable, Mapping

from nameplate.dev import scripts
from nameplate.errors import FAULT_FOUND, NOT_REACHED, USAGE, NameplateError
from nameplate.link.base import LinkLost
from nameplate.link.spec import Spec
from nameplate.text import clean_line

# mpremote waits ten seconds for a prompt, and without end on a pseudo-terminal that is silent.
_SILENT_S = 8.0
_SAID_MOST = 1 << 20
_PIECE = 2048  # base64 letters that the board holds at once
_WINDOW_BITS = 10  # a kilobyte is all that unpacking takes there
_GONE = re.compile(r"SerialException|\[Errno (?:5|6)\]|device disconnected|ClearCommError")
_NO_PROMPT = "could not enter raw repl"
_ON_BOARD = re.compile(r'File "<stdin>"')
_HINT = "see what it does with: nameplate dev log; start it again with its EN (RST) button"


class NoPrompt(NameplateError):
    """There is no prompt at the other end."""


class BoardFailed(NameplateError):
    """What was run on the board raised an exception; `raised` is its last line."""

    def __init__(self, message: str, hint: str, raised: str) -> None:
        super().__init__(message, hint, FAULT_FOUND)
        self.raised = raised


class Remote:
    """One board's prompt. Raises NameplateError when mpremote is not installed."""

    def __init__(self, spec: Spec) -> None:
        if importlib.util.find_spec("mpremote") is None:
            raise NameplateError(
                "mpremote is not installed", "install it with: pip install 'nameplate[factory]'", USAGE
            )
        self.spec = spec

    def execute(self, script: str, *, fresh: bool = False) -> list[str]:
        """Run a script on the board and return the lines it printed.

        `fresh` interrupts whatever runs and starts the interpreter anew, without main.py, so that the script has the
        memory to itself; it is tried more than once, because a board that is just starting hears no Ctrl-C.
        Raises NoPrompt, BoardFailed, LinkLost.
        """
        for last in (False, False, True) if fresh else (True,):
            try:
                return self._run([*(() if fresh else ("resume",)), "exec", script])
            except NoPrompt:
                if last:
                    raise
        raise AssertionError

    def send(self, files: Mapping[str, bytes], told: Callable[[str, int], None]) -> None:
        """Write files on the board, by place; `told(place, bytes)` hears how many of all bytes are over. Raises as `execute`.

        They go compressed and in base64: the line is what takes the time, and mpremote's own copying sends each byte as
        three.
        """
        words: list[str] = ["resume"]
        marks: list[tuple[str, int]] = []
        done = 0
        for place, content in files.items():
            packed = base64.b64encode(_compress(content)).decode()
            pieces = [packed[at : at + _PIECE] for at in range(0, len(packed), _PIECE)]
            words += ["exec", scripts.receive(), "+"]
            for index, piece in enumerate(pieces, 1):
                words += ["exec", f"w('{piece}')", "+"]
                marks.append((place, done + len(content) * index // len(pieces)))
            words += ["exec", scripts.unpack(place), "+"]
            done += len(content)
        steps = iter(marks)

        def heard(line: str) -> None:
            if line == scripts.RECEIVED:
                told(*next(steps))

        if files:
            self._run(words[:-1], heard)

    def restart(self) -> None:
        """A hard reset: as if the board had been switched on, but for its reset cause. Raises as `execute`."""
        self._run(["resume", "exec", "--no-follow", "import time,machine;time.sleep_ms(100);machine.reset()"])

    def _run(self, words: Iterable[str], heard: Callable[[str], None] = lambda line: None) -> list[str]:
        command = [sys.executable, "-m", "mpremote", "connect", _device(self.spec), *words]
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
            start_new_session=True,
        )
        try:
            said = _follow(process, heard)
            silent = said is None
            code = None if silent else process.wait(_SILENT_S)
        except subprocess.TimeoutExpired:
            silent, code = True, None
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()
            assert process.stdout is not None
            process.stdout.close()
        if silent:
            raise self._no_prompt()
        assert said is not None
        if code:
            raise self._why(said)
        return said

    def _why(self, said: list[str]) -> NameplateError:
        text = "\n".join(said)
        last = clean_line(said[-1] if said else "it said nothing", 200)
        if _ON_BOARD.search(text):
            if re.search(r"OSError: (\[Errno 28\]|28\b)", text):
                return BoardFailed(
                    f"{self.spec}: the board's file system is full",
                    "make the firmware smaller, or delete what else is on it with mpremote",
                    last,
                )
            return BoardFailed(f"{self.spec}: the board raised {last}", _HINT, last)
        if _NO_PROMPT in text:
            return self._no_prompt()
        if _GONE.search(text):
            return LinkLost(
                self.spec, f"{self.spec}: the line was lost", "plug it in again, then run it again"
            )
        return NameplateError(f"{self.spec}: mpremote gave up: {last}", _HINT, NOT_REACHED)

    def _no_prompt(self) -> NoPrompt:
        return NoPrompt(f"{self.spec}: no prompt answers there", _HINT, NOT_REACHED)


def _compress(content: bytes) -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, _WINDOW_BITS)
    return packer.compress(content) + packer.flush()


def _device(spec: Spec) -> str:
    if spec.scheme == "tcp":
        return f"socket://{spec.target}"
    # mpremote knows a pseudo-terminal, which has no RTS, by its own name only.
    return os.path.realpath(spec.target) if spec.scheme == "pty" else spec.target


def _follow(process: subprocess.Popen[bytes], heard: Callable[[str], None]) -> list[str] | None:
    """All lines that it says until it ends; None when it fell silent."""
    assert process.stdout is not None
    said: list[str] = []
    size = 0
    partial = b""
    heard_at = time.monotonic()
    with selectors.DefaultSelector() as watch:
        watch.register(process.stdout, selectors.EVENT_READ)
        while size < _SAID_MOST:
            if not watch.select(0.25):
                if time.monotonic() - heard_at > _SILENT_S:
                    return None
                continue
            heard_at = time.monotonic()
            data = os.read(process.stdout.fileno(), 65536)
            size += len(data)
            *lines, partial = (partial + data).replace(b"\r", b"").split(b"\n")
            for line in lines if data else [*lines, partial]:
                text = line.decode("utf-8", "replace")
                if text:
                    said.append(text)
                    heard(text)
            if not data:
                break
    return said
