"""Has all faults but leaks judged once a minute, and what is known kept on flash. The code for both is loaded for it.

Whatever fails in there is told, counted, and tried again: it never stops the watch for leaks.
"""

import asyncio

from lib import rare

_PERIOD_S = 60
_POLL_MS = 1000
_PAUSE_MS = 20000  # after a failure


class Examiner:
    """`watch`: the Watch; `note(text)` keeps a line; `writing`: the lock of those that write to flash.

    `failures` counts what went wrong. `judged`, `kept`: uptime in seconds when that was last done; `told`: what was last
    told of a failure.
    """

    def __init__(self, watch, uptime_s, note, writing):
        self.watch = watch
        self.uptime_s = uptime_s
        self.note = note
        self.writing = writing
        self.judged = self.kept = uptime_s()
        self.told = None
        self.failures = 0

    async def run(self, alive):
        """Judge and keep, for ever."""
        while True:
            alive()
            await asyncio.sleep_ms(_POLL_MS)
            if not self.watch.faults.changed and self.uptime_s() - self.judged < _PERIOD_S:
                continue
            try:
                from firmware.diagnosis.examination import examine

                await examine(self)
            except Exception as error:  # noqa: BLE001
                self.failures += 1
                if self.failures & (self.failures - 1) == 0:  # the first, the second, the fourth ...
                    self.note(f"faults not judged, {self.failures} times: {error!r}")
                await asyncio.sleep_ms(_PAUSE_MS)
            finally:
                rare.forget(("firmware.diagnosis.examination",))
