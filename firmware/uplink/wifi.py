"""Keeps the station joined to its network, with our own retries, and the clock set while it is.

A failed attempt is followed by a pause that doubles, up to a minute, with jitter so that a street of appliances does not
come back in step. The chip keeps the reason of the last failure while it tries again, so a bad word counts only after
it has had the time to be overcome. Time servers are asked as soon as there is a network, and again after half a day.
"""

import asyncio
import os
import time

from micropython import const

from lib import rare

_POLL_MS = const(200)
_SETTLE_MS = const(6000)
_JOIN_MS = const(20000)
_ASKING_S = const(20)  # longer than it may take
_FIRST_PAUSE_MS = const(1000)
_LONGEST_PAUSE_MS = const(60000)
_RARE = ("firmware.uplink.sntp", "firmware.pins")
_FAILURES = ("no access point", "wrong password", "failed")


class Network:
    """`radio` is board.wifi. `state` is a word for people; `up` is whether there is a network now.

    `clock` is set with what time servers say, found by `resolver`; `note(text)` keeps a line. They are not asked before
    they have been left alone for `pause` seconds.
    """

    def __init__(self, radio, settings, clock, resolver, note, ticks=time):
        self._radio = radio
        self.settings = settings
        self.clock = clock
        self.resolver = resolver
        self.note = note
        self.pause = 0
        self._asked = 0
        self._ticks = ticks
        self._failing = False
        self.state = "starting"
        self.up = False
        self.joins = 0
        self.room = asyncio.Lock()  # there is no memory to open a connection and ask the time at once

    async def run(self, alive):
        """Hold the network for as long as consent allows anything to leave."""
        pause = _FIRST_PAUSE_MS
        try:
            while True:
                alive()
                why_not = self._why_not()
                if why_not:
                    self._failing = False
                    self._down(why_not)
                    pause = _FIRST_PAUSE_MS
                    await asyncio.sleep_ms(1000)
                elif await self._join(alive):
                    pause = _FIRST_PAUSE_MS
                    await self._hold(alive)
                else:
                    await self._rest(pause, alive)
                    pause = min(2 * pause, _LONGEST_PAUSE_MS)
        finally:
            self.up = False

    def _why_not(self):
        if self.settings.consent == "off":
            return "off: no consent"
        if not self.settings.wifi_ssid:
            return "no Wi-Fi set"
        if self._radio.status() == "missing":
            return "no radio"
        return None

    async def _join(self, alive):
        if not self._failing:  # the last failure stays in sight until it is overcome
            self.state = "joining Wi-Fi"
        started = self._ticks.ticks_ms()
        word = "failed"
        try:
            self._radio.up(self.settings.wifi_ssid, self.settings.wifi_psk)
            while True:
                alive()
                await asyncio.sleep_ms(_POLL_MS)
                word = self._radio.status()
                waited = self._ticks.ticks_diff(self._ticks.ticks_ms(), started)
                if word == "up":
                    self.up = True
                    self.state = "Wi-Fi up"
                    self.joins += 1
                    self._failing = False
                    return True
                if (word in _FAILURES and waited > _SETTLE_MS) or waited > _JOIN_MS:
                    break
        except (OSError, RuntimeError) as error:
            word = f"failed ({error.args[0] if error.args else '?'})"
        self._failing = True
        self._down("Wi-Fi: " + (word if word != "connecting" else "no answer"))
        return False

    async def _hold(self, alive):
        ssid, psk = self.settings.wifi_ssid, self.settings.wifi_psk
        asking = None
        try:
            while self._radio.status() == "up" and not self._why_not():
                if ssid != self.settings.wifi_ssid or psk != self.settings.wifi_psk:
                    break
                alive()
                if asking and asking.done():
                    asking = None  # a task that is over still holds what it had imported
                now = self.clock.uptime_s()
                if now - self._asked >= self.pause:
                    self._asked = now
                    asking = asyncio.create_task(self._ask_time(self.pause))
                    self.pause = _ASKING_S
                await asyncio.sleep_ms(_POLL_MS)
        finally:
            if asking:
                asking.cancel()
        self._down("Wi-Fi lost")

    async def _ask_time(self, pause):
        await asyncio.sleep(1)  # a connection goes first
        async with self.room:
            from firmware.uplink import sntp

            try:
                await sntp.keep(self, pause)
            finally:
                rare.forget(_RARE)

    async def _rest(self, pause, alive):
        left = jitter(pause)
        while left > 0 and not self._why_not():
            alive()
            await asyncio.sleep_ms(min(left, 1000))
            left -= 1000

    def _down(self, state):
        self.up = False
        self.state = state
        try:
            self._radio.down()
        except (OSError, RuntimeError):
            pass


def jitter(milliseconds):
    """Somewhere between half of it and all of it."""
    return milliseconds // 2 + milliseconds // 2 * os.urandom(1)[0] // 255
