"""Two temperatures that must agree. Where they do not, neither is believed: nobody knows which of them lies.

Loaded for a profile that has such a pair, and kept alive by it.
"""


class Pair:
    """`one` and `other`: two Temperatures; they may be `within_milli` of each other, or further apart for less than
    `for_ms`. Values that are more than `fresh_ms` apart in time are not compared."""

    def __init__(self, one, other, within_milli, for_ms, fresh_ms, ticks):
        self._one = one
        self._other = other
        self._within = within_milli
        self._for_ms = for_ms
        self._fresh_ms = fresh_ms
        self._ticks = ticks
        self._milli = [None, None]
        self._at = [None, None]
        self._since = None

    def apart(self, sensor, milli, now):
        """Take the newest value of one of the two; whether they have disagreed for too long."""
        mine = int(sensor is self._other)
        self._milli[mine] = milli
        self._at[mine] = now
        at = self._at[1 - mine]
        if (
            at is None
            or not 0 <= self._ticks.ticks_diff(now, at) <= self._fresh_ms
            or abs(milli - self._milli[1 - mine]) <= self._within
        ):
            self._since = None
            return False
        if self._since is None:
            self._since = now
        return not 0 <= self._ticks.ticks_diff(now, self._since) < self._for_ms
