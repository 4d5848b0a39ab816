"""How free time goes on: from one thing that is due to the next, while the interpreter rests.

In stepped time it goes no further than it was allowed to: to a horizon, or until a condition holds. The condition is looked
at only at moments that are the same in every run (a call of the interpreter, a timer), so a run repeats exactly.
"""

from __future__ import annotations

from collections.abc import Callable

from nameplate.sim.clock import SimClock

# How far the interpreter may run on without asking, when nothing is due: somebody outside may still act.
_QUIET_US = 100_000
_QUIET_STEPPED_US = 20_000


class Pace:
    """`answer(now_us, quiet_until_us)` ends the interpreter's rest."""

    def __init__(self, clock: SimClock, stepped: bool, answer: Callable[[int, int], None]) -> None:
        self._clock = clock
        self._answer = answer
        self.horizon: int | None = 0 if stepped else None
        self._condition: Callable[[], bool] | None = None
        self.satisfied = False
        self.resting = False
        self._until: int | None = None

    # The interpreter's side

    def rest(self, until_us: int | None) -> None:
        """It waits until then (None: for whatever comes)."""
        self.resting, self._until = True, until_us

    def resume(self) -> None:
        """Something happened that it is to see."""
        if self.resting:
            self.resting = False
            self._answer(self._clock.now_us(), self._quiet_until())

    def forget(self) -> None:
        """The interpreter is gone."""
        self.resting = False

    def _quiet_until(self) -> int:
        most = _QUIET_US if self.horizon is None else _QUIET_STEPPED_US
        moments = (self._clock.next_due(), self.horizon, self._clock.now_us() + most)
        return min(moment for moment in moments if moment is not None)

    def catch_up(self, now_us: int) -> None:
        """The interpreter is ahead of the world: let happen what was due by then."""
        while (due := self._clock.next_due()) is not None and due <= now_us:
            self._clock.advance(due)
            self._clock.run_due()
        self._clock.advance(now_us)

    # The world's side

    def step(self) -> bool:
        """On to the next thing that is due; False when nothing is, or the horizon is reached."""
        due = self._clock.next_due()
        until = self._until if self.resting else None
        moments = [moment for moment in (due, until) if moment is not None]
        moment = min(moments, default=None)
        if self.horizon is not None and (moment is None or moment > self.horizon):
            self._clock.advance(self.horizon)
            return False
        if moment is None:
            return False
        self._clock.advance(moment)
        if due is not None and due <= moment:
            self._clock.run_due()
        if self.resting and until is not None and until <= self._clock.now_us():
            self.resume()
        self.look()
        return True

    def real_time_passed(self, microseconds: int) -> None:
        """Free time at the pace of the real, while somebody types at the prompt."""
        target = self._clock.now_us() + microseconds
        self._clock.advance(target if self.horizon is None else min(target, self.horizon))

    # The side of whoever waits

    def allow(self, until_us: int, condition: Callable[[], bool]) -> None:
        """Let time pass until then, or until the condition holds: `satisfied`."""
        self.horizon, self._condition, self.satisfied = until_us, condition, False

    def look(self) -> None:
        """See whether the condition holds; time then stands still again."""
        if self._condition is not None and self._condition():
            self.satisfied = True
            self.hold()

    def hold(self) -> None:
        self.horizon, self._condition = self._clock.now_us(), None
