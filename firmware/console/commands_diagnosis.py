"""The console's commands about what is measured and what is wrong. Loaded for one of them, forgotten with it."""

from firmware.diagnosis import evidence
from firmware.panel import celsius, wrap

_WIDTH = 78
_ABOUT = {"open": "OPEN CIRCUIT", "short": "SHORT CIRCUIT", "stale": "NO FRESH READING"}


def sensors(view, how):
    """Each sensor's value, or what is wrong with it."""
    if how is not None:
        yield "? sensors stands alone: try help"
        return
    station = view.station
    for reading in station.readings():
        title = station.sensor(reading.name).title
        yield f"{reading.name:<9} {_value(reading)}, {title}{_ohm(reading)}"
    for problem in station.problems:
        yield "! " + problem


def faults(view, which):
    """What is wrong, or everything that could be."""
    if which is not None:
        yield "? faults stands alone: try help"
        return
    found = view.watch.faults
    active = found.active()
    if not active:
        unknown = [reading.name for reading in view.station.readings() if reading.quality != "ok"]
        yield "no fault is known"
        if unknown:
            yield "not known about: " + ", ".join(unknown)
    for index in active:
        text, advice, part = found.words[index]
        yield f"! {found.codes[index]} {text}, since {age(view.clock.uptime_s() - found.since(index))}"
        yield f"  evidence {evidence.line(view.watch, index)}"
        yield f"  next     {advice}"
        yield f"  bring    {part}"


def explain(*asked):
    """What a code means, in a language; all codes with their titles when none is asked for."""
    from firmware.diagnosis import catalogue

    code = None
    lang = catalogue.ENGLISH
    for word in asked:
        if catalogue.is_code(word.upper()):
            code = word.upper()
        elif catalogue.is_language(word.lower()):
            lang = word.lower()
        else:
            yield "? explain takes a code as L01 and a language as de"
            return
    if code is None:
        return (yield from _titles(catalogue.titles(lang), lang, catalogue.languages()))
    entry, problem = catalogue.find(code, lang)
    if entry is None:
        yield from _no_entry(code, lang, problem, catalogue.languages())
        return
    yield f"{code} {entry['title']}"
    severity = entry["severity"]
    if severity == "alarm":
        severity += ", which sounds"
    yield f"severity  {severity}; cause: {entry['cause']}"
    for label, name in _SECTIONS:
        yield from _flow(label, entry[name])
    for number, name, quantity in entry["parts"]:
        yield from _flow("bring", f"{quantity} x {number} {name}")
    if problem:
        yield f"! catalogue: {problem}"


_SECTIONS = (
    ("owner", "owner"), ("do now", "do"), ("unseen", "blind"), ("safety", "safety"), ("test", "test"),
    ("expect", "expect"),
)  # fmt: skip


def _titles(found, lang, languages):
    none = True
    for code, title in found:
        if code is None:
            yield f"! catalogue {lang}: {title}"
        else:
            none = False
            yield f"{code} {title}"
    if none and languages:
        yield "languages here: " + " ".join(languages)


def _no_entry(code, lang, problem, languages):
    if problem:
        yield f"! catalogue {lang}: {problem}"
        if languages and lang not in languages:
            yield "languages here: " + " ".join(languages)
        yield f"{code} stands in the service manual too, and nameplate read tells it"
    else:
        yield f"? {code} is no code of this model: explain lists them"


def tests(results):
    """The self-test's results as they come, and its pauses."""
    for result in results:
        if isinstance(result, int):
            yield result
        else:
            part, verdict, text = result
            yield from _flow(part, f"{verdict}: {text}", 15)


def _flow(label, text, column=9):
    for line in wrap(text, _WIDTH - column):
        yield label + " " * (column + 1 - len(label)) + line
        label = ""


def age(seconds):
    """Seconds as people say them: "41 s", "12 min", "3 h 5 min", "2 d 4 h"."""
    if seconds < 120:
        return f"{seconds} s"
    minutes = seconds // 60
    if minutes < 120:
        return f"{minutes} min"
    hours = minutes // 60
    return f"{hours} h {minutes % 60} min" if hours < 48 else f"{hours // 24} d {hours % 24} h"


def _value(reading):
    if reading.quality != "ok":
        return _ABOUT[reading.quality] + " (not known)"
    if reading.state is not None:
        return "WET ok" if reading.state else "dry ok"
    return celsius(reading.milli) + " C ok"


def _ohm(reading):
    if reading.ohm is None:
        return ""
    return f", {reading.ohm // 1000}.{reading.ohm // 100 % 10} kohm"
