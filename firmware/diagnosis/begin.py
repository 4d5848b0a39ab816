"""What the start needs of the diagnosis, once: the table of faults, the leak rules, and what was known before."""

from array import array

from firmware.diagnosis import rules, store
from firmware.diagnosis.faults import CONFIRMED, HEAD, OLD, RECOVERING, SINCE, STATES, TIMER, Faults
from firmware.diagnosis.leak import BAD, GOOD, Leak

_WET = "wet"


def table(profile, name=None):
    """(Faults for the profile on the device, all clear; what is wrong or None). `name`: the file of its rules."""
    rows = [tuple(fault) for fault in profile["faults"]]
    blob = rules.read(name) if name else None
    if blob is None:
        problem = "no rules, damaged or missing: only leaks are watched"
    elif [(row[0], row[1], rules.NAMES[row[2]]) for row in rules.each(blob)] != [row[:3] for row in rows]:
        problem = "no rules, they are of another profile: only leaks are watched"
    else:
        return faults(blob, name), None
    cells = [HEAD + 2 if row[2] == _WET else HEAD for row in rows]
    return _faults([row[0] for row in rows], [row[1] for row in rows], cells), problem


def faults(blob, name=None):
    """Faults for these rules, all clear."""
    rows = list(rules.each(blob))
    found = _faults([row[0] for row in rows], [row[1] for row in rows], [row[6] for row in rows])
    found.rules = name
    return found


def _faults(codes, severities, cells):
    starts = array("H")
    total = 0
    for count in cells:
        starts.append(total)
        total += count
    return Faults(codes, bytes(severities), starts, array("i", bytes(4 * total)))


def leaks(profile, known, station, uptime_s, ticks):
    """A Leak for each wet rule whose sensor is there; `known`: the Faults."""
    specs = {spec["name"]: spec for spec in profile["sensors"]}
    made = []
    for index, (_, _, rule, name) in enumerate(profile["faults"]):
        sensor = station.sensor(name) if rule == _WET else None
        if sensor is not None:
            made.append(Leak(known, index, sensor, specs[name], uptime_s, ticks))
    return made


def wake(known, up_s, name=store.PATH):
    """Take what was known before the restart into the Faults `known`; in words why there is nothing, or None."""
    blob = rules.read(known.rules) if known.rules else None
    if blob is None:
        return None
    problem = store.load(name, known, rules.digest(blob), up_s)
    restart(known, blob)
    return problem


def restart(known, blob):
    """What a power cut leaves of the state that was stored: what was found stays known, and is to be seen again; what was
    only suspected, and means of before, begin anew."""
    cells = known.cells
    for index, row in enumerate(rules.each(blob)):
        kind, at = row[2], known.starts[index]
        known_before = cells[at] & STATES >= CONFIRMED
        cells[at] = RECOVERING | OLD if known_before else 0
        if known_before:
            cells[at + SINCE] = min(cells[at + SINCE], -1)
        cells[at + TIMER] = 0
        if kind == rules.WET:
            cells[at + GOOD] = cells[at + BAD] = 0
        elif kind in (rules.ABOVE, rules.BELOW):
            cells[at + rules.AVERAGE_S] = 0
