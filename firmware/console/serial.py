"""Carries the console over the serial line: standard input and output, whichever port the build puts them on.

Bytes are read one by one and only when one is there, because the port's own reads wait for all they were asked for.
What is written goes out in short slices, since the line has no time-out and the chip's buffer is 128 bytes; where
nobody reads, the rest of an answer is dropped after two seconds. A flood gets a fair share of the loop, no more.
"""

import asyncio
import select
import sys
import time

from micropython import const

from firmware.console.session import Gone, Session

_CHUNK = const(64)
_SLICE = const(64)
_IDLE_MS = const(20)
_CLOSED_MS = const(1000)
_PATIENCE_MS = const(2000)
_REST_MS = const(30000)


class SerialConsole:
    """`console_in` has read(1) and can be polled, `console_out` has write(data); `room` is polled before writing.

    `dropped` counts answers, or ends of answers, that nobody took.
    """

    def __init__(self, view, console_in, console_out, room=None):
        self._in = console_in
        self._out = console_out
        self._readable = select.poll()
        self._readable.register(console_in, select.POLLIN)
        self._writable = select.poll()
        self._writable.register(room or sys.stdout, select.POLLOUT)
        self._buffer = bytearray(_CHUNK)
        self._bytes = memoryview(self._buffer)
        self._alive = _nothing
        self._stalled = False
        self.session = Session(view, self._send, "serial")
        self.dropped = 0

    async def run(self, alive):
        """Serve for ever; `alive()` is called at least every two seconds."""
        self._alive = alive
        asked = time.ticks_ms()
        while True:
            alive()
            taken = self._take()
            if taken > 0:
                asked = time.ticks_ms()
                await self.session.feed(self._bytes[:taken])
                await asyncio.sleep_ms(0)
            else:
                if not 0 <= time.ticks_diff(time.ticks_ms(), asked) <= _REST_MS:
                    asked = time.ticks_ms()
                    self.session.rest()
                await asyncio.sleep_ms(_IDLE_MS if taken == 0 else _CLOSED_MS)

    def _take(self):
        """How many bytes came into the buffer; -1 when the line is closed."""
        taken = 0
        while taken < _CHUNK and _ready(self._readable):
            byte = self._in.read(1)
            if not byte:
                return taken or -1
            self._buffer[taken] = byte[0]
            taken += 1
        return taken

    async def _send(self, data):
        rest = memoryview(data)
        since = time.ticks_ms()
        while rest:
            if _ready(self._writable):
                try:
                    written = self._out.write(rest[:_SLICE])
                except OSError:
                    raise self._gone()
                if written:
                    rest = rest[written:]
                    since = time.ticks_ms()
                    self._stalled = False
                    self._alive()
                    await asyncio.sleep_ms(0)
                    continue
            if self._stalled or time.ticks_diff(time.ticks_ms(), since) > _PATIENCE_MS:
                raise self._gone()
            self._alive()
            await asyncio.sleep_ms(_IDLE_MS)

    def _gone(self):
        # Until somebody reads again, further answers do not wait.
        self._stalled = True
        self.dropped += 1
        return Gone()


def _ready(poll):
    for _ in poll.ipoll(0):
        return True
    return False


def _nothing():
    pass
