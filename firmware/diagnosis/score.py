"""An anomaly score of one series, learned from nothing but its own past: `step` takes a value and gives 0..1000.

It is a measure of how unlike itself a series has become over the last hours, not a verdict: nothing is confirmed by
it. Four things are asked of each five minutes: how far the value is from what the time of day lets expect, at time
constants from minutes to six hours; how far from where it has been all along; whether it moves more or less than it
used to; and whether its movements are distributed as they were. Each answer is a size, divided by the mean of that
size so far, and its logarithm counts. Their mean, which rises within twenty minutes and fades in hours, is the score.

Assumes: a value is a whole number in any fixed unit, of any size, and needs no scaling; calls come in order of time.
All state is CELLS int32, zero at first. Values are kept as differences from the first one, shifted right as far as the
range seen so far asks for. What comes faster than every five minutes is averaged to that; what comes slower is taken
as it comes; across a gap nothing is compared, and old evidence fades. Nobody knows a series on its first day: for
four hours the score is 0, and for a day it is reduced.
"""

from micropython import const

_SLOT_S = const(300)
_BINS = const(48)  # of a day
_LONG = const(2880)  # slots of the long memory: ten days
_OFFSET = const(864)  # three days: how fast a new level becomes the usual one
_VISITS = const(42)  # of a bin of the day: seven days of slots
_SEEN = const(6)  # visits after which a bin says what is usual
_START = const(48)  # slots before the first score
_DAY = const(288)
_RISE = const(4)  # slots of the evidence: twenty minutes up, five hours down
_FALL = const(60)
_LIMIT = const(1 << 28)  # of a shifted value
_TOP = const(1 << 30)

# Where things are in the cells.
_COUNT = const(0)  # slots so far
_SHIFT = const(1)
_FIRST = const(2)  # the first value, its upper bits
_FIRST_SHIFT = const(3)
_OPEN_S = const(4)  # seconds of the slot that is being filled
_OPEN_N = const(5)
_OPEN = const(6)  # its mean
_EVIDENCE = const(7)  # bits * 256, smoothed
_SCORE = const(8)
_RUN = const(9)  # slots without a movement
_STEP = const(10)  # the usual step, in slots
_HELD = const(11)  # movements in the histogram
_MEANS = const(12)  # of each feature's size, * 4096
_FEATURES = const(12)
_SHARES = const(24)  # of recent movements below each of 7 quantiles, at 2 time constants; * 65536
# From here on values and their spreads, which are shifted together.
_VALUES = const(38)
_LAST = const(38)
_MEAN = const(39)
_MEAN_SPREAD = const(40)
_LEVEL = const(41)  # offset from the day's shape
_MOVES = const(42)  # mean size of a movement
_NEAR = const(43)  # 4 smoothed residuals, then their 4 spreads
_BUSY = const(51)  # 2 smoothed sizes of movements
_SHAPE = const(53)  # the day
_VALUES_END = const(101)
_BUSY_MEAN = const(101)  # 2 means of the logarithm of the ratio, then their 2 spreads
_VISITED = const(105)
_HISTOGRAM = const(153)
_SIDE = const(24)
CELLS = 202

_NEAR_SLOTS = (1, 6, 24, 72)
_BUSY_SLOTS = (12, 72)
_SHARE_SLOTS = (24, 96)
# Quantiles * 65536, and 256 / (q * (1 - q)).
_QUANTILES = (3277, 9830, 19661, 32768, 45875, 55706, 62259)
_WEIGHTS = (5389, 2008, 1219, 1024, 1219, 2008, 5389)
_FEATURE_WEIGHTS = (4, 4, 4, 4, 4, 8, 8, 6, 6, 6, 4, 4)
_WEIGHT = const(62)
_HALF = const(600)  # evidence that makes 500


def _log(number):
    """256 times the logarithm to base 2 of a whole number above 0, within a tenth of a bit."""
    found = 0
    number <<= 8
    while number >= 65536:
        number >>= 8
        found += 2048
    while number >= 512:
        number >>= 1
        found += 256
    return found + number - 256


