"""Answers on the serial line. Loaded while somebody writes, and forgotten after.

What is written goes out in short slices, since the line has no time-out and the chip's buffer is 128 bytes; where
nobody reads, the rest of an answer is dropped after two seconds.
"""

import asyncio
import select
import sys
import time

from micropython import const

from firmware.console.session import Gone, Session

_SLICE = const(64)
_IDLE_MS = const(20)
_PATIENCE_MS = const(2000)


def open_for(console):
    """The session of whoever writes on this console."""
    out = SerialOut(console)
    return Session(console.view, out.send, "serial", out.pause)


class SerialOut:
    """The line's way out, as long as there is somebody to answer."""

    def __init__(self, console):
        self._console = console
        self._writable = select.poll()
        self._writable.register(console.room or sys.stdout, select.POLLOUT)
        self._stalled = False

    async def send(self, data):
        """Write it all, or raise Gone."""
        rest = memoryview(data)
        since = time.ticks_ms()
        while rest:
            if self._console.ready(self._writable):
                try:
                    written = self._console.out.write(rest[:_SLICE])
                except OSError:
                    raise self._gone()
                if written:
                    rest = rest[written:]
                    since = time.ticks_ms()
                    self._stalled = False
                    self._console.alive()
                    await asyncio.sleep_ms(0)
                    continue
            if self._stalled or time.ticks_diff(time.ticks_ms(), since) > _PATIENCE_MS:
                raise self._gone()
            self._console.alive()
            await asyncio.sleep_ms(_IDLE_MS)

    async def pause(self, milliseconds):
        """Wait that long, a short time; whether something has come meanwhile that waits to be read."""
        self._console.alive()
        await asyncio.sleep_ms(milliseconds)
        return self._console.ready(self._console.readable)

    def _gone(self):
        # Until somebody reads again, further answers do not wait.
        self._stalled = True
        return Gone()
