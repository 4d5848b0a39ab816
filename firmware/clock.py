"""Time, as far as this board can know it.

Counts seconds since boot over any number of wraps of the millisecond tick (2^30 ms on the chip), provided that it is
asked at least once in six days. Wall time is Unix seconds with a quality; the port's own epoch (2000 on ESP32, 1970
elsewhere) and the chip's calendar are never read, so an unset clock cannot invent a date.

What is proved (the release's date, a signed date) is the lowest that is ever believed. A time that was set is only
likely: it is kept as the last known, and a later answer may put it right in either direction.
"""

import time

UNKNOWN = "unknown"
FLOOR = "floor"
SET = "set"
TRUSTED = "trusted"
_RANK = (UNKNOWN, FLOOR, SET, TRUSTED)

# In the store: what is proved, and what was set last. Flash wears, so they are written in steps of an hour.
_PROVED = "floor_min"
_LAST = "last_min"
_STEP_S = 3600
# A set clock that lies so far behind a signed date is wrong: clocks of those who sign differ by less.
_SLACK_S = 300


class Clock:
    """`store`, when there is one, keeps times over a reset: get(key) -> Unix seconds or 0, put(key, seconds)."""

    def __init__(self, build_unix, store=None, ticks=time):
        self._ticks = ticks
        self._tick = ticks.ticks_ms()
        self._seconds = 0
        self._millis = 0
        self._store = store
        self._stored = store.get(_PROVED) if store else 0
        self._last = store.get(_LAST) if store else 0
        # No time before this is believed, however good its source.
        self._lowest = max(build_unix, self._stored)
        self._base = max(self._lowest, self._last)  # Unix time at uptime `_base_at`, or a lower bound of it
        self._base_at = 0
        self.quality = FLOOR if self._base else UNKNOWN

    def uptime_s(self):
        """Whole seconds since boot."""
        tick = self._ticks.ticks_ms()
        self._millis += self._ticks.ticks_diff(tick, self._tick)
        self._tick = tick
        if self._millis >= 1000:
            self._seconds += self._millis // 1000
            self._millis %= 1000
        return self._seconds

    @property
    def floor(self):
        """Unix seconds that have passed as far as is known; 0 when nothing at all is."""
        return self._base + self.uptime_s() - self._base_at if self._base else 0

    def unix(self):
        """Unix seconds, or None while the clock has not been set."""
        return self.floor if self.quality in (SET, TRUSTED) else None

    def learn(self, unix, quality):
        """Take a time from outside. A floor only ever rises; a set clock yields to an equal or better source.

        Returns whether it was taken.
        """
        if quality == FLOOR:
            if self.quality == TRUSTED or unix <= self._lowest:
                return False
            self._lowest = unix
            if self._store and unix >= self._stored + _STEP_S:
                self._stored = unix
                self._store.put(_PROVED, unix)
            if unix <= self.floor + (_SLACK_S if self.quality == SET else 0):
                return False
        elif quality not in (SET, TRUSTED):
            raise ValueError("quality")
        elif unix < self._lowest or _RANK.index(quality) < _RANK.index(self.quality):
            return False
        elif self._store and not 0 <= unix - self._last < _STEP_S:
            self._last = unix
            self._store.put(_LAST, unix)
        self._base = unix
        self._base_at = self.uptime_s()
        self.quality = quality
        return True
