"""The console's commands that explain a code and test the unit. Loaded for one of them, and forgotten with it."""

from firmware.console.lines import flow
from firmware.diagnosis import catalogue


def explain(*asked):
    """What a code means, in a language; all codes with their titles when none is asked for."""
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
    words = catalogue.labels(lang)
    yield f"{code} {entry['title']}"
    severity, cause = entry["severity"], entry["cause"]
    yield f"{words.get(severity, severity)}, {words.get('cause', 'cause')}: {words.get(cause, cause)}"
    wide = 9
    for name in _SECTIONS:
        wide = max(wide, len(words.get(name, name)))
    for name in _SECTIONS:
        label = words.get(name, _PLAIN.get(name, name))
        if name != "parts":
            if entry[name]:
                yield from flow(label, entry[name], wide)
            continue
        for number, part, quantity in entry[name]:
            yield from flow(label, f"{quantity} x {number} {part}", wide)
            label = ""
    if problem:
        yield f"! catalogue: {problem}"


# A safety note stands before the steps that it is about.
_SECTIONS = ("owner", "do", "safety", "blind", "test", "expect", "parts", "next")
_PLAIN = {"do": "do now", "blind": "unseen", "parts": "bring"}


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
            yield from flow(part, f"{verdict}: {text}", 15)
