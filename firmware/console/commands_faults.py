"""The console's command about what is wrong. Loaded for it, and forgotten with it."""

from firmware.console.lines import age, flow
from firmware.diagnosis import evidence
from firmware.diagnosis.faults import CLEAR, CONFIRMED, OLD, RECOVERING, SUSPECTED, TIMES

_SEVERITIES = ("notice", "warning", "alarm")
_STATES = {CLEAR: "clear", SUSPECTED: "suspected", CONFIRMED: "CONFIRMED", RECOVERING: "recovering"}


def faults(view, which):
    """What is wrong, or everything that could be."""
    if which is not None and which.lower() != "--all":
        yield "? faults takes nothing, or --all"
        return
    known = view.watch.faults
    if which is not None:
        for index in range(len(known.codes)):
            yield from _row(view, index)
        return
    active = known.active()
    if not active:
        yield "no fault is known"
        unknown = [reading.name for reading in view.station.readings() if reading.quality != "ok"]
        if unknown:
            yield from flow("", "not known about: " + ", ".join(unknown), -1)
    for index in active:
        yield from _fault(view, index)
    silenced = [
        code for index, code in enumerate(known.codes) if known.silenced(index) and index not in active
    ]
    if silenced:
        yield from flow("", "not judged, their sensor is broken: " + ", ".join(silenced), -1)


def _fault(view, index):
    from firmware.diagnosis import catalogue

    known = view.watch.faults
    code = known.codes[index]
    entry, problem = catalogue.find(code)
    title = entry["title"] if entry else "(catalogue: " + (problem or "no such code") + ")"
    yield from flow("!", f"{code} {title}, {_when(view, index)}", 1)
    yield from flow("  evidence", evidence.line(view.watch, index), 10)
    sure, basis = evidence.Evidence(view.watch, index).confidence()
    yield from flow("  sure", ("not in numbers" if sure is None else f"{sure} %") + ": " + basis, 10)
    if entry:
        yield from flow("  next", entry["next"], 10)
        for number, name, quantity in entry["parts"]:
            yield from flow("  bring", f"{quantity} x {number} {name}", 10)
        yield f"  more     explain {code}"


def _when(view, index):
    known = view.watch.faults
    text = "since " + age(max(0, view.clock.uptime_s() - known.since(index)))
    if known.flags(index) & OLD:
        text += ", known from before this start, not seen since"
    elif known.state(index) == RECOVERING:
        text += ", recovering"
    if known.silenced(index):
        text += "; not judged now: its sensor is broken"
    return text


def _row(view, index):
    known = view.watch.faults
    state = known.state(index)
    text = f"{known.codes[index]} {_SEVERITIES[known.severity(index)]:<8} "
    if state == CLEAR:
        text += "not judged: its sensor is broken" if known.silenced(index) else "clear"
    else:
        text += f"{_STATES[state]}, {_when(view, index)}"
    times = known.cells[known.starts[index] + TIMES]
    if times:
        text += f"; found {times} time{'s' if times > 1 else ''} so far"
    yield from flow("!" if state >= CONFIRMED else "", text, 1)
