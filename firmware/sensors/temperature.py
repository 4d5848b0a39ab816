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
        self._when = self._jumped = self._still = None
        self._low = self._high = None

    def take(self, milli, raw, now):
        """A value in thousandths of a degree (None: beyond what the part can say), with the `raw` one behind it."""
        self._took(raw, now)
        if milli is None or not self._min <= milli <= self._max:
            self.miss(OUT_OF_RANGE, now)
            return
        passed = -1 if self._when is None else self._ticks.ticks_diff(now, self._when)
        # 0.3 K is what two samples may differ by noise alone.
        if passed >= 0 and abs(milli - self.milli) > max(passed, 1000) * self._rate // 1000 + 300:
            self._jumped = now
        elif self._jumped is not None and not 0 <= self._ticks.ticks_diff(now, self._jumped) < 60000:
            # A minute without another jump: it is believed again.
            self._jumped = None
        self.milli = milli
        self._when = now
        quality = OK if self._jumped is None else IMPLAUSIBLE
        if self._frozen(milli, now):
            quality = STUCK
        if self.pair is not None and quality == OK and self.pair.apart(self, milli, now):
            quality = IMPLAUSIBLE
        self.quality = quality
        if quality == OK:
            self.tally.take(milli)
        else:
            self.tally.miss(quality)

    def _frozen(self, milli, now):
        if self._still is not None:
            low, high = min(milli, self._low), max(milli, self._high)
            if high - low <= self._stuck_milli:
                self._low = low
                self._high = high
                long = self._ticks.ticks_diff(now, self._still) >= self._stuck_ms
                # Once stuck, stuck until it moves: ticks would not know for ever.
                return self._stuck_ms > 0 and (long or self.quality == STUCK)
        self._low = self._high = milli
        self._still = now
        return False

    def miss(self, quality, now):
        """No value, and why: a word of firmware.sensors.reading."""
        self.quality = quality
        self.tally.miss(quality)
        if quality not in (STALE, UNKNOWN):  # the wire told something
            self._at = now
