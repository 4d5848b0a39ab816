"""What the examiner does when it is time: judge all faults but leaks, and keep what is known. Loaded for it.

Judging lets others run after each rule. What is confirmed or cleared is kept at once, all else once an hour.
"""

import asyncio

from lib import rare

_PERIOD_S = 60
_HOLE_S = 180  # a longer step is a hole in which nobody looked
_KEEP_S = 3600  # between two writes while nothing is confirmed or cleared
_AGAIN_S = 300  # after a write that failed


async def examine(examiner):
    """Judge if it is time to, then keep if there is reason to. Raises whatever went wrong in judging."""
    faults = examiner.watch.faults
    up = examiner.uptime_s()
    try:
        if up - examiner.judged >= _PERIOD_S:
            passed = up - examiner.judged
            examiner.judged = up
            if faults.rules:
                await _judge(examiner, 0 if passed > _HOLE_S else passed, up)
    finally:
        if faults.changed or up - examiner.kept >= _KEEP_S:
            faults.changed = False
            if faults.rules:
                await _keep(examiner, up)


async def _judge(examiner, dt_s, up):
    from firmware.diagnosis.judge import examine

    try:
        for change in examine(examiner.watch, dt_s, up, examiner.note):
            if change is not None:
                examiner.watch.tell(*change)
            await asyncio.sleep_ms(0)
    finally:
        rare.forget(("firmware.diagnosis.judge", "firmware.diagnosis.cycles", "firmware.diagnosis.trend"))


async def _keep(examiner, up):
    for _ in range(100):  # as with every write: a leak is confirmed first, which takes two seconds at most
        if not examiner.watch.suspected:
            break
        await asyncio.sleep_ms(20)
    async with examiner.writing:
        try:
            from firmware.diagnosis.store import keep

            keep(examiner.watch.faults, up)
            examiner.kept = up
            examiner.told = None
        except (OSError, MemoryError) as error:
            examiner.kept = up - _KEEP_S + _AGAIN_S
            examiner.failures += 1
            if examiner.told is None:  # once, until it works again
                examiner.told = "kept"
                examiner.note(f"faults are not kept over a restart: {error!r}")
        finally:
            rare.forget(("firmware.diagnosis.store",))
        await asyncio.sleep(0)  # let others run before anybody writes again
