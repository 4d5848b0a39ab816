"""A reading: what one sensor said, and how far it may be believed."""

OK = "ok"
OPEN = "open"
SHORT = "short"
STUCK = "stuck"
STALE = "stale"  # there was a value, and it is too old
OUT_OF_RANGE = "out of range"
IMPLAUSIBLE = "implausible"
UNKNOWN = "unknown"  # there never was one, or the part cannot be had


class Reading:
    """`milli` (thousandths of `unit`) or `state` (True, False) is set only when `quality` is "ok".

    `raw` is what was last seen (microvolts, a DS18B20's register, a pin's level), `at` the ticks (ms) of the last sample,
    both None when there was none. `ohm` is the resistance behind a water sensor, where that can be said.
    """

    def __init__(self, name, quality, raw, at, unit=None, milli=None, state=None, ohm=None):
        self.name = name
        self.quality = quality
        self.raw = raw
        self.at = at
        self.unit = unit
        self.milli = milli
        self.state = state
        self.ohm = ohm
