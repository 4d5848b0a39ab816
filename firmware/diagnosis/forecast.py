"""When a measure that drifts reaches its limit, from one value a day; in whole numbers, and in bounded time.

Ageing begins on some day, before the data or within them, and then goes on as a power of its age: slowing down (3/5,
4/5), even, or speeding up (5/4); or it was one step on that day, and that is all (0). Each such course is fitted to the
days, in pairs, by least squares; a value far from its neighbours is drawn towards them first. A course has the weight of
its likelihood, and foretells with the error of its own line; where the sum of all says 10, 50 and 90 % that the limit is
passed are `low`, `days` and `high`. So what is not known of the beginning and the shape is in the interval, as is the
noise; errors that follow one another widen it.
Nothing is said with fewer than ten values, when the newest is older than three days, while the last three are more than
two fifths above the limit, while the slope is less than three times its error, nor when `high` is farther ahead than the
data reach back twice, or than the caller wants to look. A "day" is whatever time lies between two values.
"""

from array import array

LEAST = 10
_STALE = 3
_NEAR = 7  # fifths of the limit
_SIGNIFICANT = 3
_BEFORE = (4, 11, 24)  # pairs of days before the data in which a beginning is tried
_AFTER = 3  # pairs of days that a course needs after its beginning
_SHAPES = ((0, 1), (3, 5), (4, 5), (1, 1), (5, 4))
_ONE = 1024
_FAR = 99 * _ONE
# What of the normal distribution lies between 0 and z, in 510ths, for z in quarters.
_PHI = b"\x00\x32\x62\x8b\xae\xca\xdd\xeb\xf3\xf9\xfc\xfe\xfe\xff\xff\xff\xff"
_WHOLE = 510


