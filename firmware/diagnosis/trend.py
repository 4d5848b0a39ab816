"""Whether something of the appliance wears out, from one number a day for 28 days, and when its limit is reached.

A day is 24 hours that were judged; two of them where the appliance is not always at work (all but `strength`). Its number
is the mean of medians of three: a door, a warm meal, a half-seen cycle do not show in it. The days are two to a cell, 0
where there was too little to say. At the end of each firmware.diagnosis.forecast looks ahead. A repair shows as days that are all much better than those before, which are then forgotten.
Pure functions on a row of an array("i"), zeros when new; no clock, no file, no sensor.
"""

from firmware.diagnosis import measures
from lib import rare

DAYS = 28
_DAY_S = 86400
_FARTHEST = 60  # days of 24 hours
# Of healthy fridges, simulated: the deviation of the slopes over 28 days of a year, in ten thousandths of the level a day.
_WEATHER = 22
# Cells, after those of the measure
_ONE = measures.CELLS  # numbers that wait for a third, 0: none
_OTHER = measures.CELLS + 1
_SUM = measures.CELLS + 2  # of medians, and how many
_COUNT = measures.CELLS + 3
_PASSED_S = measures.CELLS + 4
_NEWEST = measures.CELLS + 5  # the day's place
_ANSWER = measures.CELLS + 6  # 0 not known, 1 good, 2 bad; and four times how many evaluations said the other
_BEST = measures.CELLS + 7  # strength: the best week's, less a tenth of a percent for each day since
_RING = measures.CELLS + 8
CELLS = _RING + DAYS // 2

_BAD_AFTER = 3  # times 24 hours
_GOOD_AFTER = 4
_LEAST_CYCLES = 1  # medians that a day of a compressor needs
_REPAIRED = 3  # days
_WEEK = 7
_BETTER = 12  # they are better by one part in so many


def step(cells, at, p, value, other, dt_s):
    """True: the limit is near; False: it is not; None: not known. `p`: (measure, limit, warn_days, rise_milli, warm_milli,
    min_s). `value`: of the rule's sensor, `other`: of its gate; None where it is not known."""
    number = measures.take(cells, at, p, value, other, dt_s)
    if number:
        _take(cells, at, number)
    cells[at + _PASSED_S] += dt_s
    if cells[at + _PASSED_S] >= _DAY_S * _long(p):
        cells[at + _PASSED_S] = 0
        _end_day(cells, at, p)
    answer = cells[at + _ANSWER] & 3
    return None if answer == 0 else answer == 2


def level(cells, at, p):
    """The number of the newest day, 0 for none: of `strength` in ten thousandths of its best, else as
    firmware.diagnosis.measures has it."""
    value = _day(cells, at, cells[at + _NEWEST] % DAYS)
    if p[0] == measures.STRENGTH:
        best = cells[at + _BEST]
        return value * 10000 // best if best else 0
    return value


def forecast(cells, at, p):
    """(days, low, high, slope, n, chance, level) or None; docs/trend.md says what they are."""
    from firmware.diagnosis.forecast import ahead

    newest = cells[at + _NEWEST] + 1
    values = [_day(cells, at, (newest + i) % DAYS) for i in range(DAYS)]
    long = _long(p)
    found = ahead(
        values,
        _limit(cells, at, p),
        p[2] // long,
        _FARTHEST // long,
        _WEATHER if p[0] == measures.STRENGTH else 0,
    )
    del ahead  # its module is to go
    rare.forget(("firmware.diagnosis.forecast",))
    if found is None:
        return None
    days, low, high, slope, n, chance, level = found
    if _flows(p):
        slope, level = -slope, measures.FLOW // level
    elif p[0] == measures.STRENGTH:
        level = level * 100 // max(cells[at + _BEST], 1)
    # Since the newest day's end
    gone = cells[at + _PASSED_S] // _DAY_S
    days, low, high = [max(0, when * long - gone) for when in (days, low, high)]
    return days, low, high, slope // long, n, chance, level


