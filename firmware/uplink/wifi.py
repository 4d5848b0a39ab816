"""Keeps the station joined to its network, with our own retries.

A failed attempt is followed by a pause that doubles, up to a minute, with jitter so that a street of appliances does not
come back in step. The chip keeps the reason of the last failure while it tries again, so a bad word counts only after
it has had the time to be overcome.
"""

import asyncio
import os
import time

from micropython import const

_POLL_MS = const(200)
_SETTLE_MS = const(6000)
_JOIN_MS = const(20000)
_FIRST_PAUSE_MS = const(1000)
_LONGEST_PAUSE_MS = const(60000)
_FAILURES = ("no access point", "wrong password", "failed")


class Network:
    """`radio` is board.wifi. `state` is a word for people; `up` is whether there is a network now."""

    def __init__(self, radio, settings, ticks=time):
        self._radio = radio
        self._settings = settings
        self._ticks = ticks
        self._failing = False
        self.state = "starting"
        self.up = False
        self.joins = 0

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
        if self._settings.consent == "off":
            return "off: no consent"
        if not self._settings.wifi_ssid:
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
            self._radio.up(self._settings.wifi_ssid, self._settings.wifi_psk)
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
        ssid, psk = self._settings.wifi_ssid, self._settings.wifi_psk
        while self._radio.status() == "up" and not self._why_not():
            if ssid != self._settings.wifi_ssid or psk != self._settings.wifi_psk:
                break
            alive()
            await asyncio.sleep_ms(_POLL_MS)
        self._down("Wi-Fi lost")

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
