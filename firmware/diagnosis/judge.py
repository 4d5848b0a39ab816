"""Judges all faults but leaks, once a minute: first the sensors, then what rests on them. Loaded for it, then forgotten.

Time is what was seen. A rule's seconds count only in steps in which every sensor it rests on was known; what is not
known neither confirms nor clears. While a sensor's own fault stands, what rests on the sensor is silenced: nothing is
suspected, and what was known before stays known. All in whole numbers; no clock but the seconds since the last step.

Each rule answers with (beyond, well, seconds): whether it is beyond its limit, whether it is well clear of it (neither,
between the two), and how many of the step's seconds count. None: not known.
"""

from firmware.diagnosis import rules
from firmware.diagnosis.faults import (
    CLEAR,
    CONFIRMED,
    FOR,
    KNOWN,
    OLD,
    RECOVERING,
    SILENCED,
    SINCE,
    STATES,
    SUSPECTED,
    TIMER,
    TIMES,
    WINDOW,
)
from firmware.diagnosis.leak import BAD, GOOD

LONGEST_S = 3600  # a longer step is a hole in which nobody looked
_BAD_PART = 8  # a sensor is known in a step if at most one sample in so many was not ok
_MOST = 1 << 29
_MEAN_S = 86400  # the mean of a long window is that of about the last day
_UNKNOWN = (None, None, 0)


