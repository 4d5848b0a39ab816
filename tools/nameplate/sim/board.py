"""The virtual board: one chip, its flash, its wires and the appliance around it, run on the real MicroPython interpreter.

One thread owns everything: it answers the interpreter, moves the serial line, keeps simulated time and starts the
interpreter again after each reset. Public methods may be called from any thread.
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
from nameplate.factory.partitions import TABLE_OFFSET, TABLE_SIZE, Partition, read_table
from nameplate.sim import frozen, interpreter, wiring
from nameplate.sim.calls import Calls
from nameplate.sim.chips import CHIPS, RESET_CAUSES, ROM_REASONS
from nameplate.sim.clock import SimClock, Timer
from nameplate.sim.control import ControlServer
from nameplate.sim.flash import Flash, PowerCut
from nameplate.sim.hardware import NETWORK, Hardware
from nameplate.sim.interpreter import Interpreter
from nameplate.sim.lan import Lan
from nameplate.sim.nvs_pages import Storage
from nameplate.sim.port import open_port
from nameplate.sim.radio import Radio
from nameplate.sim.uart import Uart
from nameplate.sim.world import World

# What the shims take of the heap before boot.py, so that the board has its own free heap on top of it.
_SHIMS_HEAP = 82_200
_OBJECTS = 2  # a 64-bit interpreter's objects are twice a chip's
_BUSY_CPU_S = 5.0  # processor time without a call after which free time calls a program hung
_TICK_S = 0.25
_QUIET_MOST_US = 100_000
_TRANSCRIPT_MOST = 65536


@dataclass(frozen=True)
class Event:
    """Something that happened, at a simulated moment (ms since the board was first switched on)."""

    at_ms: int
    kind: str
    detail: str = ""


class VirtualBoard:
    """A board that boots `flash` (a file, changed in place). A context manager: leaving it stops everything.

    `speed` is simulated seconds for each real one; None runs as fast as possible. `stepped` (with speed None) lets time pass
    only inside `wait` and `run`, which makes a test repeat exactly. Raises NameplateError for an image that is none.
    """

    def __init__(
        self,
        flash: Path | str,
        *,
        name: str | None = None,
        chip: str = "esp32",
        seed: int = 0,
        speed: float | None = 1.0,
        port: str = "pty",
        stepped: bool = False,
        world: dict[str, object] | None = None,
        register: bool = True,
    ) -> None:
        if chip not in CHIPS:
            raise NameplateError(f"there is no virtual {chip!r}", f"chips are: {', '.join(CHIPS)}", USAGE)
        if stepped and speed is not None:
            raise ValueError("stepped time is free time: speed must be None")
        self.flash_path = Path(flash)
        self.chip = CHIPS[chip]
        self.seed = seed
        self.events: list[Event] = []
        self.lock = threading.RLock()
        self.clock = SimClock(speed)
        self.world = World()
        for key, value in (world or {}).items():
            self.world.set(key, value)
        self._horizon: int | None = 0 if stepped else None
        self._until: Callable[[VirtualBoard], bool] | None = None
        self._stopped = False
        self._failure: BaseException | None = None
        self.stop_requested = threading.Event()
        self._umqtt = frozen.ensure()
        try:
            self.flash = Flash(self.flash_path, random.Random(f"{seed} flash"))
        except OSError as error:
            raise NameplateError(f"{flash}: {error.strerror}", "name a flash image", USAGE) from error
        self.partitions = self._table()
        self.hardware = Hardware(
            self.chip,
            wiring.from_flash(self.flash, self._partition("vfs"), chip),
            self.clock,
            self.world,
            seed,
            self._notice,
            self._event,
        )
        mac_end = (seed >> 16 & 255, seed >> 8 & 255, seed & 255)
        self.radio = Radio(self.clock, self.world, lambda state: self._notice(NETWORK, 0, state), mac_end)
        self._watch = selectors.DefaultSelector()
        self._wake_read, self._wake_write = os.pipe()
        os.set_blocking(self._wake_write, False)
        self._watch.register(self._wake_read, selectors.EVENT_READ, lambda: os.read(self._wake_read, 4096))
        self.lan = Lan(self._watch, self.clock, self.world)
        self._port = open_port(port, self._watch, self._from_outside)
        self.port = self._port.address
        self.uart = Uart(self.chip, self.clock, self._say, self._event, self._end_idle)
        self._transcript = bytearray()
        self._calls = Calls(self, seed)
        self.interpreter: Interpreter | None = None
        self._idle = False
        self._idle_until: int | None = None
        self._cause = "power"
        self._boot_us = 0
        self._watchdog: Timer | None = None
        self._wake_timer: Timer | None = None
        self.rtc_memory = b""
        self.rtc_at_zero_us = 0
        self._cpu_mark: float | None = None
        self._real_mark = time.monotonic()
        self._control = ControlServer(self, name or self.flash_path.stem, self._watch) if register else None
        self.name = self._control.name if self._control else name or self.flash_path.stem
        self._world_changed("power_cut_at", "torn")
        if self.world["power"] == "on":
            self._boot()
        self._thread = threading.Thread(target=self._run, name=f"board {self.name}", daemon=True)
        self._thread.start()

    def _table(self) -> tuple[Partition, ...]:
        """The partition table, with the file system that MicroPython adds after the last row when there is none."""
        try:
            rows = read_table(self.flash.peek(TABLE_OFFSET, TABLE_SIZE))
        except ValueError as error:
            self.flash.close()
            raise NameplateError(
                f"{self.flash_path}: {error}", "make an image with: nameplate factory image", USAGE
            ) from error
        end = max(row.end for row in rows)
        if not any(row.name in ("vfs", "ffat") for row in rows) and end < self.flash.size:
            rows += (Partition("vfs", 1, 0x81, end, self.flash.size - end),)
        return rows

    def _partition(self, name: str) -> Partition | None:
        return next((row for row in self.partitions if row.name == name), None)

    # The public side

    @property
    def now_ms(self) -> int:
        """Simulated milliseconds since the board was first switched on."""
        with self.lock:
            return self.clock.now_us() // 1000

    @property
    def powered(self) -> bool:
        """Whether the interpreter runs."""
        return self.interpreter is not None

    @property
    def panel(self) -> list[str]:
        """The display: four strings of 20 characters."""
        with self.lock:
            return self.hardware.panel.lines

    @property
    def alarm(self) -> bool:
        with self.lock:
            return self.hardware.alarm

    def set(self, key: str, value: object) -> None:
        """Change the world. Raises NameplateError for a key or value there is not."""
        with self.lock:
            self.world.set(key, value)
            self._event("world", f"{key}={self.world[key]}")
            self._world_changed(key)
        self._wake()

    def at(self, moment_ms: int, key: str, value: object) -> None:
        """Change the world at a simulated moment."""
        self.world.check(key, value)
        with self.lock:
            self.clock.at(moment_ms * 1000, lambda: self.set(key, value))
        self._wake()

    def get(self, key: str) -> str:
        """A value of the world, as text; `air_c`, `alarm` and `compressor` can be asked too."""
        with self.lock:
            if key == "air_c":
                return f"{self.hardware.air_c():.3f}"
            if key == "alarm":
                return "on" if self.hardware.alarm else "off"
            if key == "compressor":
                self.hardware.air_c()
                return "on" if self.hardware.fridge.compressor else "off"
            self.world.check(key, self.world[key] if key in dict(self.world.items()) else "")
            return self.world[key]

    @property
    def transcript(self) -> str:
        """The last 64 KiB that went out of the serial line, whether anybody read it or not."""
        with self.lock:
            return self._transcript.decode(errors="replace")

    def send(self, data: bytes) -> None:
        """Send bytes to the serial line, as a client of the port would."""
        with self.lock:
            self._from_outside(data)
        self._wake()

    def flash_counts(self) -> dict[str, int]:
        """Reads, programs, erases and so on since this board object was made."""
        with self.lock:
            return self.flash.counts()

    def wait(self, predicate: Callable[[VirtualBoard], bool], timeout_ms: int) -> bool:
        """Until the predicate holds (True) or that many simulated milliseconds passed (False)."""
        with self.lock:
            until = self.clock.now_us() + timeout_ms * 1000
            if predicate(self):
                return True
            if self._horizon is not None:
                self._until, self._horizon = predicate, until
        self._wake()
        try:
            while True:
                with self.lock:
                    if predicate(self):
                        return True
                    if self._failure is not None:
                        raise RuntimeError("the virtual board failed") from self._failure
                    if self._stopped or self._passed(until):
                        return False
                time.sleep(0.001)
        finally:
            with self.lock:
                if self._horizon is not None:
                    self._until, self._horizon = None, self.clock.now_us()

    def _passed(self, until_us: int) -> bool:
        """Whether that moment is over, and the interpreter at rest if it waits for us."""
        if self.clock.now_us() < until_us:
            return False
        return self._horizon is None or self.interpreter is None or self._idle or self.uart.at_prompt

    def run(self, duration_ms: int) -> None:
        """Let that many simulated milliseconds pass."""
        self.wait(lambda board: False, duration_ms)

    def kill(self) -> None:
        """Cut the power, whatever the board is doing; `set("power", "on")` brings it back."""
        self.set("power", "off")

    def press_reset(self) -> None:
        """The EN button: a reset that looks like power-on to the program, but the supply stays."""
        with self.lock:
            self._off("reset button")
            self._cause = "power"
            self._boot()
        self._wake()

    def stop(self) -> None:
        """End it for good; the flash file stays as it is."""
        with self.lock:
            if self._stopped:
                return
            self._stopped = True
        self._wake()
        if threading.current_thread() is not self._thread:
            self._thread.join()
        self._off("stop")
        if self._control:
            self._control.close()
        self._port.close()
        self.lan.close()
        self.flash.close()
        self._watch.close()
        os.close(self._wake_read)
        os.close(self._wake_write)

    def stop_soon(self) -> None:
        """Ask whoever runs the board to stop it: `stop_requested` is set."""
        self.stop_requested.set()

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

    def _run(self) -> None:
        try:
            self._loop()
        except BaseException as error:
            self._failure = error
            raise

    def _loop(self) -> None:
        while True:
            with self.lock:
                if self._stopped:
                    return
                while self.clock.run_due():
                    pass
                wait = self._let_time_pass()
            ready = self._watch.select(wait)
            if not ready and wait:
                self._watch_for_hang()
            for key, _ in ready:
                with self.lock:
                    if self._stopped:
                        return
                    key.data()
                    if self._until is not None and self._until(self):
                        self._horizon = self.clock.now_us()

    def _let_time_pass(self) -> float | None:
        """In free time, run on to the next thing that is due. Returns how long (real s) the loop may sleep."""
        due = self.clock.next_due()
        if not self.clock.free:
            return _TICK_S if due is None else min(_TICK_S, self.clock.real_seconds_until(due))
        if self.interpreter is not None and not self._idle:
            if not self.uart.at_prompt:
                return _TICK_S  # it computes: time stands still
            if self._horizon is None or not self.interpreter.sleeps():
                return self._prompt_time()
            self._from_inside()  # all it had to say, for it waits for input now
            if self._until is not None and self._until(self):
                self._horizon = self.clock.now_us()
        self._real_mark = time.monotonic()
        until = self._idle_until if self._idle else None
        moments = [moment for moment in (due, until, self._horizon) if moment is not None]
        if not moments:
            return None
        moment = min(moments)
        if self._horizon is not None and moment == self._horizon and moment not in (due, until):
            self.clock.advance(moment)
            return None
        self.clock.advance(moment)
        if due is not None and due <= moment:
            self.clock.run_due()
        if self._idle and until is not None and until <= self.clock.now_us():
            self._end_idle()
        return 0.0

    def _prompt_time(self) -> float:
        """Somebody types at the prompt: free time goes at the pace of the real."""
        now = time.monotonic()
        target = self.clock.now_us() + int((now - self._real_mark) * 1e6)
        if self._horizon is not None:
            target = min(target, self._horizon)
        self.clock.advance(target)
        self._real_mark = now
        return 0.01

    def _end_idle(self) -> None:
        if self._idle and self.interpreter is not None:
            self._idle = False
            self.interpreter.reply(struct.pack("<qq", self.clock.now_us(), self._quiet_until()))

    def _quiet_until(self) -> int:
        """Until when nothing in the world is due: so long the interpreter need not ask. Whoever is outside may still act."""
        moments = (self.clock.next_due(), self._horizon, self.clock.now_us() + _QUIET_MOST_US)
        return min(moment for moment in moments if moment is not None)

    def _catch_up(self, now_us: int) -> None:
        """The interpreter is ahead of the world: let happen what was due by then."""
        while (due := self.clock.next_due()) is not None and due <= now_us:
            self.clock.advance(due)
            self.clock.run_due()
        self.clock.advance(now_us)

    def _watch_for_hang(self) -> None:
        """In free time a loop that never calls would hold the clock, and so its own watchdog, for ever."""
        if not self.clock.free or self._watchdog is None or self._idle or self.interpreter is None:
            self._cpu_mark = None
            return
        used = self.interpreter.cpu_seconds()
        if used is None:
            used = time.monotonic()
        if self._cpu_mark is None:
            self._cpu_mark = used
        elif used - self._cpu_mark > min(_BUSY_CPU_S, self._calls.watchdog_ms / 1000):
            with self.lock:
                self._bite()

    def _event(self, kind: str, detail: str = "") -> None:
        self.events.append(Event(self.clock.now_us() // 1000, kind, detail))

    def _notice(self, kind: int, number: int, value: int) -> None:
        if self.interpreter is not None:
            self.interpreter.notice(kind, number, value)
            self._end_idle()

    # Power and resets

    def _boot(self) -> None:
        """Start the interpreter, after what the ROM prints and what the port does to NVS."""
        self._event("boot", self._cause)
        if self._cause == "soft":
            self._say(b"MPY: soft reboot\r\n")
        else:
            self._boot_us = self.clock.now_us()
            old_code, old_word, code, word = ROM_REASONS[self._cause]
            first = self.chip.name == "esp32"
            text = self.chip.rom.format(code=old_code if first else code, word=old_word if first else word)
            self._say(b"\r\n" + text.encode())
            nvs = self._partition("nvs")
            try:
                self._calls.nvs = Storage.at_boot(self.flash, nvs.offset, nvs.size) if nvs else None
            except PowerCut:
                self._power_failed()
                return
        self.interpreter = Interpreter(self.chip.free_heap * _OBJECTS + _SHIMS_HEAP)
        self._idle = False
        self.uart.start(self.interpreter)
        self._watch.register(self.interpreter.line, selectors.EVENT_READ, self._from_line)
        self._watch.register(self.interpreter.output, selectors.EVENT_READ, self._from_inside)

    def _stop_interpreter(self) -> None:
        if self.interpreter is None:
            return
        self._from_inside()
        for source in (self.interpreter.line, self.interpreter.output):
            with contextlib.suppress(KeyError):
                self._watch.unregister(source)
        self.interpreter.close()
        self.interpreter = None
        self._idle = False
        self._cpu_mark = None
        self.uart.start(None)

    def _off(self, why: str) -> None:
        """The chip stops: everything but the flash and the memory of the RTC is lost."""
        if self.interpreter is not None:
            self._event("off", why)
        self._stop_interpreter()
        self.radio.power_off()
        self.hardware.power_off()
        self._calls.watchdog_ms = 0
        for timer in (self._watchdog, self._wake_timer):
            if timer is not None:
                timer.cancel()
        self._watchdog = self._wake_timer = None

    def restart(self, cause: str) -> None:
        """Start again: `hard`, `watchdog`, `deepsleep`, or `soft`, which leaves radio, watchdog and clock alone."""
        if cause == "soft":
            self._stop_interpreter()
            self.hardware.soft_reset()
        else:
            self._off(cause)
        self._cause = cause
        self._boot()

    def deepsleep(self, time_ms: int) -> None:
        self._off("deepsleep")
        if time_ms:
            self._wake_timer = self.clock.after(time_ms * 1000, lambda: self.restart("deepsleep"))

    def arm_watchdog(self, timeout_ms: int) -> None:
        """Start or feed the watchdog."""
        if self._watchdog is not None:
            self._watchdog.cancel()
        self._watchdog = self.clock.after(timeout_ms * 1000, self._bite)

    def _bite(self) -> None:
        self._event("watchdog")
        self.restart("watchdog")

    def _power_failed(self) -> None:
        self._event("power cut", f"in flash operation {self.flash.programs + self.flash.erases}")
        self.world.set("power_cut_at", "never")
        self.world.set("power", "off")
        self._world_changed("power")

    def _world_changed(self, *keys: str) -> None:
        for key in keys:
            if key == "power_cut_at":
                value = self.world[key]
                self.flash.cut_in = None if value == "never" else int(value)
            elif key == "torn":
                self.flash.torn = self.world[key] == "on"
            elif key == "power":
                self._power(self.world[key] == "on")
            elif key == "clock":
                self.world.clock_set_us = self.clock.now_us()
            elif key in ("wifi", "broker"):
                self.radio.world_changed()
        self.hardware.world_changed()

    def _power(self, on: bool) -> None:
        if not on:
            self._off("power")
            self.uart.power_off()
            self.hardware.panel.power_off()
            self.rtc_memory = b""
        elif self.interpreter is None:
            self.rtc_at_zero_us = -self.clock.now_us()
            self._cause = "power"
            self._boot()

    # The serial line and the interpreter

    def _say(self, data: bytes) -> None:
        self._transcript += data
        del self._transcript[:-_TRANSCRIPT_MOST]
        self._port.write(data)

    def _from_outside(self, data: bytes) -> None:
        self.uart.receive(data)

    def _from_inside(self) -> None:
        if self.interpreter is None:  # it went while this was on its way
            return
        while True:
            try:
                data = os.read(self.interpreter.output, 65536)
            except BlockingIOError:
                return
            if not data:
                with contextlib.suppress(KeyError):
                    self._watch.unregister(self.interpreter.output)
                return
            self.uart.send(data)

    def _from_line(self) -> None:
        child = self.interpreter
        if child is None:
            return
        requests = child.requests()
        if requests is None:
            self._ended(child)
            return
        self._cpu_mark = None
        for kind, reads, now_us, body in requests:
            self.flash.reads += reads
            if now_us and self.clock.free:
                self._catch_up(now_us)
            if self.interpreter is not child:
                return
            if kind == interpreter.IDLE:
                until, console = struct.unpack("<qB", body)
                self._from_inside()  # what it printed came before this moment
                self._idle, self._idle_until = True, None if until < 0 else until
                if console and child.input_waiting():
                    self._end_idle()
                continue
            try:
                self._calls.answer(child, kind, body)
            except PowerCut:
                self._power_failed()

    def _ended(self, child: Interpreter) -> None:
        """The interpreter ended by itself: Ctrl-D at the prompt is a soft reset, anything else is a crash."""
        code = child.wait()
        if code:
            self._event("crash", f"the interpreter ended with {code}")
        self.restart("hard" if code else "soft")

    def hello(self) -> dict[str, Any]:
        """What a run of the interpreter is told at its start."""
        chip = self.chip
        return {
            "now_us": self.clock.now_us(),
            "boot_us": self._boot_us,
            "speed_milli": self.clock.speed_milli,
            "rtc_us": self.rtc_at_zero_us,
            "flash": str(self.flash_path.absolute()),
            "flash_size": self.flash.size,
            "partitions": [
                [row.type, row.subtype, row.offset, row.size, row.name] for row in self.partitions
            ],
            "reset_cause": RESET_CAUSES[self._cause],
            "unique_id": list(self.radio.mac),
            "freq": 160_000_000,
            "freqs": chip.frequencies,
            "timers": chip.timers,
            "network": self.radio.state,
            "usb": chip.usb_console,
            "umqtt": str(self._umqtt) if self._umqtt else None,
            "raw_prompt": self.uart.raw_prompt,
            "version": chip.version,
            "mpy": chip.mpy,
            "sys_version": f"3.4.0; MicroPython v{chip.release}",
            "platform": f"MicroPython-{chip.release}-{chip.name}-with-newlib4.3.0",
            "uname": ["esp32", "esp32", chip.release, f"v{chip.release}", chip.machine],
        }

    def started(self, free: int, used: int) -> None:
        self._event("started", f"{free} bytes free, {used} used before")

    def prompt(self) -> None:
        self._event("prompt")
        self._real_mark = time.monotonic()
        self.uart.prompt()
