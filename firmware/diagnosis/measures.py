"""What ages, as a number for each cycle of the compressor, each fill, each drain, each heating; pure, on a row of cells.

strength   milli-kelvin an hour: how fast it falls while the compressor runs, plus how fast it rises while it rests.
           What leaks in warms it in both, so that the sum is what the cooler takes out, in a warm room as in a cold one.
fill_s, drain_s   tenths of a second that the switch was on, without a break
heat_rate  milli-kelvin a minute while the heater is on
"""

from firmware.diagnosis import cycles

STRENGTH = 0
FILL_S = 1
DRAIN_S = 2
HEAT_RATE = 3
CELLS = 10  # those that cycles.step needs

FLOW = 600000
MOST = 32767  # in the half of a cell
_SHORTEST_S = 120  # of a compressor
_HOLE_S = 900
_FULL = 950  # in thousandths: on for the whole step
_MOST_MS = 1 << 29
_MOST = 1 << 20  # milli-degrees, more than any sensor tells

# Cells of what a switch gates
_STATE = 0  # 0 off, 1 on, 2 on, but its beginning or a part was not seen
_ON = 1  # milliseconds; seconds of a heating
_FROM = 2
_TO = 3


def take(cells, at, p, value, other, dt_s):
    """One step; the number of what has just ended, 0 while there is none. `p`, `value`, `other`: as trend.step has them."""
    if p[0] == STRENGTH:
        return _strength(cells, at, p, value, dt_s)
    if p[0] == HEAT_RATE:
        return _heating(cells, at, p, value, other, dt_s)
    return _spell(cells, at, p, value, dt_s)


def _strength(cells, at, p, milli, dt_s):
    warm = p[4]
    if cycles.step(cells, at, milli, dt_s, p[3], warm) != cycles.CYCLE:
        return 0
    run_s, rest_s = cells[at + cycles.RUN_S], cells[at + cycles.REST_S]
    # Warmer than `warm` were a defrost, or much warm food.
    if run_s < _SHORTEST_S or rest_s < _SHORTEST_S or cycles.start(cells, at) > warm:
        return 0
    falls, rises = cells[at + cycles.FALL] * 3600 // run_s, cells[at + cycles.RISE] * 3600 // rest_s
    return max(0, min(falls + rises, MOST))


def _spell(cells, at, p, share, dt_s):
    if share is None or (share and dt_s > _HOLE_S):
        cells[at + _STATE] = 2
    elif share > 0:
        if cells[at + _STATE] == 0:
            cells[at + _STATE] = 1
            cells[at + _ON] = 0
        cells[at + _ON] = min(cells[at + _ON] + dt_s * min(share, 1000), _MOST_MS)
    else:
        whole = cells[at + _STATE] == 1
        cells[at + _STATE] = 0
        if whole and cells[at + _ON] >= p[5] * 1000:
            return min(FLOW * 1000 // max(cells[at + _ON], 1), MOST)
    return 0


def _heating(cells, at, p, milli, share, dt_s):
    if milli is None or share is None or (share and dt_s > _HOLE_S):
        cells[at + _STATE] = 2
    elif share >= _FULL and milli <= p[4]:
        # Means of steps stand for their middles: the time between two of them is one step.
        if cells[at + _STATE] == 0:
            cells[at + _STATE] = 1
            cells[at + _ON] = 0
            cells[at + _FROM] = max(milli, -_MOST)
        else:
            cells[at + _ON] = min(cells[at + _ON] + dt_s, _MOST_MS)
        cells[at + _TO] = max(milli, -_MOST)
    elif cells[at + _STATE]:
        whole = cells[at + _STATE] == 1
        cells[at + _STATE] = 2 if share >= _FULL else 0
        if whole and cells[at + _ON] >= max(p[5], 1):
            return max(0, min((cells[at + _TO] - cells[at + _FROM]) * 60 // cells[at + _ON], MOST))
    return 0