def ahead(values, limit, warn_days, farthest, weather=0):
    """(days, low, high, slope, n, chance, level), or None when there is nothing to say. `values`: one a day, the newest
    last, 0 for none; it falls towards `limit`. `farthest`: no further ahead than that. `weather`: ten thousandths of the level a day by which
    healthy units go up and down for weeks, which what is foretold may do too.

    `slope`: ten thousandths of the level a day; `n`: how many values; `chance`: percent, that the limit is reached within
    `warn_days`. 0 days: it is reached.
    """
    size = len(values)
    seen = [day for day in range(size) if values[day]]
    n = len(seen)
    if n < LEAST or seen[-1] < size - _STALE or seen[-1] - seen[0] < LEAST:
        return None
    tame = _tamed([values[day] for day in seen])
    if sorted(tame[-3:])[1] * 5 > limit * _NEAR:
        return None
    centre = sum(tame) // n
    most = max(max(tame) - centre, centre - min(tame), 1)
    # All in 1024ths of the farthest value from the centre.
    goal = max(-_FAR, min((limit - centre) * _ONE // most, _FAR))
    pairs = _pairs(seen, tame, size, centre, most)
    lines = _lines(pairs, farthest)
    variance, freedom, power = _error(lines, pairs)
    # Half a percent of the level is noise, whatever was seen.
    noise = max(centre * _ONE // (200 * most), 1)
    variance = max(variance, noise * noise)
    lines = _weighted(lines, power)
    trust = 0
    for weight, line in lines:
        slope = line[3]
        trust -= weight * _root(slope * slope * line[2] // (variance << 12)) * (1 if slope > 0 else -1)
    total = sum([weight for weight, _ in lines])
    if trust < 16 * _SIGNIFICANT * total:
        return None
    every = sum([pair[2] for pair in pairs])

    moves = weather * centre * _ONE // (10000 * most)

    def passed(day):
        # In 510ths of `total`: how likely the limit is passed by then.
        found = 0
        for weight, line in lines:
            found += weight * _likely(line, day, goal, variance, every, freedom, moves)
        return found

    ends = passed(0), passed(farthest)
    high = _when(passed, total * _WHOLE * 9 // 10, farthest, ends)
    if high is None or high > 2 * (size - seen[0]):
        return None
    low, days = (
        _when(passed, total * _WHOLE // 10, farthest, ends),
        _when(passed, total * _WHOLE // 2, farthest, ends),
    )
    now = sum([weight * _course(line, 0) for weight, line in lines]) // total
    later = sum([weight * _course(line, 8) for weight, line in lines]) // total
    level = max(centre + now * most // _ONE, 1)
    slope = (later - now) * most * 10000 // (8 * _ONE * level)
    chance = passed(min(warn_days, farthest)) * 100 // (total * _WHOLE)
    return days, low, high, slope, n, chance, level


def _tamed(values):
    """The values, those drawn in that are far from the median of themselves and their four neighbours."""
    n = len(values)
    middle = []
    for i in range(n):
        near = sorted(values[max(0, i - 2) : i + 3])
        middle.append(near[len(near) // 2])
    off = sorted([abs(values[i] - middle[i]) for i in range(n)])
    most = 3 * off[n * 7 // 10] + 1
    return [max(middle[i] - most, min(values[i], middle[i] + most)) for i in range(n)]


def _pairs(seen, values, size, centre, most):
    """(pairs of days ago, mean, how many values) of each two days with a value, the oldest first."""
    found = []
    last = None
    for i in range(len(seen)):
        value = values[i]
        ago = (size - 1 - seen[i]) // 2
        if ago == last:
            _, before, _ = found.pop()
            found.append((ago, before + ((value - centre) * _ONE // most - before) // 2, 2))
        else:
            found.append((ago, (value - centre) * _ONE // most, 1))
        last = ago
    return found


def _lines(pairs, farthest):
    """(what is left of squares, mean of x, squares of x, slope, mean of y, begun so many days ago, its powers) of each course."""
    oldest = pairs[0][0]
    begins = [oldest + before for before in _BEFORE] + list(range(oldest, 0, -1))
    w = wy = wyy = 0
    for _, y, weight in pairs:
        w += weight
        wy += weight * y
        wyy += weight * y * y
    found = []
    for above, below in _SHAPES:
        powers = _powers(above, below, 2 * begins[len(_BEFORE) - 1] + farthest + 10)
        for begin in begins:
            # A step is looked for between any two pairs, a course, which is less of an event, between every other two.
            if above and begin < oldest and (begin < _AFTER or begin & 1):
                continue
            top = powers[2 * begin]
            wx = wxx = wxy = 0
            for ago, y, weight in pairs:
                if ago < begin:
                    x = powers[2 * (begin - ago)] * _ONE // top
                    wx += weight * x
                    wxx += weight * x * x
                    wxy += weight * x * y
            xx = wxx - wx * wx // w
            xy = wxy - wx * wy // w
            if xx > 0:
                left = max(wyy - wy * wy // w - xy * xy // xx, 1)
                found.append((left, wx // w, xx, xy * _ONE // xx, wy // w, 2 * begin, powers))
    return found


def _powers(above, below, count):
    """u ** (above / below) for u of 0 to `count`, in 64ths: each from the one before, with an error of the third order."""
    found = array("H", (0, 64))
    for u in range(1, count):
        found.append(found[-1] * (below * (2 * u + 1) + above) // (below * (2 * u + 1) - above))
    return found


def _error(lines, pairs):
    """(variance of a day's value, degrees of freedom, twice the power to which a likelihood is) by the best line."""
    best = min(lines)
    rest = []
    for ago, y, _ in pairs:
        rest.append((ago, y - _course(best, -2 * ago - 1)))
    square = follow = 0
    for i in range(len(rest)):
        square += rest[i][1] * rest[i][1]
        if i and rest[i - 1][0] == rest[i][0] + 1:
            follow += rest[i][1] * rest[i - 1][1]
    n = len(pairs)
    # What a line leaves of so few is a little less alike than the errors were; more than that below zero is chance.
    rho = max(-50 // n, min(follow * 100 // (square + 1), 70))
    count = n * (100 - rho) // (100 + rho)
    variance = best[0] * (100 + rho) // ((n - 3) * (100 - rho)) + 1
    return variance, max(count - 3, 3), max(count - 2, 1)


def _weighted(lines, power):
    """(weight, line) of those that weigh something."""
    least = min(lines)[0]
    found = []
    for line in lines:
        root = _root(least * _ONE * _ONE // line[0])
        weight = _ONE
        for _ in range(power):
            weight = weight * root // _ONE
        if weight > 8:
            found.append((weight, line))
    return found


def _course(line, day):
    """Where the line is, `day` days from now."""
    _, mean, _, slope, level, begun, powers = line
    age = begun + day + 1  # the newest pair's middle is a day ago
    x = powers[age] * _ONE // powers[begun] if age > 0 else 0
    return level + slope * (x - mean) // _ONE


def _likely(line, day, goal, variance, every, freedom, moves):
    """In 510ths, how likely the line is past the goal on that day."""
    off = line[6][line[5] + day + 1] * _ONE // line[6][line[5]] - line[1]
    square = variance // every + variance * off * off // line[2] + moves * moves * day * day + 1
    gap = goal - _course(line, day)
    z = min(gap * gap * 256 // square, 1 << 14)
    # Student's distribution by the normal one
    z = z * 32 * (4 * freedom - 1) * (4 * freedom - 1) // (freedom * (512 * freedom + z))
    z = min(_root(z), 63)
    part = _PHI[z >> 2] + (_PHI[(z >> 2) + 1] - _PHI[z >> 2]) * (z & 3) // 4
    return 255 + part if gap > 0 else 255 - part


def _when(passed, most, farthest, ends):
    """The day on which `passed` is nearest to `most`, None when that is too far ahead."""
    low, high = 0, farthest
    at_low, at_high = ends
    if at_low >= most:
        return 0
    if at_high < most:
        return None
    while high - low > 1:
        middle = (low + high) // 2
        at = passed(middle)
        if at < most:
            low, at_low = middle, at
        else:
            high, at_high = middle, at
    return low if most - at_low < at_high - most else high


def _root(square):
    """The whole root."""
    if square < 2:
        return square
    bits = 0
    while square >> bits > 3:
        bits += 2
    root = 2 << (bits // 2)
    while True:
        better = (root + square // root) // 2
        if better >= root:
            return root
        root = better
