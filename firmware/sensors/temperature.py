"""A temperature, and whether it can be one: within its range, no faster than physics, not frozen, not against another.

Anything may hand over values: a converter, a bus, or a recording, once a second or once in five minutes. Times are
ticks in ms, which wrap; what lies further back than they can tell apart counts as long ago.
"""

from firmware.sensors.reading import IMPLAUSIBLE, OK, OUT_OF_RANGE, STALE, STUCK, UNKNOWN
from firmware.sensors.sensor import Sensor
from firmware.sensors.tally import Tally


class Temperature(Sensor):
    """`milli` is the last value within the range, which `quality` may still disbelieve; `tally` counts for the judge;
    `pair`: what compares it with another sensor, a firmware.sensors.pair.Pair, or None.
    """

    kind = "temperature"
    unit = "Cel"
    pair = None

    def __init__(self, spec, source, ticks):
        super().__init__(spec, source, ticks)
        self.tally = Tally()
        self._min = spec["min_milli"]
        self._max = spec["max_milli"]
        self._rate = spec["rate_milli_s"]
        self._stuck_ms = spec["stuck_s"] * 1000
        self._stuck_milli = spec["stuck_milli"]
        # When the last value came, when one last jumped, and since when all were between _low and _high.
        self._when = self._jumped = self._still = None
        self._low = self._high = 0

    def take(self, milli, raw, now):
        """A value in thousandths of a degree (None: beyond what the part can say), with the `raw` one behind it."""
        self.raw = raw
        if milli is None or not self._min <= milli <= self._max:
            self.miss(OUT_OF_RANGE, now)
            return
        self._at = now
        past = self._ticks.ticks_diff
        quality = OK
        passed = -1 if self._when is None else past(now, self._when)
        # 0.3 K is what two samples may differ by noise alone.
        if passed >= 0 and abs(milli - self.milli) > max(passed, 1000) * self._rate // 1000 + 300:
            self._jumped = now
        if self._jumped is not None:
            quality = IMPLAUSIBLE
            if (
                not 0 <= past(now, self._jumped) < 60000
            ):  # a minute without another jump: it is believed again
                self._jumped = None
                quality = OK
        self.milli = milli
        self._when = now
        low = min(milli, self._low)
        high = max(milli, self._high)
        if self._still is None or high - low > self._stuck_milli:
            low = high = milli
            self._still = now
        elif self._stuck_ms and (self.quality == STUCK or past(now, self._still) >= self._stuck_ms):
            quality = STUCK  # and so until it moves: ticks would not know for ever
        self._low = low
        self._high = high
        if self.pair and self.pair.apart(self, milli, now) and quality == OK:
            quality = IMPLAUSIBLE
        self.quality = quality
        if quality == OK:
            self.tally.take(milli)
        else:
            self.tally.miss(quality)

    def miss(self, quality, now):
        """No value, and why: a word of firmware.sensors.reading."""
        self.quality = quality
        self.tally.miss(quality)
        if quality not in (STALE, UNKNOWN):  # the wire told something
            self._at = now
