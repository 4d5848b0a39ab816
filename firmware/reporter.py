"""When something is said: a heartbeat every period, an event at once.

Without consent nothing is made, not even for later. With minimum consent no reading leaves: neither in a heartbeat
nor as an event's evidence.
"""

import asyncio
import os
import time

from lib import rare

_POLL_MS = 50
_STEP_MS = 500
_FIRST_MS = 1500  # every sensor has been sampled by then
_RETRY_MS = 5000


class Reporter:
    """`chain` makes the tokens, `lag()` gives the worst loop lag since it was last asked, `note(text)` keeps a line."""

    def __init__(self, chain, settings, station, watch, lag, note, ticks=time):
        self._chain = chain
        self._settings = settings
        self._station = station
        self._watch = watch
        self._lag = lag
        self._note = note
        self._ticks = ticks

    async def heartbeats(self, alive):
        """One heartbeat soon after the start, then one a period, give or take a twentieth."""
        wait = _FIRST_MS
        while True:
            await self._wait(wait, alive)
            if self._settings.consent != "off":
                await self._say("heartbeat", self._station.readings())
            wait = _spread(self._settings.period_s * 1000)

    async def _wait(self, wait, alive):
        started = self._ticks.ticks_ms()
        period = self._settings.period_s
        while True:
            alive()
            left = wait - self._ticks.ticks_diff(self._ticks.ticks_ms(), started)
            # A new period counts from now on, not after an old one of perhaps a day.
            if left <= 0 or period != self._settings.period_s:
                return
            await asyncio.sleep_ms(min(left, _STEP_MS))

    async def events(self, alive):
        """Each change of a fault, in the order of their coming; one that cannot be stored is tried again."""
        while True:
            alive()
            change = self._watch.take()
            if change is None:
                await asyncio.sleep_ms(_POLL_MS)
                continue
            line, claims = self._evidence(change)
            self._note(f"fault {change.code} {change.state}{line}")
            while self._settings.consent != "off":
                if await self._say("event", change.readings, change, claims):
                    break
                alive()
                await asyncio.sleep_ms(_RETRY_MS)

    def _evidence(self, change):
        """(for the log, for the wire) what it rests on; nothing where that cannot be told for lack of memory."""
        try:
            from firmware.diagnosis.evidence import of

            return of(self._watch, change)
        except MemoryError:
            return "", None
        finally:
            rare.forget(("firmware.diagnosis.evidence",))

    async def _say(self, kind, readings, change=None, evidence=None):
        """Whether it was signed and stored."""
        if self._settings.consent != "full":
            readings = []
            evidence = None
        error = "no memory"
        try:
            from firmware import claims

            lag, ack = self._lag(), self._settings.ack
            if change:
                text = claims.event_claims(
                    change.code, change.state, readings, change.since, lag, ack, evidence
                )
            else:
                text = claims.heartbeat_claims(readings, lag, ack)
            if await self._chain.emit(kind, text) is not None:
                return True
            error = self._chain.error
        except MemoryError:
            pass
        finally:
            rare.forget(("firmware.claims",))
        self._note(error)
        return False


def _spread(milliseconds):
    return milliseconds - milliseconds // 20 + milliseconds // 10 * os.urandom(1)[0] // 255
