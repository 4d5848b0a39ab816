"""What makes a virtual board go: the parts around one interpreter, the loop that serves it, its power and its resets.

One thread runs the loop and, holding `lock`, does everything; others take the lock for a look or a change and call `wake`.
"""

from __future__ import annotations

import contextlib
import os
import random
import selectors
import struct
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nameplate.errors import USAGE, NameplateError
from nameplate.factory.partitions import TABLE_OFFSET, TABLE_SIZE, Partition, read_table, with_vfs
from nameplate.sim import damage, frozen, interpreter, wiring
from nameplate.sim.calls import Calls
from nameplate.sim.chips import RESET_CAUSES, ROM_REASONS, of_image
from nameplate.sim.clock import SimClock, Timer
from nameplate.sim.flash import Flash, PowerCut
from nameplate.sim.hardware import NETWORK, Hardware
from nameplate.sim.interpreter import Interpreter
from nameplate.sim.lan import Lan
from nameplate.sim.nvs_pages import Storage
from nameplate.sim.pace import Pace
from nameplate.sim.port import open_port
from nameplate.sim.radio import Radio
from nameplate.sim.uart import Uart
from nameplate.sim.world import World

# What the shims take of the heap before boot.py, so that the board has its own free heap on top of it.
_SHIMS_HEAP = 98_200
_OBJECTS = 2  # a 64-bit interpreter's objects are twice a chip's
_BUSY_CPU_S = 5.0  # processor time without a call after which free time calls a program hung
_TICK_S = 0.25
_PROMPT_TICK_S = 0.01
_TRANSCRIPT_MOST = 65536


@dataclass(frozen=True)
class Event:
    """Something that happened, at a simulated moment (ms since the board was first switched on)."""

    at_ms: int
    kind: str
    detail: str = ""


