"""Has all faults but leaks judged once a minute, and keeps what is known on flash. The code for both is loaded for it.

Whatever fails in here is told, counted, and tried again: it never stops the watch for leaks.
"""

import asyncio

from lib import rare

_PERIOD_S = 60
_HOLE_S = 180  # a longer step is a hole in which nobody looked
_KEEP_S = 3600  # between two writes while nothing is confirmed or cleared
_AGAIN_S = 300  # after a write that failed
_POLL_MS = 1000
_RARE = (
    "firmware.diagnosis.judge",
    "firmware.diagnosis.cycles",
    "firmware.diagnosis.trend",
    "firmware.diagnosis.store",
)


class Examiner:
    """`watch`: the Watch; `note(text)` keeps a line; `writing`: the lock of those that write to flash.

    `failures` counts what went wrong.
    """

    def __init__(self, watch, uptime_s, note, writing):
        self._watch = watch
        self._uptime_s = uptime_s
        self._note = note
        self._writing = writing
        self._told = None
        self.failures = 0

    async def run(self, alive):
        """Judge and keep, for ever."""
        faults = self._watch.faults
        judged = kept = self._uptime_s()
        while True:
            alive()
            up = self._uptime_s()
            if up - judged >= _PERIOD_S:
                await self._judge(up - judged, up)
                judged = up
            if faults.rules and (faults.changed or up - kept >= _KEEP_S):
                faults.changed = False
                kept = up if await self._keep(up) else up - _KEEP_S + _AGAIN_S
            await asyncio.sleep_ms(_POLL_MS)

    async def _judge(self, dt_s, up_s):
        try:
            from firmware.diagnosis.judge import examine

            for change in examine(self._watch, 0 if dt_s > _HOLE_S else dt_s, up_s, self._note):
                if change is not None:
                    self._watch.tell(*change)
                await asyncio.sleep_ms(0)
        except Exception as error:  # noqa: BLE001
            self._failed("faults cannot be judged", error)
        finally:
            rare.forget(_RARE)

    async def _keep(self, up_s):
        for _ in range(
            100
        ):  # as with every write: a leak is confirmed first, which takes two seconds at most
            if not self._watch.suspected:
                break
            await asyncio.sleep_ms(20)
        async with self._writing:
            kept = False
            try:
                from firmware.diagnosis.store import keep

                keep(self._watch.faults, up_s)
                kept = True
                self._told = None
            except Exception as error:  # noqa: BLE001
                self._failed("faults cannot be kept", error)
            finally:
                rare.forget(_RARE)
            await asyncio.sleep(0)  # let others run before anybody writes again
        return kept

    def _failed(self, what, error):
        self.failures += 1
        if what != self._told:  # once, until it works again
            self._told = what
            self._note(f"{what}: {error!r}")
