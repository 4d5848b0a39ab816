"""The device's interpreter as a judge of many lives: rows go in, what it said of each case comes out.

One process holds the state of many appliances of one model. Nothing of the device is simulated beyond what
device/years.py says.
"""

from __future__ import annotations

import contextlib
import json
import struct
import subprocess
import tempfile
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from queue import SimpleQueue
from typing import Any, Self

from nameplate.bench.years.lives import Case, Chunk
from nameplate.errors import NameplateError
from nameplate.factory.sources import device_root
from nameplate.sim.interpreter import command

CHIPS = ("esp32", "esp32c3", "esp32s3")
_SCRIPT = Path(__file__).parents[1] / "device" / "years.py"
_HEAP = "48m"
_HEAD = struct.Struct("<3i")
_LANE, _ROWS, _ASK, _END = range(4)
_WAIT_S = 900.0


class Judge:
    """A process of the interpreter with one model's files, by their path in the slot. A context manager."""

    def __init__(self, files: Mapping[str, bytes]) -> None:
        self._folder = tempfile.TemporaryDirectory()
        for path, content in files.items():
            target = Path(self._folder.name, path)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
        self._process = subprocess.Popen(
            [
                command(),
                "-X",
                f"heapsize={_HEAP}",
                str(_SCRIPT),
                str(device_root()),
                self._folder.name,
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        self._lines: SimpleQueue[bytes | None] = SimpleQueue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *problem: object) -> None:
        with contextlib.suppress(OSError):
            self._process.kill()
        self._process.wait()
        self._reader.join()
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                with contextlib.suppress(OSError):
                    stream.close()
        self._folder.cleanup()

    def lane(self, number: int, chip: str) -> None:
        """A new appliance with this number and chip."""
        self._send(_LANE, number, CHIPS.index(chip))

    def live(self, cases: Sequence[Case], chunks: Sequence[Chunk]) -> None:
        """Let the device's code live these; what it says is added to the cases.

        Raises NameplateError when the code fails.
        """
        for chunk in chunks:
            if len(chunk.rows):
                self._send(_ROWS, chunk.case, len(chunk.rows), chunk.rows.tobytes())
        self._send(_ASK, 0, 0)
        noise: list[str] = []
        while True:
            line = self._lines.get(timeout=_WAIT_S)
            if line == b".\n":
                return
            if line is None:
                raise NameplateError(
                    "the device's code failed: " + " ".join(noise[-3:]), "see device/years.py"
                )
            try:
                said = json.loads(line)
            except ValueError:
                noise.append(line.decode(errors="replace").strip())
                continue
            cases[said[0]].told.append(_word(said))

    def _send(self, what: int, number: int, count: int, body: bytes = b"") -> None:
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(_HEAD.pack(what, number, count) + body)
            self._process.stdin.flush()
        except BrokenPipeError:
            pass  # live() tells what it said

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._lines.put(line)
        self._lines.put(None)


def _word(said: list[Any]) -> dict[str, Any]:
    _, at_s, state, *rest = said
    found: dict[str, Any] = {"at_s": at_s, "state": state, "code": "", "claims": None}
    if state == "note":
        found["text"] = rest[0]
    elif state == "forecast":
        found |= {"code": rest[0], "forecast": rest[1], "active": rest[2] >= 2, "level": rest[3]}
    else:
        found |= {"code": rest[0], "claims": rest[1], "qualities": rest[2]}
    return found
