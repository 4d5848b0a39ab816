"""One run of esptool as a program of its own: what it says as it goes, as steps, and all its words in the end.

It is run and never imported: its licence is the GPL's. What is read here is what the pinned release prints.
"""

from __future__ import annotations

import importlib.util
import os
import re
import selectors
import subprocess
import sys
import time
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from nameplate.errors import USAGE, NameplateError

StepName = Literal["connect", "prepare", "write", "verify", "reset", "wait"]

_TICK_S = 0.25
_SILENT_S = 300.0  # esptool has time-outs of its own for all it does; this is for the one it has not
_KILL_S = 3.0
_LINES_MOST = 400
_LINE_MOST = 4096

_WRITING = re.compile(r"Writing at (0x[0-9a-f]+).*?\s(\d+(?:\.\d+)?)%")
_ERASES = re.compile(r"Flash will be erased from (0x[0-9a-f]+)")
_CHIP = re.compile(r"Chip type:\s+(\S.*)")
_SIZE = re.compile(r"Detected flash size:\s+(\d+)(KB|MB)")
_MAC = re.compile(r"(?:BASE )?MAC:\s+([0-9a-f]{2}(?::[0-9a-f]{2}){5})$")


@dataclass(frozen=True)
class Step:
    """Where a run is. `percent` and `address` (how far the flash is written) only count while it writes.

    "wait" is a line that was lost while writing: esptool waits some seconds for it to come back, then starts over.
    """

    name: StepName
    percent: float = 0.0
    address: int = 0
    seconds: float = 0.0


@dataclass
class Heard:
    """What a run has told so far. `verified` counts the regions whose digest, computed by the chip, was right."""

    step: Step = field(default_factory=lambda: Step("connect"))
    chip: str = ""
    mac: str = ""
    flash_size: int = 0
    writing: bool = False
    verified: int = 0
    reset: bool = True
    foreign: bool = False

    def hear(self, line: str) -> None:
        """Take one line of esptool's."""
        if match := _WRITING.search(line):
            self.step = Step("write", float(match[2]), int(match[1], 16))
        elif match := _ERASES.search(line):
            self.writing = True
            self.step = Step("write", 0.0, int(match[1], 16))
        elif "Lost connection, retrying" in line:
            self.step = replace(self.step, name="wait")
        elif "Verifying written data" in line:
            self.step = replace(self.step, name="verify", percent=100.0)
        elif "Hash of data verified." in line:
            self.verified += 1
        elif "Hard resetting" in line:
            self.step = replace(self.step, name="reset")
        elif "Chip was NOT reset" in line:
            self.reset = False
        elif "This chip doesn't appear to be" in line:
            self.foreign = True
        elif match := _CHIP.match(line):
            self.chip = match[1].strip()
            self.step = Step("prepare")
        elif match := _SIZE.match(line):
            self.flash_size = int(match[1]) << (20 if match[2] == "MB" else 10)
        elif match := _MAC.match(line):
            self.mac = match[1]


class Run:
    """`steps()` runs it; afterwards `code`, `heard` and `words` say what came of it."""

    def __init__(self, arguments: Sequence[str]) -> None:
        """Raises NameplateError when esptool is not installed."""
        if importlib.util.find_spec("esptool") is None:
            raise NameplateError(
                "esptool is not installed", "install it with: pip install 'nameplate[factory]'", USAGE
            )
        self._command = [sys.executable, "-m", "esptool", *arguments]
        self._lines: deque[str] = deque(maxlen=_LINES_MOST)
        self.heard = Heard()
        self.code: int | None = None

    @property
    def words(self) -> str:
        """The last lines that it said."""
        return "\n".join(self._lines)

    def steps(self) -> Iterator[Step]:
        """Where the run is, some times a second, until it ends; left early, it is stopped.

        A chip that esptool does not know ends it, too: esptool itself would go on and write.
        """
        process = subprocess.Popen(
            self._command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=_environment(),
            start_new_session=True,  # a Ctrl-C is ours to handle
        )
        try:
            yield from self._follow(process)
            if not self.heard.foreign:
                self.code = process.wait(_KILL_S)
        except subprocess.TimeoutExpired:
            pass
        finally:
            _stop(process)

    def _follow(self, process: subprocess.Popen[bytes]) -> Iterator[Step]:
        assert process.stdout is not None
        partial = b""
        began = heard_at = time.monotonic()
        last = self.heard.step.name
        with selectors.DefaultSelector() as watch:
            watch.register(process.stdout, selectors.EVENT_READ)
            while not self.heard.foreign:
                ready = watch.select(_TICK_S)
                now = time.monotonic()
                if ready:
                    heard_at = now
                    data = os.read(process.stdout.fileno(), 65536)
                    *lines, partial = (partial + data).replace(b"\r", b"\n").split(b"\n")
                    for line in lines if data else [*lines, partial]:
                        self._hear(line)
                    if not data:
                        return
                    partial = partial[-_LINE_MOST:]
                elif now - heard_at > _SILENT_S:
                    return
                if self.heard.step.name != last:
                    last, began = self.heard.step.name, now
                yield replace(self.heard.step, seconds=now - began)

    def _hear(self, raw: bytes) -> None:
        line = raw.decode("utf-8", "replace").strip()
        if line:
            self._lines.append(line[:_LINE_MOST])
            self.heard.hear(line)


def _environment() -> dict[str, str]:
    """Plain lines as soon as they are said, whatever terminal we are on."""
    unwanted = ("FORCE_COLOR", "ESPRESSIF_IDE_WS")
    kept = {name: value for name, value in os.environ.items() if name not in unwanted}
    return {**kept, "NO_COLOR": "1", "TERM": "dumb", "COLUMNS": "200", "PYTHONUNBUFFERED": "1"}


def _stop(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(_KILL_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    if process.stdout is not None:
        process.stdout.close()
