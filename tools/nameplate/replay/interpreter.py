"""The device's code at work: a MicroPython process that takes a line and answers with a line."""

from __future__ import annotations

import contextlib
import subprocess
import tempfile
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import IO, Generic, NoReturn, TypeVar

from nameplate.errors import NameplateError
from nameplate.factory.sources import device_root
from nameplate.sim.interpreter import command

T = TypeVar("T")

_SCRIPT = Path(__file__).parent / "device" / "replay.py"
# What may lie in the pipe to it unanswered: less than the least pipe holds, so that neither side waits for the other.
_AHEAD_BYTES = 3000
_HEAP = "1m"  # in the objects of a 64-bit interpreter, about twice as large as a chip's


class DeviceCode(Generic[T]):
    """Runs `device/replay.py` with these words. Each line sent is answered by one line, in order.

    Raises NameplateError when there is no interpreter, or it ends early.
    """

    def __init__(self, *words: str) -> None:
        self._errors: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 closed with the process
        self._process = subprocess.Popen(
            [command(), "-X", f"heapsize={_HEAP}", str(_SCRIPT), str(device_root()), *words],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
        )
        self._waiting: deque[tuple[T, int]] = deque()
        self._ahead = 0

    def __enter__(self) -> DeviceCode[T]:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _where: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout, self._errors):
            if pipe is not None:
                with contextlib.suppress(BrokenPipeError):  # what it had not read is of no use any more
                    pipe.close()

    def ask(self, line: str) -> bytes:
        """The answer to one line that nothing waits before."""
        if self._waiting:
            raise ValueError("answers to earlier lines are still to come")
        self._send(line.encode() + b"\n", now=True)
        return self._answer()

    def feed(
        self, entries: Iterator[tuple[T, str | None]], *, live: bool
    ) -> Iterator[tuple[T, bytes | None]]:
        """Each entry with the answer to its line, or with None where it has none, in their order.

        `live`: an answer is awaited before the next entry is asked for. Else several lines are on the way at once. What
        `entries` raises is raised when all that came before it has been given.
        """
        failure: Exception | None = None
        while True:
            try:
                entry, line = next(entries)
            except StopIteration:
                break
            except NameplateError as error:
                failure = error
                break
            data = b"" if line is None else line.encode() + b"\n"
            while self._waiting and (self._ahead + len(data) > _AHEAD_BYTES):
                yield self._next()
            self._waiting.append((entry, len(data)))
            self._ahead += len(data) + 1
            if data:
                self._send(data, now=live)
            while live and self._waiting:
                yield self._next()
        while self._waiting:
            yield self._next()
        if failure is not None:
            raise failure

    def _next(self) -> tuple[T, bytes | None]:
        entry, size = self._waiting.popleft()
        self._ahead -= size + 1
        return entry, self._answer() if size else None

    def _send(self, data: bytes, *, now: bool) -> None:
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(data)
            if now:
                self._process.stdin.flush()
        except BrokenPipeError:
            self._gone()

    def _answer(self) -> bytes:
        assert self._process.stdin is not None and self._process.stdout is not None
        try:
            self._process.stdin.flush()
        except BrokenPipeError:
            self._gone()
        line = self._process.stdout.readline()
        # An exception's text is written where answers go.
        if line.startswith(b"Traceback") or not line.endswith(b"\n"):
            self._gone()
        return line.rstrip()

    def _gone(self) -> NoReturn:
        assert self._process.stdout is not None
        told = self._process.stdout.read(100_000)
        self._process.wait()
        self._errors.seek(0)
        said = (told + self._errors.read(10_000)).decode("utf-8", "replace").strip().splitlines()
        raise NameplateError(
            f"the device's code ended on MicroPython: {'; '.join(text.strip() for text in said[-2:]) or 'no reason given'}",
            "try another interpreter: NAMEPLATE_MICROPYTHON=/path/to/micropython",
        )
