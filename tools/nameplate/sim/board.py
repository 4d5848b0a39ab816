"""The virtual board: one chip, its flash, its wires and the appliance around it, run on the real MicroPython interpreter.

One thread owns everything: it serves the interpreter's calls, moves the serial line, keeps simulated time and restarts the
interpreter after each reset. Public methods may be called from any thread.
"""

from __future__ import annotations

import contextlib
import os
import random
import selectors
import struct
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from nameplate.errors import USAGE, NameplateError
from nameplate.factory.partitions import TABLE_OFFSET, TABLE_SIZE, read_table
from nameplate.sim import interpreter
from nameplate.sim.clock import SimClock, Timer
from nameplate.sim.flash import Flash, PowerCut
from nameplate.sim.interpreter import Interpreter
from nameplate.sim.port import open_port

_RESET_CAUSES = {"power": 1, "hard": 2, "watchdog": 3, "deepsleep": 4, "soft": 5}


@dataclass(frozen=True)
class Event:
    """Something that happened, at a simulated moment (ms since the board was switched on first)."""

    at_ms: int
    kind: str
    detail: str = ""


class VirtualBoard:
    """A board that boots `flash` (a file, changed in place). A context manager: leaving it stops everything."""

    def __init__(
        self,
        flash: Path | str,
        *,
        name: str | None = None,
        chip: str = "esp32",
        seed: int = 0,
        speed: float | None = 1.0,
        port: str = "pty",
    ) -> None:
        self.flash_path = Path(flash)
        self.name = name or self.flash_path.stem
        self.chip = chip
        self.seed = seed
        self.events: list[Event] = []
        self._clock = SimClock(speed)
        self._lock = threading.RLock()
        self._watch = selectors.DefaultSelector()
        self._wake_read, self._wake_write = os.pipe()
        self._watch.register(self._wake_read, selectors.EVENT_READ, self._woken)
        self._flash = Flash(self.flash_path, random.Random(f"{seed} flash"))
        try:
            table = read_table(self._flash.read(TABLE_OFFSET, TABLE_SIZE))
        except ValueError as error:
            raise NameplateError(
                f"{flash}: {error}", "make one with: nameplate factory image", USAGE
            ) from error
        self._vfs = next((p for p in table if p.name == "vfs"), None)
        self._port = open_port(port, self._watch, self._from_outside)
        self.port = self._port.address
        self._interpreter: Interpreter | None = None
        self._idle_until: int | None | bool = False
        self._interruptible = True
        self._uart_in = bytearray()
        self._cause = "power"
        self._watchdog: Timer | None = None
        self._watchdog_ms = 0
        self._rtc_memory = b""
        self._stopped = False
        self._thread = threading.Thread(target=self._run, name=f"board {self.name}", daemon=True)
        self._power_on()
        self._thread.start()

    # The public side

    @property
    def now_ms(self) -> int:
        """Simulated milliseconds since the board was first switched on."""
        with self._lock:
            return self._clock.now_us() // 1000

    @property
    def powered(self) -> bool:
        return self._interpreter is not None

    def flash_counts(self) -> dict[str, int]:
        with self._lock:
            return self._flash.counts()

    def wait(self, predicate: Callable[[VirtualBoard], bool], timeout_ms: int) -> bool:
        """Until the predicate holds (True) or that many simulated milliseconds passed (False)."""
        until = self.now_ms + timeout_ms
        while True:
            with self._lock:
                if predicate(self):
                    return True
                if self.now_ms >= until or self._stopped:
                    return False
            time.sleep(0.002)

    def stop(self) -> None:
        with self._lock:
            if self._stopped:
                return
            self._stopped = True
        self._wake()
        self._thread.join()
        self._power_off("stop")
        self._port.close()
        self._flash.close()
        os.close(self._wake_read)
        os.close(self._wake_write)
        self._watch.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    # The loop

    def _wake(self) -> None:
        with contextlib.suppress(OSError):
            os.write(self._wake_write, b"x")

    def _woken(self) -> None:
        os.read(self._wake_read, 4096)

    def _run(self) -> None:
        while not self._stopped:
            with self._lock:
                while self._clock.run_due():
                    pass
                self._serve_idle()
                due = self._clock.next_due()
            if due is None or self._clock.free:
                wait = None
            else:
                wait = self._clock.real_seconds_until(due)
            for key, _ in self._watch.select(wait):
                with self._lock:
                    if not self._stopped:
                        key.data()

    def _event(self, kind: str, detail: str = "") -> None:
        self.events.append(Event(self._clock.now_us() // 1000, kind, detail))

    def _power_on(self) -> None:
        self._event("boot", self._cause)
        self._port.write(
            b"\r\nets Jul 29 2019 12:21:46\r\n\r\nrst:0x1 (POWERON_RESET),boot:0x13 (SPI_FAST_FLASH_BOOT)\r\n"
        )
        self._interpreter = Interpreter(480 * 1024)
        self._interruptible = True
        self._watch.register(self._interpreter.line, selectors.EVENT_READ, self._calls)
        self._watch.register(self._interpreter.output, selectors.EVENT_READ, self._from_inside)

    def _power_off(self, why: str) -> None:
        if self._interpreter is None:
            return
        self._from_inside()
        self._watch.unregister(self._interpreter.line)
        with contextlib.suppress(KeyError):
            self._watch.unregister(self._interpreter.output)
        self._interpreter.close()
        self._interpreter = None
        self._idle_until = False
        if self._watchdog:
            self._watchdog.cancel()
        self._event("off", why)

    def _restart(self, cause: str) -> None:
        self._power_off(cause)
        self._cause = cause
        self._power_on()

    # The serial line

    def _from_outside(self, data: bytes) -> None:
        if self._interpreter is None:
            return
        if self._interruptible and b"\x03" in data:
            self._interpreter.interrupt()
            data = data.replace(b"\x03", b"")
        if data:
            self._interpreter.feed_input(data)
        self._wake_idle()

    def _from_inside(self) -> None:
        assert self._interpreter is not None
        while True:
            try:
                data = os.read(self._interpreter.output, 65536)
            except BlockingIOError:
                return
            if not data:
                self._watch.unregister(self._interpreter.output)
                return
            self._port.write(data.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n"))

    # The interpreter's calls

    def _calls(self) -> None:
        assert self._interpreter is not None
        requests = self._interpreter.requests()
        if requests is None:
            self._restart("soft")
            return
        for kind, body in requests:
            try:
                self._call(kind, body)
            except PowerCut:
                self._power_off("cut")
                return

    def _call(self, kind: int, body: bytes) -> None:
        child = self._interpreter
        if child is None:
            return
        if kind == interpreter.CALL:
            end = body.index(b"\0")
            name, arguments = __import__("json").loads(body[:end])
            handler: Any = getattr(self, "_call_" + name)
            try:
                handler(child, body[end + 1 :], *arguments)
            except OSError as error:
                child.reply_error(error.errno)
            except ValueError as error:
                child.reply_error(None, str(error))
        elif kind == interpreter.IDLE:
            now, until, reads = struct.unpack("<qqI", body)
            self._flash.reads += reads
            self._clock.advance(now)
            self._idle_until = None if until < 0 else until
        elif kind == interpreter.PROGRAM:
            self._flash.program(*struct.unpack_from("<I", body), body[4:])
            child.reply()
        elif kind == interpreter.ERASE:
            self._flash.erase(*struct.unpack("<II", body))
            child.reply()
        elif kind == interpreter.FEED:
            self._feed()
            child.reply()
        elif kind == interpreter.PIN_READ:
            child.reply(b"\0")
        elif kind == interpreter.PIN_WRITE:
            self._event("pin", f"{body[0]}={body[1]}")
            child.reply()
        elif kind == interpreter.ADC:
            child.reply(struct.pack("<HI", 2048, 1_650_000))

    def _serve_idle(self) -> None:
        """Free time: run on to where the interpreter, or something in the world, is due."""
        if self._idle_until is False or not self._clock.free or self._interpreter is None:
            return
        until = self._idle_until
        due = self._clock.next_due()
        if due is not None and (until is None or due < until):
            self._clock.advance(due)
            self._clock.run_due()
        elif until is not None:
            self._clock.advance(until)
        else:
            return
        self._wake_idle()

    def _wake_idle(self) -> None:
        if self._idle_until is not False and self._interpreter is not None:
            self._idle_until = False
            self._interpreter.reply(struct.pack("<q", self._clock.now_us()))

    def _feed(self) -> None:
        if self._watchdog is not None:
            self._watchdog.cancel()
            self._watchdog = self._clock.after(self._watchdog_ms * 1000, lambda: self._restart("watchdog"))

    def _call_hello(self, child: Interpreter, blob: bytes) -> None:
        child.reply_json(
            {
                "now_us": self._clock.now_us(),
                "speed_milli": self._clock.speed_milli,
                "rtc_us": 0,
                "flash": str(self.flash_path.absolute()),
                "vfs": [self._vfs.offset, self._vfs.size] if self._vfs else None,
                "reset_cause": _RESET_CAUSES[self._cause],
                "unique_id": [0x24, 0x6F, 0x28, 0, 0, 1],
                "freq": 160_000_000,
                "uname": ["esp32", "esp32", "1.29.0", "v1.29.0", "Generic ESP32 module with ESP32"],
            }
        )

    def _call_started(self, child: Interpreter, blob: bytes, free: int, used: int) -> None:
        self._event("started", f"{free} bytes free, {used} used")
        child.reply_json(None)

    def _call_repl(self, child: Interpreter, blob: bytes) -> None:
        self._event("prompt")
        child.reply_json(None)

    def _call_reset(self, child: Interpreter, blob: bytes) -> None:
        self._restart("hard")

    def _call_soft_reset(self, child: Interpreter, blob: bytes) -> None:
        self._restart("soft")

    def _call_wdt(self, child: Interpreter, blob: bytes, timeout_ms: int) -> None:
        self._watchdog_ms = timeout_ms
        if self._watchdog is None:
            self._watchdog = self._clock.after(0, lambda: None)
        self._feed()
        child.reply_json(None)

    def _call_rtc_memory(self, child: Interpreter, blob: bytes, write: bool) -> None:
        if write:
            self._rtc_memory = blob
        child.reply_json(None, self._rtc_memory)

    def _call_pin(self, child: Interpreter, blob: bytes, number: int) -> None:
        child.reply_json(None)

    def _call_pin_init(self, child: Interpreter, blob: bytes, *_: object) -> None:
        child.reply_json(None)

    def _call_adc(self, child: Interpreter, blob: bytes, *_: object) -> None:
        child.reply_json(None)

    def _call_urandom(self, child: Interpreter, blob: bytes, size: int) -> None:
        child.reply_json(None, random.randbytes(size))
