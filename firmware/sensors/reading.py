"""A reading: what one sensor said, and how far it may be believed."""

OK = "ok"
OPEN = "open"
SHORT = "short"
STALE = "stale"


class Reading:
    """`milli` (thousandths of `unit`) or `state` (True, False) is set only when `quality` is "ok".

    `raw_uv` is the last microvolts seen, `at` the ticks (ms) of the last sample, both None when there was none.
    `ohm` is the resistance behind it, where that can be said.
    """

    def __init__(self, name, quality, raw_uv, at, unit=None, milli=None, state=None, ohm=None):
        self.name = name
        self.quality = quality
        self.raw_uv = raw_uv
        self.at = at
        self.unit = unit
        self.milli = milli
        self.state = state
        self.ohm = ohm