def _toward(cells, at, target, share, of):
    """Move a cell by share/of of its distance from the target."""
    if share >= of:
        cells[at] = target
        return
    away = target - cells[at]
    if away < 0:
        cells[at] -= (share * -away + of // 2) // of
    else:
        cells[at] += (share * away + of // 2) // of


def _within(number, limit):
    return max(-limit, min(limit, number))


def _place(cells, value):
    """The value as a difference from the first one in the unit of the cells, which grows with the range."""
    if not cells[_COUNT] and not cells[_OPEN_N]:
        shift = 0
        while not -_TOP < value >> shift < _TOP:
            shift += 1
        cells[_FIRST_SHIFT] = shift
        cells[_FIRST] = value >> shift
    value -= cells[_FIRST] << cells[_FIRST_SHIFT]
    # One wild value must not cost the resolution of all that follow.
    most = 4 if cells[_COUNT] >= 8 and cells[_MEAN_SPREAD] else 1000
    grown = 0
    while grown < most and not -_LIMIT < value >> (cells[_SHIFT] + grown) < _LIMIT:
        grown += 1
    if grown:
        cells[_SHIFT] += grown
        for at in range(_VALUES, _VALUES_END):
            cells[at] >>= grown
        cells[_OPEN] >>= grown
    return _within(value >> cells[_SHIFT], _LIMIT)


def step(cells, value, dt_s, second_of_day):
    """Take a value, `dt_s` seconds after the last one and at that time of day; the score as of now, 0..1000."""
    dt_s = max(0, min(dt_s, _TOP))
    value = _place(cells, value)
    gap = dt_s > 4 * _SLOT_S * (cells[_STEP] or _TOP)
    if gap:
        cells[_OPEN_N] = cells[_OPEN_S] = 0
    cells[_OPEN_N] += 1
    _toward(cells, _OPEN, value, 1, cells[_OPEN_N])
    cells[_OPEN_S] = min(_TOP, cells[_OPEN_S] + dt_s)
    if cells[_COUNT] and cells[_OPEN_S] * 10 < _SLOT_S * 9 and not gap:
        return cells[_SCORE]
    slots = max(1, (cells[_OPEN_S] + _SLOT_S // 2) // _SLOT_S)
    value = cells[_OPEN]
    cells[_OPEN_N] = cells[_OPEN_S] = 0
    if gap:
        _fade(cells, (dt_s + _SLOT_S // 2) // _SLOT_S)
        slots = cells[_STEP]
    elif cells[_COUNT]:
        cells[_STEP] = min(slots, cells[_STEP]) if cells[_STEP] else slots
    _slot(cells, value, slots, second_of_day % 86400 * _BINS // 86400, gap)
    cells[_COUNT] = min(_TOP, cells[_COUNT] + slots)
    return cells[_SCORE]


def _fade(cells, slots):
    """What a gap does: evidence of hours ago is not evidence of now, and no movement leads across it."""
    _toward(cells, _EVIDENCE, 0, slots, _FALL + slots)
    cells[_RUN] = 0


def _slot(cells, value, slots, bin_, gap):
    count = cells[_COUNT]
    if not count:
        cells[_LAST] = cells[_MEAN] = value
        slots = 1
    evidence = [0] * _FEATURES
    long = min(_LONG, count + slots)
    _position(cells, value, slots, bin_, long, evidence)
    if not gap:
        _movement(cells, value, slots, long, evidence)
    cells[_LAST] = value
    total = 0
    for feature in range(_FEATURES):
        bits = _bits(cells, feature, evidence[feature], slots)
        # What is four times as rare says more than twice as much.
        total += _FEATURE_WEIGHTS[feature] * (bits * (bits + 256) >> 9)
    if count < _START:
        return
    now = total // _WEIGHT
    _toward(cells, _EVIDENCE, now, slots, max(2 * slots, _RISE) if now > cells[_EVIDENCE] else _FALL)
    found = min(1 << 14, cells[_EVIDENCE])
    if count < _DAY:
        found = found * count // _DAY
    cells[_SCORE] = 1000 * found * found // (found * found + _HALF * _HALF)


def _bits(cells, feature, size, slots):
    """How much a size (* 64) says, in bits * 256: the logarithm of its ratio to the mean so far, which it then joins."""
    count = cells[_COUNT] - _START
    if count < 0:
        return 0
    at = _MEANS + feature
    if not count:
        cells[at] = 2048
    mean = cells[at]
    bits = _log(256 + size * 16384 // (mean + 1229)) - 2048
    _toward(cells, at, min(size * 64, 4 * mean + 2048), slots, count + 8 + slots)
    return bits


def _position(cells, value, slots, bin_, long, evidence):
    """Where the value is: against the shape of the day, smoothed in four ways, and against the mean of all."""
    count = cells[_COUNT]
    young = count < 50
    shape, visits = cells[_SHAPE + bin_], cells[_VISITED + bin_]
    away = value - cells[_MEAN]
    rest = value - shape - cells[_LEVEL] if visits >= _SEEN else away
    near = _within(rest, _TOP if young else 24 * cells[_NEAR + 4] or _TOP)
    for scale in range(4):
        at = _NEAR + scale
        _toward(cells, at, near, slots, min(_NEAR_SLOTS[scale], count + slots))
        evidence[scale] = _spread(cells, at, at + 4, slots, long, young)
    evidence[4] = _sized(cells, abs(away), _MEAN_SPREAD, slots, long, young)
    limit = _TOP if young else 6 * cells[_MEAN_SPREAD] or _TOP
    _toward(cells, _MEAN, cells[_MEAN] + _within(away, limit), slots, long)
    if visits < _SEEN:
        _toward(cells, _SHAPE + bin_, value, 1, visits + 1)
    else:
        limit = 4 * cells[_NEAR + 4] or _TOP
        _toward(cells, _SHAPE + bin_, _within(shape + _within(rest, limit), _TOP), 1, visits + 1)
        rest = _within(value - shape - cells[_LEVEL], limit)
        _toward(cells, _LEVEL, _within(cells[_LEVEL] + rest, _TOP), slots, _OFFSET)
    cells[_VISITED + bin_] = min(_VISITS - 1, visits + 1)


def _spread(cells, at, spread, slots, long, young):
    return _sized(cells, abs(cells[at]), spread, slots, long, young)


def _sized(cells, size, spread, slots, long, young):
    """A size over its mean, * 64; the mean then learns it, an extraordinary one only in part."""
    mean = cells[spread]
    _learn(cells, spread, size, 4 * mean, slots, long, young)
    return min(640000, size * 64 // (mean + 1))


def _learn(cells, at, size, most, slots, long, young):
    """Take a size into a mean of sizes; later on only up to `most`, unless all so far were 0."""
    _toward(cells, at, min(_TOP, size if young or not most else min(size, most)), slots, long)


def _movement(cells, value, slots, long, evidence):
    """How the value moves: more or less than it used to, not at all, or in other steps."""
    count = cells[_COUNT]
    move = value - cells[_LAST]
    size = abs(move)
    _learn(cells, _MOVES, size, 16 * cells[_MOVES], slots, long, count < 50)
    usual = cells[_MOVES]
    for scale in range(2):
        at = _BUSY + scale
        _toward(cells, at, min(size, 8 * usual), slots, min(_BUSY_SLOTS[scale], count + slots))
        if count >= 2 * _BUSY_SLOTS[scale]:
            ratio = _log(cells[at] + usual // 50 + 1) - _log(usual + 1)
            _ratio(cells, scale, ratio, slots, long, evidence)
    cells[_RUN] = 0 if move else min(_TOP >> 8, cells[_RUN] + slots)
    evidence[9] = min(640000, cells[_RUN] * 64)
    below = _rank(cells, move, usual)
    for scale in range(2):
        distance = 0
        for i in range(7):
            at = _SHARES + 7 * scale + i
            if not count:
                cells[at] = _QUANTILES[i]
            _toward(cells, at, 65536 if below < _QUANTILES[i] else 0, slots, _SHARE_SLOTS[scale])
            off = cells[at] - _QUANTILES[i] >> 4
            distance += _WEIGHTS[i] * off * off >> 12
        evidence[10 + scale] = distance >> 7


def _ratio(cells, scale, ratio, slots, long, evidence):
    """Busier or calmer than it used to be, as features of their own: 5 + scale and 7 + scale."""
    mean, spread = _BUSY_MEAN + scale, _BUSY_MEAN + 2 + scale
    if not cells[spread]:
        cells[spread] = 128
    away = ratio - cells[mean]
    size = min(640000, abs(away) * 64 // (cells[spread] + 13))
    evidence[(5 if away > 0 else 7) + scale] = size
    _toward(cells, mean, ratio, slots, long)
    _toward(cells, spread, min(abs(away), 4 * cells[spread]), slots, long)


def _rank(cells, move, usual):
    """Which part of all movements so far was below this one, * 65536; then it joins them."""
    bin_ = min(_SIDE - 1, (_log(256 + abs(move) * 1024 // (usual + 1)) - 2048) // 64)
    at = _HISTOGRAM + _SIDE + (bin_ if move >= 0 else -1 - bin_)
    below = 0
    for i in range(_HISTOGRAM, at):
        below += cells[i]
    held = cells[_HELD]
    rank = (2 * below + cells[at]) * 32768 // held if held else 32768
    cells[at] += 1
    cells[_HELD] += 1
    if held >= 4000:
        held = 0
        for i in range(_HISTOGRAM, _HISTOGRAM + 2 * _SIDE):
            cells[i] >>= 1
            held += cells[i]
        cells[_HELD] = held
    return rank
