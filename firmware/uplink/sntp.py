"""What time it is, asked of two servers over UDP (SNTP, RFC 4330) and believed only when they agree within five seconds.

Nothing is proved by it: whoever sits on the way can lie. So a time never goes behind what is proved, is told with its
quality, and never becomes a proof itself. Needed a few times a day, and forgotten after.
"""

import asyncio
import os
import socket
import time

from firmware.clock import SET

PORT = 123
_POLL_MS = 20
_DEADLINE_MS = 3000
_AGREE_MS = 5000
_EPOCH = 2208988800  # 1970 in seconds since 1900
_ERA = 1 << 32  # seconds until the count begins anew, in 2036
_HALF = 1 << 31

# Pauses in seconds. A server that wants to be left alone is.
_FIRST_S = 16
_LONGEST_S = 1024
_SET_S = 43200
_UNWELCOME_S = 14400


class NoTime(Exception):
    """There is no time to be had; the text says why."""


class Unwelcome(NoTime):
    """A server asks to be asked less, or not at all."""


async def keep(network, pause, ticks=time, port=PORT):
    """Ask once and set the clock of a firmware.uplink.wifi.Network; its `pause` was so long, and is told anew."""
    clock, note = network.clock, network.note
    try:
        unix = await ask(network.resolver, network.settings.ntp.split(","), ticks, port)
        was = clock.unix()
        if not clock.learn(unix, SET):
            raise NoTime("time: earlier than what is proved")
        from firmware import pins

        pins.set_calendar(unix)
        if was is None:
            note("time set")
        elif not -5 <= unix - was <= 5:
            note(f"time moved by {unix - was} s")
        following = _SET_S
    except NoTime as error:
        if not pause or pause > _LONGEST_S:
            note(str(error))
        following = (
            _UNWELCOME_S if isinstance(error, Unwelcome) else min(max(_FIRST_S, 2 * pause), _LONGEST_S)
        )
    network.pause = following - following // 8 * os.urandom(1)[0] // 255


async def ask(resolver, servers, ticks=time, port=PORT):
    """Unix seconds on which two `servers` (names or addresses) agree. NoTime where they do not."""
    told = []
    for server in servers:
        try:
            address = await resolver.resolve(server)
        except OSError as error:
            raise NoTime(f"time: {error}")
        if told and told[0][0] == address:
            raise NoTime("time: both names lead to one server")
        told.append((address, await _exchange(address, port, ticks), ticks.ticks_ms()))
    first, second = told
    now = first[1] + ticks.ticks_diff(second[2], first[2])
    if not -_AGREE_MS <= now - second[1] <= _AGREE_MS:
        raise NoTime("time: two servers disagree")
    return (now + second[1]) // 2000


async def _exchange(address, port, ticks):
    # Unix milliseconds, as one server says. What we say is the time is random: only who has seen it can answer.
    nonce = os.urandom(8)
    peer = socket.getaddrinfo(address, port)[0][-1]
    line = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        line.setblocking(False)
        sent = ticks.ticks_ms()
        line.sendto(b"\x23" + bytes(39) + nonce, peer)
        while True:
            waited = ticks.ticks_diff(ticks.ticks_ms(), sent)
            if waited >= _DEADLINE_MS:
                raise NoTime("time: no answer")
            try:
                answer, source = line.recvfrom(48)
            except OSError:  # nothing there yet
                await asyncio.sleep_ms(_POLL_MS)
                continue
            if source == peer and len(answer) == 48 and answer[24:32] == nonce and answer[0] & 7 == 4:
                return read(answer) + waited // 2
            await asyncio.sleep_ms(0)
    except OSError as error:
        raise NoTime(f"time: not sent ({error.args[0]})")
    finally:
        line.close()


def read(answer):
    """Unix milliseconds in a server's answer. NoTime where it says that it has none."""
    if answer[1] == 0:
        code = answer[12:16]
        if code in (b"RATE", b"DENY", b"RSTR"):
            raise Unwelcome("time: server asks to be left alone")
    # Leap 3: not synchronised. Root delay and dispersion are in 1/65536 s: a second is too much, and so is less than nothing.
    if (
        answer[0] & 0xC0 == 0xC0
        or not 1 <= answer[1] <= 15
        or not 1 <= answer[0] >> 3 & 7 <= 4
        or any(answer[4:6])
        or any(answer[8:10])
        or not any(answer[40:48])
    ):
        raise NoTime("time: server not synchronised")
    seconds = int.from_bytes(answer[40:44], "big")
    if seconds < _HALF:
        seconds += _ERA
    return (seconds - _EPOCH) * 1000 + (answer[44] * 1000 >> 8)
