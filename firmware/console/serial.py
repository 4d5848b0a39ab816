"""Listens on the serial line: standard input, whichever port the build puts it on.

Bytes are read one by one and only when one is there, because the port's own reads wait for all they were asked for. A
flood gets a fair share of the loop, no more. Who answers is loaded by the first byte, and forgotten when nobody has
written for three seconds.
"""

import asyncio
import select
import time

from micropython import const

from lib import rare

_CHUNK = const(64)
_IDLE_MS = const(20)
_CLOSED_MS = const(1000)
_REST_MS = const(3000)
_RARE = ("firmware.console.serial_session",)


class SerialConsole:
    """`console_in` has read(1) and can be polled, `console_out` has write(data); `room` is polled before writing.

    `session` is the caller's, or None while there is none; `readable` is polled for what it has written.
    """

    def __init__(self, view, console_in, console_out, room=None):
        self.view = view
        self.out = console_out
        self.room = room
        self._in = console_in
        self.readable = select.poll()
        self.readable.register(console_in, select.POLLIN)
        self._buffer = bytearray(_CHUNK)
        self.alive = None
        self.session = None

    async def run(self, alive):
        """Serve for ever; `alive()` is called at least every two seconds."""
        self.alive = alive
        asked = time.ticks_ms()
        while True:
            alive()
            taken = self._take()
            if taken > 0:
                asked = time.ticks_ms()
                await self._feed(taken)
                await asyncio.sleep_ms(0)
            else:
                if not 0 <= time.ticks_diff(time.ticks_ms(), asked) <= _REST_MS:
                    asked = time.ticks_ms()
                    self._rest()
                await asyncio.sleep_ms(_IDLE_MS if taken == 0 else _CLOSED_MS)

    async def _feed(self, taken):
        try:
            if self.session is None:
                from firmware.console import serial_session

                self.session = serial_session.open_for(self)
            await self.session.feed(memoryview(self._buffer)[:taken])
        except MemoryError:  # no room for anybody who could answer
            self._rest()

    def _rest(self):
        if self.session is not None:
            self.session.rest()
            self.session = None
        rare.forget(_RARE)

    def _take(self):
        """How many bytes came into the buffer; -1 when the line is closed."""
        taken = 0
        while taken < _CHUNK and self.ready(self.readable):
            byte = self._in.read(1)
            if not byte:
                return taken or -1
            self._buffer[taken] = byte[0]
            taken += 1
        return taken

    def ready(self, poll):
        """Whether what is registered is ready now: the session asks too, of the way out."""
        for _ in poll.ipoll(0):
            return True
        return False
