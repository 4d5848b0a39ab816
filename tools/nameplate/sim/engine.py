"""What makes a virtual board go: the parts around one interpreter, what passes between them, and how long they live.

Who lets time pass and calls the parts is loop.py; what switches the interpreter on and off is power.py.
"""

from __future__ import annotations

import contextlib
import os
import random
import selectors
import struct
from dataclasses import dataclass
from pathlib import Path

from nameplate.errors import USAGE, NameplateError
from nameplate.factory.partitions import TABLE_OFFSET, TABLE_SIZE, Partition, read_table, with_vfs
from nameplate.sim import frozen, interpreter, wiring
from nameplate.sim.calls import Calls
from nameplate.sim.chips import of_image
from nameplate.sim.clock import SimClock
from nameplate.sim.flash import Flash, PowerCut
from nameplate.sim.hardware import NETWORK, Hardware
from nameplate.sim.interpreter import Interpreter
from nameplate.sim.keys import world_of
from nameplate.sim.lan import Lan
from nameplate.sim.loop import Loop
from nameplate.sim.pace import Pace
from nameplate.sim.physics.appliances import appliance_of
from nameplate.sim.port import open_port
from nameplate.sim.power import Power
from nameplate.sim.radio import Radio
from nameplate.sim.uart import Uart

# What the shims take of the heap before boot.py, so that the board has its own free heap on top of it.
_SHIMS_HEAP = 104_400
_OBJECTS = 2  # a 64-bit interpreter's objects are twice a chip's
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
        self.clock = SimClock(speed)
        self.pace = Pace(self.clock, stepped, self._answer_rest)
        self.umqtt = frozen.ensure()
        try:
            self.flash = Flash(flash, random.Random(f"{seed} flash"), start)
        except OSError as error:
            raise NameplateError(f"{flash}: {error.strerror}", "name a flash image", USAGE) from error
        self.partitions = self._table()
        connected = wiring.from_flash(self.flash, self.partition("vfs"), self.chip.name)
        appliance = appliance_of(connected.sensors)
        self.world = world_of(connected.sensors.values(), appliance.keys, appliance.percents)
        try:
            for key, value in world.items():
                self.world.set(key, value)
        except NameplateError:
            self.flash.close()
            raise
        appliance.obey(self.world)
        self.hardware = Hardware(
            self.chip, connected, self.clock, self.world, appliance, seed, self._notice, self.event
        )
        mac_end = (seed >> 16 & 255, seed >> 8 & 255, seed & 255)
        self.radio = Radio(self.clock, self.world, lambda state: self._notice(NETWORK, 0, state), mac_end)
        self.loop = Loop(self, f"board {flash.stem}")
        self.lan = Lan(self.clock, self.world)
        try:
            self.port = open_port(port, self.loop.watch, self.receive)
        except NameplateError:
            self._give_back()
            raise
        self.uart = Uart(self.chip, self.clock, self.say, self.event, self.pace.resume)
        self.calls = Calls(self, seed)
        self.power = Power(self, seed)
        self.interpreter: Interpreter | None = None
        self.asked = 0  # calls of the interpreter since its start

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

    def partition(self, name: str) -> Partition | None:
        return next((row for row in self.partitions if row.name == name), None)

    def start(self) -> None:
        """Switch the board on and begin to serve it."""
        self.world_changed("power_cut_at", "torn")
        if self.world["power"] == "on":
            self.power.boot()
        self.loop.start()

    def stop(self) -> None:
        """Everything ends; the flash file stays as it is."""
        self.loop.stop()
        self.power.off("stop")

    def close(self) -> None:
        """Give back what the system lent."""
        self.port.close()
        self._give_back()

    def _give_back(self) -> None:
        self.flash.close()
        self.loop.close()

    def event(self, kind: str, detail: str = "") -> None:
        self.events.append(Event(self.clock.now_us() // 1000, kind, detail))

    def world_changed(self, *keys: str) -> None:
        """Values of the world are new: let them act."""
        for key in keys:
            if key == "power_cut_at":
                value = self.world[key]
                self.flash.cut_in = None if value == "never" else int(value)
            elif key == "torn":
                self.flash.torn = self.world[key] == "on"
            elif key == "power":
                self.power.switch(self.world[key] == "on")
            elif key == "clock":
                self.world.clock_set_us = self.clock.now_us()
            elif key in ("wifi", "broker"):
                self.radio.world_changed()
        self.hardware.world_changed()

    # The interpreter and the serial line

    def start_interpreter(self) -> None:
        """One more run of it, with a heap of its own."""
        self.interpreter = Interpreter(self.chip.free_heap * _OBJECTS + _SHIMS_HEAP)
        self.asked = 0
        self.uart.start(self.interpreter)
        self.loop.watch.register(self.interpreter.line, selectors.EVENT_READ, self._from_line)
        self.loop.watch.register(self.interpreter.output, selectors.EVENT_READ, self.from_inside)

    def stop_interpreter(self) -> None:
        """It is gone, with all that was in its memory."""
        if self.interpreter is None:
            return
        self.from_inside()
        for source in (self.interpreter.line, self.interpreter.output):
            with contextlib.suppress(KeyError):
                self.loop.watch.unregister(source)
        self.interpreter.close()
        self.interpreter = None
        self.pace.forget()
        self.loop.alive()
        self.uart.start(None)

    def _answer_rest(self, now_us: int, quiet_us: int) -> None:
        if self.interpreter is not None:
            self.interpreter.reply(struct.pack("<qq", now_us, quiet_us))

    def _notice(self, kind: int, number: int, value: int) -> None:
        if self.interpreter is not None:
            self.interpreter.notice(kind, number, value)
            self.pace.resume()

    def say(self, data: bytes) -> None:
        """Bytes to the outside on the serial line."""
        self.transcript += data
        del self.transcript[:-_TRANSCRIPT_MOST]
        self.port.write(data)

    def receive(self, data: bytes) -> None:
        """Bytes from outside on the serial line."""
        self.uart.receive(data)

    def from_inside(self) -> None:
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
                    self.loop.watch.unregister(self.interpreter.output)
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
        self.loop.alive()
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
                    self.calls.answer(child, kind, body)
            except PowerCut:
                self.power.failed()
            self.pace.look()

    def _rest(self, child: Interpreter, until_us: int, console: int) -> None:
        self.from_inside()  # what it printed came before this moment
        self.pace.rest(None if until_us < 0 else until_us)
        if console and child.input_waiting():
            self.pace.resume()

    def _ended(self, child: Interpreter) -> None:
        """The interpreter ended by itself: Ctrl-D at the prompt is a soft reset, anything else is a crash."""
        code = child.wait()
        if code:
            self.event("crash", f"the interpreter ended with {code}")
        self.power.restart("hard" if code else "soft")
