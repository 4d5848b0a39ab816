"""Whether a compressor runs or rests, told from the course of one temperature that it cools; and one that never rests.

A zigzag: it runs while the temperature falls or stays down, and rests once it has risen by `rise` from the lowest point;
the turn is dated back to that point. Noise and doors move it by less. What nobody saw for a quarter of an hour is not
known, until the next turn. A lowest point that is an hour old creeps after the temperature: a day's drift is no rest.
Pure functions on a row of an array("i"), zeros when new; temperatures in milli-degrees, no clock, no file, no sensor.
"""

CELLS = 13

# Phases
NEW = 0
UNKNOWN = 1
RUNS = 2
RESTS = 3
_WHOLE = 4  # with RUNS and RESTS: the beginning was seen too

_PHASE = 0
_BEST = 1  # the lowest of a run, the highest of a rest; the lowest seen while it is not known
_SINCE = 2  # seconds since then
_FOR = 3  # seconds of the phase until then
_START = 4  # the temperature it began with; the highest seen while it is not known
_GAP = 5  # seconds without a value
# The last cycle: seconds and milli-degrees of the run (0 s: its beginning was not seen) and of the rest after it.
RUN_S = 6
FALL = 7
REST_S = 8
RISE = 9
# never_rests: seconds that it ran since the last rest, rests since it was bad, the answer (0 not known, 1 good, 2 bad).
_RAN = 10
_RESTED = 11
_ANSWER = 12

# What step() gives
TURNED = 1
CYCLE = 2

_GAP_S = 900
_OLD_S = 3600
_CREEP_S = 14400  # in which it creeps by `rise`
_FLAT_S = 7200  # cold, and not rising for so long: it runs
_RESTS_BACK = 3  # so many rests take "never rests" back
_MOST_S = 1 << 29
_MOST = 1 << 20  # milli-degrees, more than any sensor tells


def phase(cells, at):
    """RUNS, RESTS or UNKNOWN."""
    return max(cells[at] & ~_WHOLE, UNKNOWN)


def start(cells, at):
    """The temperature that this phase began with: after CYCLE the warmest of the rest before."""
    return cells[at + _START]


def step(cells, at, milli, dt_s, rise, warm):
    """Take the mean of the last `dt_s` seconds, None where it is not known; TURNED: it rests, CYCLE: it runs again, else 0.

    It turns by `rise`; what is below `warm` and does not rise runs. After CYCLE the cells RUN_S, FALL, REST_S and
    RISE tell of the cycle that is over.
    """
    if milli is None:
        cells[at + _GAP] = min(cells[at + _GAP] + dt_s, _MOST_S)
        return 0
    milli = max(-_MOST, min(milli, _MOST))
    if cells[at] == NEW or cells[at + _GAP] > _GAP_S or dt_s > _GAP_S:
        cells[at] = UNKNOWN
        cells[at + _BEST] = cells[at + _START] = milli
        cells[at + _SINCE] = cells[at + _FOR] = cells[at + _GAP] = cells[at + RUN_S] = 0
        return 0
    dt_s += cells[at + _GAP]
    cells[at + _GAP] = 0
    cells[at + _SINCE] = min(cells[at + _SINCE] + dt_s, _MOST_S)
    now = phase(cells, at)
    if now == UNKNOWN:
        _seek(cells, at, milli, rise, warm)
        return 0
    sign = 1 if now == RUNS else -1
    away = (milli - cells[at + _BEST]) * sign
    if away >= rise:
        return _turn(cells, at, milli, now)
    if away <= 0:
        _reach(cells, at, milli)
    elif cells[at + _SINCE] > _OLD_S:
        _reach(cells, at, cells[at + _BEST] + sign * min(away, rise * dt_s // _CREEP_S + 1))
        cells[at + _FOR] -= _OLD_S  # it stays old
        cells[at + _SINCE] = _OLD_S
    return 0


def _reach(cells, at, milli):
    cells[at + _BEST] = milli
    cells[at + _FOR] = min(cells[at + _FOR] + cells[at + _SINCE], _MOST_S)
    cells[at + _SINCE] = 0


def _seek(cells, at, milli, rise, warm):
    low = cells[at + _BEST] = min(cells[at + _BEST], milli)
    high = cells[at + _START] = max(cells[at + _START], milli)
    if milli - low >= rise:
        cells[at] = RESTS
        cells[at + _START] = low
    elif high - milli >= rise or (cells[at + _SINCE] >= _FLAT_S and milli < warm):
        cells[at] = RUNS
    else:
        return
    _reach(cells, at, milli)


def _turn(cells, at, milli, before):
    best, change = cells[at + _BEST], cells[at + _BEST] - cells[at + _START]
    if before == RUNS:
        cells[at + RUN_S] = cells[at + _FOR] if cells[at] & _WHOLE else 0
        cells[at + FALL] = -change
    else:
        cells[at + REST_S] = cells[at + _FOR]
        cells[at + RISE] = change
    cells[at] = _WHOLE | (RESTS if before == RUNS else RUNS)
    cells[at + _START], cells[at + _FOR] = best, 0
    _reach(cells, at, milli)
    return TURNED if before == RUNS else CYCLE


def never_rests(cells, at, p, milli, dt_s):
    """Whether it ran for `window_s` of known time without a rest of `rest_s`: True, False, None while it is not known.

    `p`: (window_s, rest_s, rise_milli, warm_milli). A rest warms it by `rise_milli` and above `warm_milli`, as no flap to
    another compartment does; by more than two and a half `rise_milli` it is a defrost, in which nobody knows whether it
    rests. Three rests take it back.
    """
    window_s, rest_s, rise, warm = p
    turned = step(cells, at, milli, dt_s, rise, warm)
    if milli is None:
        return None
    # After CYCLE the new run starts at the rest's warmest.
    rested = turned == CYCLE and cells[at + REST_S] >= rest_s and cells[at + _START] > warm
    if rested and 2 * cells[at + RISE] <= 5 * rise:
        cells[at + _RAN] = 0
        cells[at + _RESTED] = min(cells[at + _RESTED] + 1, _RESTS_BACK)
        if cells[at + _ANSWER] != 2 or cells[at + _RESTED] == _RESTS_BACK:
            cells[at + _ANSWER] = 1
    if phase(cells, at) == RUNS and dt_s <= _GAP_S:
        cells[at + _RAN] = min(cells[at + _RAN] + dt_s, _MOST_S)
        if cells[at + _RAN] >= window_s:
            cells[at + _ANSWER] = 2
            cells[at + _RESTED] = 0
    return None if cells[at + _ANSWER] == 0 else cells[at + _ANSWER] == 2


def ran_s(cells, at):
    """Seconds, of those that were known, that it ran since the last rest."""
    return cells[at + _RAN]