class Engine:
    """The insides of one VirtualBoard; `start` and `stop` frame its life. Raises NameplateError for a bad image."""

    def __init__(
        self,
        flash: Path,
        chip: str | None,
        seed: int,
        speed: float | None,
        stepped: bool,
        port: str,
        world: dict[str, object],
    ) -> None:
        self.chip, start = of_image(flash, chip)
        self.flash_path = flash
        self.events: list[Event] = []
        self.transcript = bytearray()
        self.lock = threading.RLock()
        self.clock = SimClock(speed)
        self.pace = Pace(self.clock, stepped, self._answer_rest)
        self.world = World()
        for key, value in world.items():
            self.world.set(key, value)
        self._umqtt = frozen.ensure()
        try:
            self.flash = Flash(flash, random.Random(f"{seed} flash"), start)
        except OSError as error:
            raise NameplateError(f"{flash}: {error.strerror}", "name a flash image", USAGE) from error
        self.partitions = self._table()
        connected = wiring.from_flash(self.flash, self._partition("vfs"), self.chip.name)
        self.hardware = Hardware(self.chip, connected, self.clock, self.world, seed, self._notice, self.event)
        mac_end = (seed >> 16 & 255, seed >> 8 & 255, seed & 255)
        self.radio = Radio(self.clock, self.world, lambda state: self._notice(NETWORK, 0, state), mac_end)
        self.watch = selectors.DefaultSelector()
        self._wake_read, self._wake_write = os.pipe()
        os.set_blocking(self._wake_write, False)
        self.watch.register(self._wake_read, selectors.EVENT_READ, lambda: os.read(self._wake_read, 4096))
        self.lan = Lan(self.clock, self.world)
        try:
            self.port = open_port(port, self.watch, self.receive)
        except NameplateError:
            self._give_back()
            raise
        self.uart = Uart(self.chip, self.clock, self._say, self.event, self.pace.resume)
        self._calls = Calls(self, seed)
        self._damage = random.Random(f"{seed} damage")
        self.interpreter: Interpreter | None = None
        self.asked = 0  # calls of the interpreter since its start
        self._cause = "power"
        self._boot_us = 0
        self._watchdog: Timer | None = None
        self._wake_timer: Timer | None = None
        self.rtc_memory = b""
        self.rtc_at_zero_us = 0
        self._cpu_mark: float | None = None
        self._real_mark = time.monotonic()
        self.stopped = False
        self.failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name=f"board {flash.stem}", daemon=True)

    def _table(self) -> tuple[Partition, ...]:
        """The partition table, with the file system that MicroPython adds after the last row when there is none."""
        try:
            rows = read_table(self.flash.peek(TABLE_OFFSET, TABLE_SIZE))
        except ValueError as error:
            self.flash.close()
            raise NameplateError(
                f"{self.flash_path}: {error}", "make an image with: nameplate factory image", USAGE
            ) from error
        return with_vfs(rows, self.flash.size)

    def _partition(self, name: str) -> Partition | None:
        return next((row for row in self.partitions if row.name == name), None)

    def start(self) -> None:
        """Switch the board on and begin to serve it."""
        self.world_changed("power_cut_at", "torn")
        if self.world["power"] == "on":
            self._boot()
        self._thread.start()

    def stop(self) -> None:
        """Everything ends; the flash file stays as it is."""
        with self.lock:
            self.stopped = True
        self.wake()
        if self._thread.is_alive() and threading.current_thread() is not self._thread:
            self._thread.join()
        self.off("stop")

    def close(self) -> None:
        """Give back what the system lent."""
        self.port.close()
        self._give_back()

    def _give_back(self) -> None:
        self.flash.close()
        self.watch.close()
        os.close(self._wake_read)
        os.close(self._wake_write)

    def event(self, kind: str, detail: str = "") -> None:
        self.events.append(Event(self.clock.now_us() // 1000, kind, detail))

    # The loop

    def wake(self) -> None:
        """Something changed: the loop is to look again."""
        with contextlib.suppress(OSError):
            os.write(self._wake_write, b"x")

    def _run(self) -> None:
        try:
            while not self.stopped:
                self._turn()
        except BaseException as error:
            self.failure = error
            raise

    def _turn(self) -> None:
        with self.lock:
            while self.clock.run_due():
                pass
            wait = self._let_time_pass()
        ready = self.watch.select(wait)
        with self.lock:
            if not ready and wait:
                self._watch_for_hang()
            for key, _ in ready:
                if not self.stopped:
                    key.data()

    def _let_time_pass(self) -> float | None:
        """In free time, run on to the next thing that is due. Returns how long (real s) the loop may sleep."""
        if not self.clock.free:
            due = self.clock.next_due()
            return _TICK_S if due is None else min(_TICK_S, self.clock.real_seconds_until(due))
        if self.interpreter is not None and not self.pace.resting:
            if not self.uart.at_prompt:
                return _TICK_S  # it computes: time stands still
            if self.pace.horizon is None or not self.interpreter.sleeps():
                now = time.monotonic()
                self.pace.real_time_passed(int((now - self._real_mark) * 1e6))
                self._real_mark = now
                return _PROMPT_TICK_S
            self._from_inside()  # all it had to say, for it waits for input now
            self.pace.look()
        self._real_mark = time.monotonic()
        return 0.0 if self.pace.step() else None

    def at_rest(self) -> bool:
        """Whether nothing goes on until somebody lets time pass, or acts."""
        if self.interpreter is None or self.pace.resting:
            return True
        return self.uart.at_prompt and self.interpreter.sleeps()

    def _answer_rest(self, now_us: int, quiet_us: int) -> None:
        if self.interpreter is not None:
            self.interpreter.reply(struct.pack("<qq", now_us, quiet_us))

    def _watch_for_hang(self) -> None:
        """In free time a loop that never calls would hold the clock, and so its own watchdog, for ever."""
        if not self.clock.free or self._watchdog is None or self.pace.resting or self.interpreter is None:
            self._cpu_mark = None
            return
        used = self.interpreter.cpu_seconds()
        if used is None:
            used = time.monotonic()
        if self._cpu_mark is None:
            self._cpu_mark = used
        elif used - self._cpu_mark > min(_BUSY_CPU_S, self._calls.watchdog_ms / 1000):
            self._bite()

    # The interpreter and the serial line

    def _notice(self, kind: int, number: int, value: int) -> None:
        if self.interpreter is not None:
            self.interpreter.notice(kind, number, value)
            self.pace.resume()

    def _say(self, data: bytes) -> None:
        self.transcript += data
        del self.transcript[:-_TRANSCRIPT_MOST]
        self.port.write(data)

    def receive(self, data: bytes) -> None:
        """Bytes from outside on the serial line."""
        self.uart.receive(data)

    def _from_inside(self) -> None:
        """What the interpreter wrote."""
        if self.interpreter is None:  # it went while this was on its way
            return
        while True:
            try:
                data = os.read(self.interpreter.output, 65536)
            except BlockingIOError:
                return
            if not data:
                with contextlib.suppress(KeyError):
                    self.watch.unregister(self.interpreter.output)
                return
            self.uart.send(data)

    def _from_line(self) -> None:
        """What the interpreter asks."""
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
                self.pace.catch_up(now_us)
            if self.interpreter is not child:
                return
            self.asked += 1
            if self.world["ctrl_c_at"] == str(self.asked):
                self.world.set("ctrl_c_at", "never")
                self.event(
                    "ctrl-c", f"with call {self.asked}" + ("" if self.uart.interruptible else ", unheard")
                )
                self.receive(b"\x03")
            try:
                if kind == interpreter.IDLE:
                    self._rest(child, *struct.unpack("<qB", body))
                else:
                    self._calls.answer(child, kind, body)
            except PowerCut:
                self._power_failed()
            self.pace.look()

    def _rest(self, child: Interpreter, until_us: int, console: int) -> None:
        self._from_inside()  # what it printed came before this moment
        self.pace.rest(None if until_us < 0 else until_us)
        if console and child.input_waiting():
            self.pace.resume()

    def _ended(self, child: Interpreter) -> None:
        """The interpreter ended by itself: Ctrl-D at the prompt is a soft reset, anything else is a crash."""
        code = child.wait()
        if code:
            self.event("crash", f"the interpreter ended with {code}")
        self.restart("hard" if code else "soft")

    # Power and resets

    def _boot(self) -> None:
        """Start the interpreter, after what the ROM prints and what the port does to NVS."""
        self.event("boot", self._cause)
        if self._cause == "soft":
            self._say(b"MPY: soft reboot\r\n")
        else:
            self._boot_us = self.clock.now_us()
            self._say(b"\r\n" + self.chip.rom_text(*ROM_REASONS[self._cause]).encode())
            nvs = self._partition("nvs")
            damage.befall(self.world, self.flash, nvs, self._partition("vfs"), self._damage)
            try:
                self._calls.nvs = Storage.at_boot(self.flash, nvs.offset, nvs.size) if nvs else None
            except PowerCut:
                self._power_failed()
                return
        self.interpreter = Interpreter(self.chip.free_heap * _OBJECTS + _SHIMS_HEAP)
        self.asked = 0
        self.uart.start(self.interpreter)
        self.watch.register(self.interpreter.line, selectors.EVENT_READ, self._from_line)
        self.watch.register(self.interpreter.output, selectors.EVENT_READ, self._from_inside)

    def _stop_interpreter(self) -> None:
        if self.interpreter is None:
            return
        self._from_inside()
        for source in (self.interpreter.line, self.interpreter.output):
            with contextlib.suppress(KeyError):
                self.watch.unregister(source)
        self.interpreter.close()
        self.interpreter = None
        self.pace.forget()
        self._cpu_mark = None
        self.uart.start(None)

    def off(self, why: str) -> None:
        """The chip stops: everything but the flash and the memory of the RTC is lost."""
        if self.interpreter is not None:
            self.event("off", why)
        self._stop_interpreter()
        self.radio.power_off()
        self.hardware.power_off()
        self._calls.watchdog_ms = 0
        for timer in (self._watchdog, self._wake_timer):
            if timer is not None:
                timer.cancel()
        self._watchdog = self._wake_timer = None

    def restart(self, cause: str) -> None:
        """Start again: `power`, `hard`, `watchdog`, `deepsleep`, or `soft`, which leaves radio, watchdog and clock alone."""
        if cause == "soft":
            self._stop_interpreter()
            self.hardware.soft_reset()
        else:
            self.off(cause)
        self._cause = cause
        self._boot()

    def deepsleep(self, time_ms: int) -> None:
        """Stop, and start again after that time; 0: never."""
        self.off("deepsleep")
        if time_ms:
            self._wake_timer = self.clock.after(time_ms * 1000, lambda: self.restart("deepsleep"))

    def arm_watchdog(self, timeout_ms: int) -> None:
        """Start or feed the watchdog."""
        if self._watchdog is not None:
            self._watchdog.cancel()
        self._watchdog = self.clock.after(timeout_ms * 1000, self._bite)

    def _bite(self) -> None:
        self.event("watchdog")
        self.restart("watchdog")

    def _power_failed(self) -> None:
        self.event("power cut", f"in flash operation {self.flash.programs + self.flash.erases}")
        self.world.set("power_cut_at", "never")
        self.world.set("power", "off")
        self.world_changed("power")

    def world_changed(self, *keys: str) -> None:
        """Values of the world are new: let them act."""
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
            self.off("power")
            self.uart.power_off()
            self.hardware.panel.power_off()
            self.rtc_memory = b""
        elif self.interpreter is None:
            self.rtc_at_zero_us = -self.clock.now_us()
            self._cause = "power"
            self._boot()

    def reset_button(self) -> None:
        """EN is pulled: the RTC's domain is reset with the rest, so to the program it is the same as power-on."""
        self.rtc_memory = b""
        self.rtc_at_zero_us = -self.clock.now_us()
        self.restart("power")

    # What a run of the interpreter is told, and tells

    def hello(self) -> dict[str, Any]:
        """What the shims need to know at their start."""
        chip = self.chip
        return {
            "now_us": self.clock.now_us(),
            "boot_us": self._boot_us,
            "speed_milli": self.clock.speed_milli,
            "rtc_us": self.rtc_at_zero_us,
            "flash": str(self.flash_path.absolute()),
            "flash_start": self.flash.start,
            "flash_size": self.flash.size,
            "partitions": [
                [row.type, row.subtype, row.offset, row.size, row.name] for row in self.partitions
            ],
            "reset_cause": RESET_CAUSES[self._cause],
            "unique_id": list(self.radio.mac),
            "network": self.radio.state,
            "umqtt": str(self._umqtt),
            "raw_prompt": self.uart.raw_prompt,
            **chip.description(),
        }

    def started(self, free: int, used: int) -> None:
        self.event("started", f"{free} bytes free, {used} used before")

    def prompt(self) -> None:
        self.event("prompt")
        self._real_mark = time.monotonic()
        self.uart.prompt()
