"""Time, as far as this board can know it.

Counts seconds since boot over any number of wraps of the millisecond tick (2^30 ms on the chip), provided that it is
asked at least once in six days. Wall time is Unix seconds with a quality; the port's own epoch (2000 on ESP32, 1970
elsewhere) and the chip's calendar are never read, so an unset clock cannot invent a date.
"""

import time

UNKNOWN = "unknown"
FLOOR = "floor"
SET = "set"
TRUSTED = "trusted"
_RANK = {UNKNOWN: 0, FLOOR: 1, SET: 2, TRUSTED: 3}

# A later floor is stored only in steps of an hour: flash wears.
_STORE_STEP_S = 3600


class Clock:
    """`store`, when there is one, keeps the floor over a reset: get() -> Unix seconds or None, put(seconds)."""

    def __init__(self, build_unix, store=None, ticks=time):
        self._ticks = ticks
        self._tick = ticks.ticks_ms()
        self._seconds = 0
        self._millis = 0
        self._store = store
        self._stored = (store.get() if store else None) or 0
        # No time before this is believed, however good its source.
        self._lowest = max(build_unix, self._stored)
        self._base = self._lowest  # Unix time at uptime `_base_at`, or a lower bound of it
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
        """Unix seconds that have passed for certain; 0 when nothing at all is known."""
        return self._base + self.uptime_s() - self._base_at if self._base else 0

    def unix(self):
        """Unix seconds, or None while the clock has not been set."""
        return self.floor if _RANK[self.quality] >= _RANK[SET] else None

    def learn(self, unix, quality):
        """Take a time from outside. A floor only ever rises; a set clock yields to an equal or better source.

        Returns whether it was taken.
        """
        floor = self.floor
        if quality == FLOOR:
            if _RANK[self.quality] >= _RANK[SET] or unix <= floor:
                return False
        elif quality not in (SET, TRUSTED):
            raise ValueError("quality")
        elif _RANK[quality] < _RANK[self.quality] or unix < (
            floor if _RANK[self.quality] < _RANK[SET] else self._lowest
        ):
            return False
        self._base = unix
        self._base_at = self.uptime_s()
        if quality == FLOOR:
            self._lowest = unix
        self.quality = quality
        if self._store and unix >= self._stored + _STORE_STEP_S:
            self._stored = unix
            self._store.put(unix)
        return True
