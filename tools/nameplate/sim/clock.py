"""Simulated time: real, scaled, or as fast as possible, and the timers that hang on it."""

from __future__ import annotations

import heapq
import itertools
import time
from collections.abc import Callable


class Timer:
    """One thing to do at a simulated moment; `cancel()` makes it nothing."""

    __slots__ = ("action", "due_us")

    def __init__(self, due_us: int, action: Callable[[], None]) -> None:
        self.due_us = due_us
        self.action: Callable[[], None] | None = action

    def cancel(self) -> None:
        self.action = None


class SimClock:
    """Microseconds since the world began, and what is due.

    `speed` is simulated seconds for each real one; None means as fast as possible: time then stands still until
    somebody calls `advance`.
    """

    def __init__(self, speed: float | None) -> None:
        if speed is not None and not 0.001 <= speed <= 1000:
            raise ValueError("the speed must lie between 0.001 and 1000, or be None")
        self.speed_milli = 0 if speed is None else round(speed * 1000)
        self._base_us = 0
        self._real_ns = time.monotonic_ns()
        self._timers: list[tuple[int, int, Timer]] = []
        self._order = itertools.count()

    @property
    def free(self) -> bool:
        """True when simulated time does not follow the machine's clock."""
        return self.speed_milli == 0

    def now_us(self) -> int:
        if self.free:
            return self._base_us
        return self._base_us + (time.monotonic_ns() - self._real_ns) * self.speed_milli // 1_000_000

    def advance(self, to_us: int) -> None:
        """Move free time forward; never back."""
        self._base_us = max(self._base_us, to_us)

    def at(self, due_us: int, action: Callable[[], None]) -> Timer:
        timer = Timer(due_us, action)
        heapq.heappush(self._timers, (due_us, next(self._order), timer))
        return timer

    def after(self, delay_us: int, action: Callable[[], None]) -> Timer:
        return self.at(self.now_us() + delay_us, action)

    def next_due(self) -> int | None:
        """When the next timer is due, or None."""
        while self._timers and self._timers[0][2].action is None:
            heapq.heappop(self._timers)
        return self._timers[0][0] if self._timers else None

    def run_due(self) -> bool:
        """Do the first thing that is due by now; False when there is none."""
        due = self.next_due()
        if due is None or due > self.now_us():
            return False
        action = heapq.heappop(self._timers)[2].action
        if action is not None:
            action()
        return True

    def real_seconds_until(self, moment_us: int) -> float:
        """How long the machine's own clock has to run until then (0 when it is past). Not for free time."""
        return max(0.0, (moment_us - self.now_us()) / 1000 / self.speed_milli)
