"""Keeps the agent's tasks running, and the watchdog fed only while every one of them does.

Each task has a name, a deadline and a way to say that it lives: it is handed `alive`, and calls it at least once per
deadline. What may happen to a task, and what follows:
- it raises or returns: logged, started again after a pause that doubles up to a minute;
- it misses its deadline: cancelled, and from there on as if it had raised;
- it does not even end when cancelled: the watchdog is not fed, and resets the board;
- the loop itself stands still: likewise if that lasts, and else no task is blamed for the time it lost;
- it is vital and keeps dying young: the board is reset, with the reason kept. Nothing that needs a network is vital.
"""

import asyncio
import time

from micropython import const

from lib import rare

_TICK_MS = const(20)
_CHECK_MS = const(500)
_FIRST_PAUSE_MS = const(250)
_LONGEST_PAUSE_MS = const(60000)
_YOUNG_MS = const(60000)
_DEATHS_OF_VITAL = const(6)


class _Task:
    def __init__(self, name, make, deadline_ms, vital, ticks):
        self.name = name
        self.make = make
        self.deadline_ms = deadline_ms
        self.vital = vital
        self.deaths = 0
        self.resting = False
        self.cancelled = False
        self.handle = None
        self._ticks = ticks
        self.seen = ticks.ticks_ms()

    def alive(self):
        self.seen = self._ticks.ticks_ms()

    def overdue(self):
        return not self.resting and (
            self._ticks.ticks_diff(self._ticks.ticks_ms(), self.seen) > self.deadline_ms
        )


class Supervisor:
    """`feed` holds off the watchdog, `log(text)` keeps a line, `reset(reason)` starts the board again."""

    def __init__(self, feed, log, reset, ticks=time):
        self._feed = feed
        self._log = log
        self._reset = reset
        self._ticks = ticks
        self._tasks = []
        self.worst_lag = 0  # in ms, since lag() was last asked
        self.strays = 0  # tasks outside this list that died of an exception

    def add(self, name, make, deadline_ms, vital=False):
        """A task: `make(alive)` gives its coroutine. It must call alive() at least every `deadline_ms`."""
        self._tasks.append(_Task(name, make, deadline_ms, vital, self._ticks))

    def deaths(self):
        """How often each task has died since boot: {name: count}, only those that have."""
        return {task.name: task.deaths for task in self._tasks if task.deaths}

    def lag(self):
        """The longest that the loop stood still, in ms, since this was last asked."""
        lag = self.worst_lag
        self.worst_lag = 0
        return lag

    def stray(self, loop, context):
        """The loop's exception handler: a task died that nobody waits for."""
        self.strays += 1
        self._say(f"stray task: {_describe(context.get('exception'))}")

    async def run(self):
        """Start every task and watch them. Never returns."""
        for task in self._tasks:
            task.handle = asyncio.create_task(self._keep(task))
        asyncio.create_task(self._ticker())
        before = self._ticks.ticks_ms()
        while True:
            now = self._ticks.ticks_ms()
            if self._check(self._ticks.ticks_diff(now, before) - _CHECK_MS):
                self._feed()
            before = now
            await asyncio.sleep_ms(_CHECK_MS)

    def _check(self, stood_still_ms):
        well = True
        for task in self._tasks:
            if stood_still_ms > 0:
                task.seen = self._ticks.ticks_add(task.seen, stood_still_ms)
            if not task.overdue():
                continue
            if task.cancelled:
                well = False
            else:
                task.cancelled = True
                task.alive()  # one more deadline to end in
                task.handle.cancel()
        return well

    async def _keep(self, task):
        pause = _FIRST_PAUSE_MS
        young = 0
        while True:
            started = self._ticks.ticks_ms()
            task.alive()
            task.cancelled = False
            try:
                await task.make(task.alive)
                reason = "ended"
            except asyncio.CancelledError:
                reason = f"no sign of life for {task.deadline_ms} ms"
            except Exception as error:  # noqa: BLE001 - whatever it was, the task starts again
                reason = _describe(error)
            task.deaths += 1
            if self._ticks.ticks_diff(self._ticks.ticks_ms(), started) > _YOUNG_MS:
                pause = _FIRST_PAUSE_MS
                young = 0
            young += 1
            self._say(f"task {task.name}: {reason}")
            if task.vital and young >= _DEATHS_OF_VITAL:
                self._reset(f"task {task.name}: {reason}")
            task.resting = True
            await asyncio.sleep_ms(pause)
            task.resting = False
            pause = min(2 * pause, _LONGEST_PAUSE_MS)

    async def _ticker(self):
        before = self._ticks.ticks_ms()
        while True:
            await asyncio.sleep_ms(_TICK_MS)
            now = self._ticks.ticks_ms()
            lag = self._ticks.ticks_diff(now, before) - _TICK_MS
            self.worst_lag = max(self.worst_lag, lag)
            before = now

    def _say(self, text):
        try:
            self._log(text)
        except Exception:  # noqa: BLE001, S110 - a full or broken log must not take the tasks with it
            pass


def _describe(error):
    from lib import trouble

    text = trouble.describe(error)
    rare.forget(("lib.trouble",))
    return text
