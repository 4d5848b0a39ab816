"""What a fault rests on: one line for people, and the same as JSON for the wire. Loaded to tell it, and forgotten after.

Nothing is said that was not measured: a rule without a temperature has no mean, a contact has no confidence.
"""

import json

from firmware.diagnosis import rules
from firmware.diagnosis.faults import FOR, HEAD, KNOWN, OLD, SILENCED, STATE, WINDOW
from firmware.sensors.known import within
from lib import rare
from lib.senml import decimal

LONGEST = 128
# Of 100 true values beyond the limit, by how many tenths of a standard deviation the mean lies beyond it.
_SURE = b"\x32\x36\x3a\x3e\x42\x45\x49\x4c\x4f\x52\x54\x56\x58\x5a\x5c\x5d\x5f\x60\x60\x61\x62\x62\x63"
_PATTERNS = ("firmware.diagnosis.cycles", "firmware.diagnosis.trend")
# What a trend's measure counts, as thousandths of the unit: strength, fill, drain, heating.
_MEASURES = ((1000, "%"), (1000, "s"), (1000, "s"), (1, "K/min"))
_CONTACT = "one contact, not cross-checked"


class Evidence:
    """Of the fault at `index` of the watch. `cells`: the head of its row as it was, by default as it is; `readings`
    likewise."""

    def __init__(self, watch, index, cells=None, readings=None):
        faults = watch.faults
        start = faults.starts[index]
        self.watch = watch
        self.index = index
        self.start = start
        self.cells = cells or faults.cells[start : start + HEAD + 3]
        self.readings = watch.station.readings() if readings is None else readings
        self.flags = self.cells[STATE]
        self.names = []
        self.kind = self.sensor = self.other = None
        self._find()
        # In milliseconds, which is what a leak counts.
        scale = 1 if self.kind == rules.WET else 1000
        self.window, self.known, self.long = [self.cells[cell] * scale for cell in (WINDOW, KNOWN, FOR)]
        self.ahead = None
        if self.kind == rules.NEVER_RESTS:
            self._ran()
        elif self.kind == rules.TREND:
            self._forecast()

    def _ran(self):
        # What it rests on is older than the suspicion.
        from firmware.diagnosis.cycles import ran_s

        ran = ran_s(self.watch.faults.cells, self.start + rules.HIGH + 1) * 1000
        self.window, self.known, self.long = [max(ran, time) for time in (self.window, self.known, self.long)]
        rare.forget(_PATTERNS)

    def _forecast(self):
        from firmware.diagnosis.trend import forecast

        self.ahead = forecast(self.watch.faults.cells, self.start + rules.HIGH + 1, self.p)
        rare.forget(_PATTERNS)

    def _find(self):
        faults = self.watch.faults
        blob = rules.read(faults.rules) if faults.rules else None
        if blob is None:
            for leak in self.watch.leaks:
                if leak.index == self.index:
                    self.kind, self.sensor = rules.WET, leak.sensor.name
            return
        names = rules.sensors(blob)
        rows = list(rules.each(blob))
        _, _, self.kind, sensor, other, self.rule_flags, self.size, self.p = rows[self.index]
        if self.kind == rules.RETURNS:
            sensor, other = rows[other][3], rules.NONE
        self.sensor = None if sensor == rules.NONE else names[sensor]
        self.other = None if other == rules.NONE else names[other]

    def reading(self):
        """The reading of its sensor, or None."""
        for reading in self.readings:
            if reading.name == self.sensor:
                return reading
        return None

    def has_values(self):
        """Whether temperatures were counted."""
        return self.known > 0 and (
            self.kind in (rules.ABOVE, rules.BELOW, rules.NO_PROGRESS)
            or (self.kind == rules.TOO_LONG and self.rule_flags & rules.LEVEL)
        )

    def mean(self):
        """In thousandths."""
        return (self.cells[rules.MEAN] + rules.FINE // 2) // rules.FINE

    def limit(self):
        """In thousandths, the limit of what has values."""
        return self.p[2] if self.kind == rules.TOO_LONG else self.p[0]

    def limit_s(self):
        """The time that is too long, or None."""
        if self.kind in (rules.TOO_LONG, rules.NEVER_RESTS):
            return self.p[0]
        if self.kind == rules.NO_PROGRESS:
            return self.p[2]
        return self.p[1] if self.kind == rules.RETURNS else None

    def word(self):
        """What a sensor's own fault rests on: the quality last seen that was not ok."""
        return rules.QUALITIES[self.cells[rules.QUALITY] % len(rules.QUALITIES)]

    def span(self):
        """Within how many seconds the leaks that were counted came."""
        return self.watch.faults.cells[self.start + rules.AGES + self.p[0] - 1]

    def confidence(self):
        """(percent or None, the basis of it): how sure it is that the true value is beyond the limit."""
        reading = self.reading()
        if reading is not None and reading.quality != "ok":
            return None, f"{self.sensor} is {reading.quality} now"
        if not self.has_values():
            if self.kind == rules.HEALTH:
                return None, "the sensor's own limits"
            if self.kind == rules.NEVER_RESTS:
                return None, "the course of one temperature, not cross-checked"
            if self.kind == rules.TREND:
                return self._foretold()
            return None, "several leaks, one probe" if self.kind == rules.RETURNS else _CONTACT
        off = None if reading is None or reading.milli is None else within(self.watch.chip, reading)
        if not off:
            return None, "what the reading may be off by is not known"
        beyond = self.mean() - self.limit()
        if self.kind == rules.BELOW or (
            self.kind == rules.NO_PROGRESS and not self.rule_flags & rules.FALLING
        ):
            beyond = -beyond
        # 95 of 100 lie within two standard deviations.
        tenths = min(abs(beyond) * 20 // off, len(_SURE) - 1)
        sure = min(_SURE[tenths], 99)
        basis = f"mean {kelvin(beyond)} K beyond its limit, reading within {kelvin(off)} K"
        return sure if beyond > 0 else 100 - sure, basis

    def _foretold(self):
        if self.ahead is None:
            return None, "no forecast as of now"
        _, low, high, _, n, chance, _ = self.ahead
        return chance, f"values of {n} days; {low} to {high} days hold 8 of 10"


def line(watch, index):
    """The evidence of the fault at `index` for people, at most 128 letters of ASCII."""
    found = Evidence(watch, index)
    text = ""
    if found.flags & OLD:
        text = "before this start: "
    elif found.flags & SILENCED:
        text = "before its sensor failed: "
    text += _WORDS[found.kind](found) if found.kind in _WORDS else "no rule is known for it"
    return text[:LONGEST]


def claims(watch, index, cells=None, readings=None):
    """The same as the text of a JSON object."""
    found = Evidence(watch, index, cells, readings)
    text = f'{{"window":{decimal(found.window)},"known":{decimal(found.known)},"for":{decimal(found.long)}'
    if found.sensor:
        text += ',"sensors":' + json.dumps([name for name in (found.sensor, found.other) if name])
    if found.has_values():
        low, high = found.cells[rules.LOW], found.cells[rules.HIGH]
        text += f',"min":{decimal(low)},"mean":{decimal(found.mean())},"max":{decimal(high)}'
        text += f',"limit":{decimal(found.limit())},"unit":"Cel"'
    if found.limit_s() is not None:
        text += f',"limit_s":{found.limit_s()}'
    if found.kind == rules.HEALTH:
        text += f',"quality":"{found.word()}"'
    if found.kind == rules.RETURNS:
        text += f',"count":{found.p[0]}'
    if found.ahead:
        days, low, high, slope, n, _, level = found.ahead
        scale, unit = _MEASURES[found.p[0]]
        text += f',"days":{days},"low":{low},"high":{high},"slope":{decimal(slope * 10)},"n":{n}'
        text += f',"level":{decimal(level * scale)},"limit":{decimal(found.p[1] * scale)},"unit":"{unit}"'
    sure, basis = found.confidence()
    return text + f',"confidence":{"null" if sure is None else sure},"basis":{json.dumps(basis)}}}'


def of(watch, change):
    """(": " and the line, the claims) of a Change."""
    told = claims(watch, change.index, change.cells, change.readings)
    return ": " + line(watch, change.index), told


# In words


def _wet(found):
    text = f"wet {_seconds(found.long, found.window)} of {_seconds(found.window, found.window)} s"
    if found.known + 1000 <= found.window:
        text += f", known {_seconds(found.known, found.window)} s"
    reading = found.reading()
    if reading is None:
        return text
    if reading.quality != "ok":
        return text + f", probe now {reading.quality}: not known whether it is dry"
    if reading.ohm is not None:
        text += f", loop {reading.ohm // 1000}.{reading.ohm // 100 % 10} kohm"
    return text + ", probe healthy"


def _returns(found):
    return f"{found.p[0]} leaks within {age(found.span())}; told when within {age(found.p[1])}"


def _health(found):
    text = f"not ok for {_times(found)}, last {found.word()}"
    reading = found.reading()
    return text if reading is None else text + f", now {reading.quality}"


def _values(found):
    low, high = found.cells[rules.LOW], found.cells[rules.HIGH]
    return f"mean {kelvin(found.mean())} C ({kelvin(low)} to {kelvin(high)})"


def _limit(found):
    side = "above" if found.kind == rules.ABOVE else "below"
    return f"{_values(found)}, {side} {kelvin(found.limit())} C for {_times(found)}" + _sure(found)


def _no_progress(found):
    change = f"less than {kelvin(found.p[1])} K in {age(found.p[2])}"
    return f"{_values(found)}, moved {change}, for {_times(found)}" + _sure(found)


def _too_long(found):
    text = f"{found.sensor} on"
    if found.rule_flags & rules.LEVEL:
        text = f"{_values(found)}, above {kelvin(found.p[2])} C"
    text += f" for {_times(found)}, limit {age(found.p[0])}"
    if found.other:
        text += f", {found.other} {'on' if found.rule_flags & rules.WHILE else 'off'}"
    return text + _sure(found)


def _never_rests(found):
    return f"ran {age(found.long // 1000)} without a rest of {age(found.p[1])}, limit {age(found.p[0])}"


def _trend(found):
    if not found.ahead:
        return "no forecast as of now"
    days, low, high, slope, n, chance, level = found.ahead
    scale, unit = _MEASURES[found.p[0]]
    when = (
        f"at this rate the limit is reached in {days} days ({low} to {high})"
        if days
        else "the limit is reached"
    )
    now = f"{decimal(level * scale)} {unit} now, {'+' if slope > 0 else ''}{decimal(slope * 10)} % a day"
    return f"{when}: {now}, {n} days seen, {chance} % sure"


def _seconds(milliseconds, window):
    return (
        str(milliseconds // 1000) if window >= 10000 else f"{milliseconds // 1000}.{milliseconds // 100 % 10}"
    )


def _times(found):
    return f"{age(found.long // 1000)} of {age(found.known // 1000)}"


def _sure(found):
    sure, basis = found.confidence()
    if sure is not None:
        return f", {sure} % sure"
    reading = found.reading()
    return "" if reading is None or reading.quality == "ok" else ", " + basis


_WORDS = {
    rules.WET: _wet, rules.RETURNS: _returns, rules.HEALTH: _health, rules.ABOVE: _limit, rules.BELOW: _limit,
    rules.NO_PROGRESS: _no_progress, rules.TOO_LONG: _too_long, rules.NEVER_RESTS: _never_rests, rules.TREND: _trend,
}  # fmt: skip


def kelvin(milli):
    """Thousandths, rounded to tenths: 4812 is "4.8"."""
    tenths = (abs(milli) + 50) // 100
    return ("-" if milli < 0 and tenths else "") + f"{tenths // 10}.{tenths % 10}"


def age(seconds):
    """Seconds as people say them: "41 s", "12 min", "3 h 5 min", "2 d 4 h"."""
    if seconds < 120:
        return f"{seconds} s"
    minutes = seconds // 60
    if minutes < 120:
        return f"{minutes} min"
    hours = minutes // 60
    return f"{hours} h {minutes % 60} min" if hours < 48 else f"{hours // 24} d {hours % 24} h"