def _long(p):
    # How many times 24 hours a day has.
    return 1 if p[0] == measures.STRENGTH else 2


def _flows(p):
    return p[0] in (measures.FILL_S, measures.DRAIN_S)


def _limit(cells, at, p):
    if p[0] == measures.STRENGTH:
        return cells[at + _BEST] * p[1] // 100
    return measures.FLOW // p[1] if _flows(p) else p[1]


def _take(cells, at, number):
    one, other = cells[at + _ONE], cells[at + _OTHER]
    if one == 0:
        cells[at + _ONE] = number
    elif other == 0:
        cells[at + _OTHER] = number
    elif cells[at + _COUNT] < 1000:
        cells[at + _SUM] += one + other + number - min(one, other, number) - max(one, other, number)
        cells[at + _COUNT] += 1
        cells[at + _ONE] = cells[at + _OTHER] = 0


def _end_day(cells, at, p):
    count, value = cells[at + _COUNT], 0
    if p[0] == measures.STRENGTH:
        if count >= _LEAST_CYCLES:
            value = cells[at + _SUM] // count
    else:
        one, other = cells[at + _ONE], cells[at + _OTHER]
        count = 3 * count + (one > 0) + (other > 0)
        if count:
            value = (3 * cells[at + _SUM] + one + other) // count
    for cell in (_ONE, _OTHER, _SUM, _COUNT):
        cells[at + cell] = 0
    newest = (cells[at + _NEWEST] + 1) % DAYS
    cells[at + _NEWEST] = newest
    _put(cells, at, newest, value)
    _remember(cells, at, newest)
    if value:
        if _repaired(cells, at, newest):
            cells[at + _ANSWER] = 1
        _judge(cells, at, p, value)


def _remember(cells, at, newest):
    """How much lies in a compartment, and where its sensor sits, make the strength of two units differ by half; each is
    compared with its own best week, and that is forgotten so slowly that ageing is not."""
    week = [_day(cells, at, (newest - i) % DAYS) for i in range(_WEEK)]
    week = sorted([value for value in week if value])
    best = cells[at + _BEST]
    best -= (best + 999) // 1000
    if len(week) >= _WEEK - 2:
        best = max(best, week[len(week) // 2])
    cells[at + _BEST] = best


def _judge(cells, at, p, value):
    found = forecast(cells, at, p)
    answer, others = cells[at + _ANSWER] & 3, cells[at + _ANSWER] >> 2
    bad = found is not None and found[0] <= p[2]
    if answer == 2:
        # What has passed its limit and stays there has no trend any more, and is no better for it.
        others = 0 if bad or value <= _limit(cells, at, p) else others + 1
        if others == _GOOD_AFTER:
            answer, others = 1, 0
    elif bad:
        others += 1
        if others * _long(p) >= _BAD_AFTER:
            answer, others = 2, 0
    else:
        answer, others = 1, 0
    cells[at + _ANSWER] = answer | others << 2


def _repaired(cells, at, newest):
    """Whether the last days are much better than all of a week before them, which is then forgotten with all before it."""
    worst, before = measures.MOST, 0
    for i in range(_REPAIRED + _WEEK):
        value = _day(cells, at, (newest - i) % DAYS)
        if i < _REPAIRED:
            worst = min(worst, value)
        else:
            before = max(before, value)
    if before == 0 or worst <= before + before // _BETTER:
        return False
    for i in range(_REPAIRED, DAYS):
        _put(cells, at, (newest - i) % DAYS, 0)
    return True


def _day(cells, at, place):
    cell = cells[at + _RING + (place >> 1)]
    return cell >> 16 & 0x7FFF if place & 1 else cell & 0xFFFF


def _put(cells, at, place, value):
    cell = at + _RING + (place >> 1)
    if place & 1:
        cells[cell] = cells[cell] & 0xFFFF | value << 16
    else:
        cells[cell] = cells[cell] & 0x7FFF0000 | value