class _Seen:
    """What a sensor was seen to be in this step; `known`: enough to judge by. `mean`, `low`, `high`, `last` as in a tally."""

    def __init__(self, good, bad, quality):
        self.known = good > 0 and bad * _BAD_PART <= good
        self.asked = good + bad > 0
        self.quality = quality
        self.mean = self.low = self.high = self.last = None

    def take(self, tally):
        if tally.n:
            self.mean = (tally.total + tally.n // 2) // tally.n
            self.low, self.high, self.last = tally.low, tally.high, tally.last


def examine(watch, dt_s, up_s, note):
    """One step of all rules on the watch's sensors; after each rule a change (index, CONFIRMED or CLEAR), or None."""
    blob = rules.read(watch.faults.rules)
    if blob is None:
        raise OSError("rules cannot be read, only leaks are watched")
    yield from steps(blob, watch.faults, watch.station.sensors, dt_s, up_s, note)


def step(blob, faults, sensors, dt_s, up_s, note):
    """One step of all rules, at once: a list of (index, "confirmed" or "cleared")."""
    changes = [change for change in steps(blob, faults, sensors, dt_s, up_s, note) if change]
    return [(index, "confirmed" if state == CONFIRMED else "cleared") for index, state in changes]


def steps(blob, faults, sensors, dt_s, up_s, note):
    """Judge all rules of `blob`, which is whole and these faults' own: (index, CONFIRMED or CLEAR) or None after each.

    `sensors`: all there are, their tallies are taken and cleared. `dt_s`: seconds since the last step; `up_s`: since the
    unit's start. `note(text)` is told what went wrong: never a reason to stop.
    """
    rows = [row + (faults.starts[index],) for index, row in enumerate(rules.each(blob))]
    seen = _look(blob, rows, faults.cells, sensors)
    if not 1 <= dt_s <= LONGEST_S:
        return
    sick = set()
    for first in (True, False):
        for index, row in enumerate(rows):
            if (row[2] == rules.HEALTH) == first:
                change = None
                try:
                    change = _Rule(faults, rows, row, seen, sick, dt_s, up_s).step()
                except Exception as error:  # noqa: BLE001
                    faults.failures += 1
                    if faults.failures & (faults.failures - 1) == 0:  # the first, the second, the fourth ...
                        note(f"rule {row[0]} failed, {faults.failures} in all: {error!r}")
                yield None if change is None else (index, change)


def _look(blob, rows, cells, sensors):
    """What was seen of each sensor of the file since the last step, None for one that is not fitted. Clears the tallies."""
    found = []
    for number, name in enumerate(rules.sensors(blob)):
        seen = None
        for sensor in sensors:
            if sensor.name != name:
                continue
            tally = sensor.tally
            if tally is not None:
                seen = _Seen(tally.n, tally.bad, tally.quality)
                seen.take(tally)
                tally.clear()
                continue
            good = bad = 0
            for row in rows:
                if row[2] == rules.WET and row[3] == number:
                    at = row[-1]
                    good, bad = cells[at + GOOD], cells[at + BAD]
                    cells[at + GOOD] = cells[at + BAD] = 0
            seen = _Seen(good, bad, sensor.quality)
        found.append(seen)
    return found


class _Rule:
    """One rule in one step."""

    def __init__(self, faults, rows, row, seen, sick, dt_s, up_s):
        _, _, self.kind, self.sensor, self.other, self.flags, self.size, self.p, self.at = row
        self.faults = faults
        self.cells = faults.cells
        self.rows = rows
        self.seen = seen
        self.sick = sick
        self.dt_s = dt_s
        self.up_s = up_s

    def step(self):
        """CONFIRMED, CLEAR or None."""
        if self.kind == rules.HEALTH:
            return self._health()
        cells, at = self.cells, self.at
        of = self.rows[self.other] if self.kind == rules.RETURNS else None
        rests_on = [of[3]] if of else [number for number in (self.sensor, self.other) if number != rules.NONE]
        if any(self.seen[number] is None for number in rests_on):
            return None  # not fitted on this board
        silenced = any(number in self.sick for number in rests_on)
        cells[at] = cells[at] & ~SILENCED | (SILENCED if silenced else 0)
        if self.kind == rules.WET:
            return None  # with every sample, by firmware.diagnosis.leak
        known = all(self.seen[number].known for number in rests_on) and not silenced
        if of:
            answer = self._returns(of)
            return self._advance(_UNKNOWN if silenced else answer, None, 0, 0)
        confirm_s = clear_s = 0
        value = self.seen[self.sensor]
        if self.kind in (rules.ABOVE, rules.BELOW):
            answer = self._limit(value, known)
            confirm_s, clear_s = self.p[3], self.p[4]
        elif self.kind in (rules.NEVER_RESTS, rules.TREND):
            answer = self._pattern(value, known)
        elif not known:
            answer = _UNKNOWN
        elif self.kind == rules.NO_PROGRESS:
            answer = self._no_progress(value.mean)
            confirm_s = self.p[2]
        else:
            answer = self._too_long(value)
            confirm_s, clear_s = self.p[0], self.p[1]
        if silenced and cells[at] & STATES == SUSPECTED:
            cells[at] = CLEAR | SILENCED
        return self._advance(answer, value if known else None, confirm_s, clear_s)

    # The kinds

    def _health(self):
        value = self.seen[self.sensor]
        if value is None:
            return None
        answer = _UNKNOWN
        if value.asked:
            answer = (not value.known, value.known, self.dt_s)
            if not value.known and value.quality in rules.QUALITIES:
                self.cells[self.at + rules.QUALITY] = rules.QUALITIES.index(value.quality)
        change = self._advance(answer, None, self.p[0], self.p[1])
        if self.cells[self.at] & STATES >= CONFIRMED and not self.cells[self.at] & OLD:
            self.sick.add(self.sensor)
        return change

    def _returns(self, of):
        # p: how often, within how many seconds
        cells, at, dt_s = self.cells, self.at, self.dt_s
        count = self.p[0]
        self._needs(rules.AGES + count)
        times = cells[of[-1] + TIMES]
        ages = at + rules.AGES
        for place in range(ages, ages + count):
            if cells[place]:
                cells[place] = min(cells[place] + dt_s, _MOST)
        for _ in range(min(max(times - cells[at + rules.COUNTED], 0), count)):
            for place in range(ages + count - 1, ages, -1):
                cells[place] = cells[place - 1]
            cells[ages] = 1
        cells[at + rules.COUNTED] = times
        beyond = 0 < cells[ages + count - 1] <= self.p[1]
        return beyond, not beyond, dt_s

    def _limit(self, value, known):
        # p: limit, clear, seconds of the mean, to confirm, to clear, of grace after the start
        cells, at, dt_s = self.cells, self.at, self.dt_s
        limit, clear, average_s = self.p[0], self.p[1], self.p[2]
        if not known:
            cells[at + rules.UNSEEN_S] = min(cells[at + rules.UNSEEN_S] + dt_s, _MOST)
            if cells[at + rules.UNSEEN_S] > average_s:
                cells[at + rules.AVERAGE_S] = 0  # what was before says nothing any more
            return _UNKNOWN
        cells[at + rules.UNSEEN_S] = 0
        cells[at + rules.AVERAGE_S] = _mean(
            cells, at + rules.AVERAGE, cells[at + rules.AVERAGE_S], value.mean, dt_s, average_s
        )
        if cells[at + rules.AVERAGE_S] < average_s:
            return _UNKNOWN
        mean = cells[at + rules.AVERAGE]
        sign = 1 if self.kind == rules.ABOVE else -1
        beyond = sign * (mean - limit * rules.FINE) > 0
        if beyond and self.up_s < self.p[5]:
            return _UNKNOWN
        return beyond, sign * (mean - clear * rules.FINE) <= 0, dt_s

    def _no_progress(self, mean):
        # p: from where on it is right, the change that is to be seen, within how many seconds, where it is over
        cells, at, dt_s = self.cells, self.at, self.dt_s
        sign = -1 if self.flags & rules.FALLING else 1
        value, right = sign * mean, sign * self.p[0]
        well = value >= sign * self.p[3]
        state = cells[at] & STATES
        if value >= right:
            return False, well, dt_s
        share = 1000 if self.other == rules.NONE else self.seen[self.other].mean
        if share < 500:
            cells[at + rules.OFF_S] = min(cells[at + rules.OFF_S] + dt_s, _MOST)
            # A short pause is part of it; after a long one all begins anew.
            return (False if cells[at + rules.OFF_S] * 4 > self.p[2] else None), well, 0
        cells[at + rules.OFF_S] = 0
        if state == CLEAR:
            cells[at + rules.WORST] = value
        cells[at + rules.WORST] = min(cells[at + rules.WORST], value)
        if value - cells[at + rules.WORST] >= self.p[1]:
            cells[at + rules.WORST] = value
            return (None if state >= CONFIRMED else False), well, dt_s
        return True, well, dt_s * share // 1000

    def _too_long(self, value):
        # p: how long, to clear, the level of a temperature
        if self.flags & rules.LEVEL:
            share = 1000 if value.mean > self.p[2] else 0
            last = share
        else:
            share, last = value.mean, value.last
        if self.flags & (rules.WHILE | rules.WHILE_NOT):
            other = self.seen[self.other]
            if self.flags & rules.WHILE:
                share, last = min(share, other.mean), min(last, other.last)
            else:
                share, last = min(share, 1000 - other.mean), min(last, 1000 - other.last)
        seconds = self.dt_s * share // 1000
        if share >= 500:
            return True, False, seconds
        if last and share:  # it began anew within this step
            if self.cells[self.at] & STATES == SUSPECTED:
                self.cells[self.at] &= ~STATES
            return True, False, seconds
        # Off most of the step ends a run; over it is after clear_s without a moment of it.
        return False, share == 0, self.dt_s

    def _pattern(self, value, known):
        mean = value.mean if known else None
        at = self.at + rules.HIGH + 1
        if self.kind == rules.NEVER_RESTS:
            from firmware.diagnosis import cycles

            self._needs(rules.HIGH + 1 + cycles.CELLS)
            bad = cycles.never_rests(self.cells, at, self.p, mean, self.dt_s)
        else:
            from firmware.diagnosis import trend

            self._needs(rules.HIGH + 1 + trend.CELLS)
            other = self.seen[self.other].mean if known and self.other != rules.NONE else None
            bad = trend.step(self.cells, at, self.p, mean, other, self.dt_s)
        if bad is None or not known:
            return _UNKNOWN
        return bad, not bad, self.dt_s

    def _needs(self, cells):
        if self.size < cells:
            raise ValueError("too few cells")

    # The machine

    def _advance(self, answer, value, confirm_s, clear_s):
        cells, at = self.cells, self.at
        beyond, well, seconds = answer
        state, flags = cells[at] & STATES, cells[at] & ~STATES
        change = None
        if state == CLEAR and beyond:
            state = SUSPECTED
            cells[at + SINCE] = self.up_s - seconds
            for cell in (TIMER, WINDOW, KNOWN, FOR):
                cells[at + cell] = 0
        elif state == SUSPECTED and beyond is False:
            state = CLEAR
        if state != CLEAR:
            self._evidence(beyond, well, seconds, value)
        if state == SUSPECTED and beyond:
            cells[at + TIMER] += seconds
            if cells[at + TIMER] >= confirm_s:
                change = state = CONFIRMED
                cells[at + TIMES] += 1
                cells[at + TIMER] = 0
        elif state >= CONFIRMED and beyond:
            if flags & OLD:  # seen again since the start
                change = CONFIRMED
            state, flags = CONFIRMED, flags & ~OLD
            cells[at + TIMER] = 0
        elif state >= CONFIRMED and beyond is False:
            state, flags, change = self._recover(state, flags, well, clear_s)
        cells[at] = state | flags
        return change

    def _recover(self, state, flags, well, clear_s):
        cells, at = self.cells, self.at
        if not well or state == CONFIRMED:
            cells[at + TIMER] = 0
        if not well:
            return state, flags, None
        cells[at + TIMER] += self.dt_s
        if cells[at + TIMER] < clear_s:
            return RECOVERING, flags, None
        return CLEAR, flags & ~OLD, CLEAR

    def _evidence(self, beyond, well, seconds, value):
        cells, at, dt_s = self.cells, self.at, self.dt_s
        if cells[at + WINDOW] >= _MOST:
            return
        cells[at + WINDOW] += dt_s
        if beyond is None and well is None:
            return
        first = cells[at + KNOWN] == 0
        if value is not None and value.mean is not None and self.size > rules.HIGH:
            low, high = at + rules.LOW, at + rules.HIGH
            cells[low] = value.low if first else min(cells[low], value.low)
            cells[high] = value.high if first else max(cells[high], value.high)
            _mean(cells, at + rules.MEAN, cells[at + KNOWN], value.mean, dt_s, _MEAN_S)
        cells[at + KNOWN] += dt_s
        if beyond:
            cells[at + FOR] += seconds


def _mean(cells, at, known_s, value, dt_s, most_s):
    """Take `value`, which held for `dt_s`, into the mean of `known_s` so far; the seconds that it is the mean of then."""
    if known_s <= 0:
        cells[at] = value * rules.FINE
        return min(dt_s, most_s)
    total = min(known_s + dt_s, most_s)
    more = (value * rules.FINE - cells[at]) * min(dt_s, total)
    cells[at] += (more + total // 2) // total
    return total
