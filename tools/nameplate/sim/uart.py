"""The serial line between the outside and the interpreter: 115200 baud, a ring of 260 bytes, Ctrl-C, and the prompt.

On a UART a byte that finds the ring full is lost; on a chip whose console is USB it waits. A Ctrl-C never reaches the ring
while the interpreter listens for it. At the prompt the host's interpreter prints bare line feeds and its own banner; both
are made into the chip's.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable

from nameplate.sim.chips import Chip
from nameplate.sim.clock import SimClock, Timer
from nameplate.sim.interpreter import Interpreter

RING = 259  # the port's ring of 260 holds one less
_BURST = 32
_BYTE_US = 87
_BUSY_S = 0.1  # of processor time
_CTRL_A, _CTRL_B, _CTRL_C = b"\x01\x02\x03"
_BANNER = re.compile(rb"MicroPython [^\r\n]*(?=\r?\n)")
_RAW_GREETING = re.compile(rb"raw REPL; CTRL-B to exit")


class Uart:
    """`deliver(data)` gets what the board sends out, `event(kind, detail)` when bytes are lost, `arrived()` new input."""

    def __init__(
        self,
        chip: Chip,
        clock: SimClock,
        deliver: Callable[[bytes], None],
        event: Callable[[str, str], None],
        arrived: Callable[[], None],
    ) -> None:
        self._chip = chip
        self._clock = clock
        self._deliver = deliver
        self._event = event
        self._arrived = arrived
        self._waiting = bytearray()
        self._timer: Timer | None = None
        self._child: Interpreter | None = None
        self._interrupted_at = 0.0
        self.raw_prompt = False  # survives a soft reset, as the port's mode does
        self.start(None)

    def start(self, child: Interpreter | None) -> None:
        """A new run of the interpreter, or none."""
        self._child = child
        self.interruptible = False
        self.at_prompt = False
        self._held: bytes | None = None
        self._fed = 0

    def power_off(self) -> None:
        self.start(None)
        self.raw_prompt = False
        self._waiting.clear()

    # Inwards

    def receive(self, data: bytes) -> None:
        """Bytes from outside; they reach the chip at the line's pace."""
        if self._child is None:
            return
        self._waiting += data
        if self._timer is None:
            self._tick()

    def _tick(self) -> None:
        self._timer = None
        burst = bytes(self._waiting[:_BURST])
        if burst and self._child is not None:
            taken = self._arrive(burst)
            del self._waiting[:taken]
        if self._waiting:
            self._timer = self._clock.after(_BYTE_US * _BURST, self._tick)

    def _arrive(self, data: bytes) -> int:
        """Bytes at the chip's receiver; how many of them are done with."""
        assert self._child is not None
        if self.at_prompt:
            for byte in data:
                if byte in (_CTRL_A, _CTRL_B):
                    self.raw_prompt = byte == _CTRL_A
                if byte == _CTRL_B:
                    self._held = b""  # a banner comes
        elif self.interruptible and _CTRL_C in data:
            self._interrupt()
            self._arrived()  # it may be at rest, and sees the interrupt when that ends
            whole = len(data)
            self._arrive(bytes(byte for byte in data if byte != _CTRL_C))
            return whole
        room = max(0, RING - self._child.input_waiting())
        if data[:room]:
            self._child.feed_input(data[:room])
            self._arrived()
        if self.at_prompt and _CTRL_C in data[:room]:
            place = self._fed + data.rindex(_CTRL_C, 0, room)
            self._clock.after(30_000, lambda: self._interrupt_if_busy(place))
        self._fed += len(data[:room])
        if len(data) <= room:
            return len(data)
        if self._chip.usb_console:
            return room
        self._event("overrun", f"{len(data) - room} bytes lost")
        return len(data)

    def _interrupt(self) -> None:
        if self._child is None:
            return
        # The host's interpreter takes a second signal before the first is handled as an order to quit.
        now = time.monotonic()
        if self._child.waits_for_answer:
            self._child.interrupt()
        elif now - self._interrupted_at > 0.2:
            self._interrupted_at = now
            self._child.interrupt()

    def _interrupt_if_busy(self, place: int, cpu: float | None = None) -> None:
        """At the prompt a Ctrl-C is a character; while a line of the prompt runs, and does not read it, it is an interrupt."""
        child = self._child
        if child is None or not self.at_prompt or self._fed - child.input_waiting() > place:
            return
        used = child.cpu_seconds() or 0.0
        if child.rests() or (cpu is not None and used - cpu > _BUSY_S):
            self._interrupt()
            self._arrived()
        else:  # it may only not have come to it: the machine has others to serve
            self._clock.after(30_000, lambda: self._interrupt_if_busy(place, used if cpu is None else cpu))

    # Outwards

    def prompt(self) -> None:
        """The program is over: what main.c leaves is a prompt."""
        self.at_prompt = True
        self._held = b""
        if self._child is not None:
            self._child.forget_interrupt()
        if self.raw_prompt and self._child is not None:
            self._child.feed_input(bytes((_CTRL_A,)))

    def send(self, data: bytes) -> None:
        """What the interpreter wrote."""
        if not self.at_prompt:
            self._deliver(data)
            return
        if self._held is not None:
            # In raw mode nobody is to see the banner that comes with a new run; else it is to be the chip's.
            self._held += data
            found = (_RAW_GREETING if self.raw_prompt else _BANNER).search(self._held)
            if not found:
                return
            before, after = self._held[: found.start()], self._held[found.end() :]
            banner = f"MicroPython v{self._chip.release}; {self._chip.machine}".encode()
            data = found[0] + after if self.raw_prompt else before + banner + after
            self._held = None
        if _RAW_GREETING.search(data):
            self.raw_prompt = True  # asked for while the program still ended: the Ctrl-A lay in the ring
        self._deliver(data if self.raw_prompt else data.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n"))
