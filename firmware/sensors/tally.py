"""What a sensor saw since the judge last looked: a few numbers, however many samples there were."""

from firmware.sensors.reading import OK


class Tally:
    """`n` good samples: `low`, `high`, `total` and `last` of them (thousandths; a switch's are 0 or 1000). `bad`: samples
    that were not ok, `quality` the last such word, or "ok". The mean is total // n."""

    def clear(self):
        """Begin anew."""
        self.n = self.total = self.bad = 0
        self.low = self.high = self.last = None
        self.quality = OK

    __init__ = clear

    def take(self, milli):
        """A good sample."""
        if not self.n:
            self.low = self.high = milli
        self.low = min(self.low, milli)
        self.high = max(self.high, milli)
        self.n += 1
        self.total += milli
        self.last = milli

    def miss(self, quality):
        """A sample that was not ok."""
        self.bad += 1
        self.quality = quality
