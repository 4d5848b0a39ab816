"""Keeps the clock set: at once when there is a network, again after half a day, sooner while it did not come about."""

import asyncio

from lib import rare
from lib.loading import Quick

_RARE = ("firmware.uplink.sntp", "firmware.pins")


class Timekeeper:
    """`network` has `up`; `note(text)` keeps a line. Without consent nothing is sent."""

    def __init__(self, clock, settings, network, resolver, note):
        self._clock = clock
        self._settings = settings
        self._network = network
        self._resolver = resolver
        self._note = note

    async def run(self, alive):
        """For ever; `alive()` is called at least every 20 seconds."""
        wait = pause = 0
        while True:
            alive()
            await asyncio.sleep_ms(1000)
            if wait > 0:
                wait -= 1
            elif self._network.up and self._settings.consent != "off":
                with Quick():
                    from firmware.uplink import sntp
                try:
                    wait = pause = await sntp.keep(
                        self._clock, self._resolver, self._settings.ntp.split(","), pause, self._note
                    )
                finally:
                    del sntp
                    rare.forget(_RARE)
