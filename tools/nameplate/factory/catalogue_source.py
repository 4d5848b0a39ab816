"""A model's catalogue as its author wrote it: codes, causes, parts and numbers in `catalogue.json`, the words of each
language in `words.LANGUAGE.json`. Checked against the profile and put together, language by language.

Texts name numbers, `{limit}`, and the numbers stand in `catalogue.json`, most of them by where the profile has them: a
limit that is changed there is changed in every text of every language.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from nameplate.factory.catalogue_numbers import Number, Style, resolve
from nameplate.factory.json_lines import Where
from nameplate.factory.model_source import Problem, Source
from nameplate.factory.thermistor import Part

SEVERITIES = ("notice", "warning", "alarm")  # by their number on the device
CAUSES = ("product", "installation", "use", "network", "sensor", "unknown")
TEXTS = ("title", "owner", "do", "blind", "test", "expect", "safety", "next")
ENGLISH = "en"
LINE_LIMIT = 2000  # bytes of an entry on the device
MOST_PARTS = 8
_LONGEST = {
    "title": 40,
    "next": 60,
}  # of the panel's 4 lines of 20, one is the title and three are the next step
_TEXT_LIMIT = 600
_PART_LIMIT = 40
_PLACE = re.compile(r"\{([^{}]*)\}")
Found = Iterator[Problem]
Entry = dict[str, Any]


def catalogue_faults(catalogue: Source, profile: Mapping[str, Any], parts: Mapping[str, Part]) -> Found:
    """Each mistake in a catalogue.json whose shape is right: codes, parts, numbers that nothing stands behind."""
    codes = [fault["code"] for fault in profile["faults"]]
    seen: set[str] = set()
    for index, entry in enumerate(catalogue.content["entries"]):
        where: Where = ("entries", index)
        code = entry["code"]
        if code in seen:
            yield catalogue.problem((*where, "code"), f"code {code} is given twice")
        elif code not in codes:
            yield catalogue.problem((*where, "code"), f"code {code} is no fault of profile.json")
        seen.add(code)
        numbers = [part["number"] for part in entry["parts"]]
        for at, number in enumerate(numbers):
            if number in numbers[:at]:
                place = (*where, "parts", at, "number")
                yield catalogue.problem(place, f"{code}: part {number} is given twice")
        for name, wanted in entry["expect"].items():
            try:
                resolve(wanted, profile, parts)
            except ValueError as error:
                yield catalogue.problem((*where, "expect", name), f"{code}: {name}: {error}")
    for code in codes:
        if code not in seen:
            yield catalogue.problem(("entries",), f"fault {code} of profile.json has no entry", absent=True)


def words_faults(words: Source, catalogue: Source) -> Found:
    """Each mistake in a words.LANGUAGE.json whose shape is right, the catalogue being right."""
    entries = {entry["code"]: entry for entry in catalogue.content["entries"]}
    numbers = {part["number"] for entry in entries.values() for part in entry["parts"]}
    for group, known, what in (("faults", set(entries), "code"), ("parts", numbers, "part")):
        given = words.content[group]
        for name in given:
            if name not in known:
                yield words.problem((group, name), f"{what} {name} is not in catalogue.json")
        for name in sorted(known - set(given)):
            yield words.problem((group,), f"{what} {name} of catalogue.json has no words here", absent=True)
    for number, name in words.content["parts"].items():
        yield from _text(words, ("parts", number), name, _PART_LIMIT, set())
    for code, texts in words.content["faults"].items():
        expect = set(entries[code]["expect"]) if code in entries else None
        for name, text in texts.items():
            yield from _text(words, ("faults", code, name), text, _TEXT_LIMIT, expect)
        yield from _safety(words, code, texts)
        yield from _unused(words, code, texts, expect or set())


def _unused(words: Source, code: str, texts: Mapping[str, str], expect: set[str]) -> Found:
    """A number that the catalogue has for a code is one that the technician waits for."""
    named = {name for text in texts.values() for name in _PLACE.findall(text)}
    for name in sorted(expect - named):
        said = f"{code}: no text names the number {{{name}}} of catalogue.json"
        yield words.problem(("faults", code), said, absent=True)


def _text(words: Source, where: Where, text: str, limit: int, expect: set[str] | None) -> Found:
    label = ".".join(map(str, where[1:]))
    if (not text.strip() or text != text.strip()) and (where[-1] != "safety" or text):
        yield words.problem(where, f"{label}: empty, or with blanks at an end")
    if len(text) > limit:
        yield words.problem(where, f"{label}: {len(text)} letters, at most {limit}")
    for letter in text:
        if not _shown(letter):
            yield words.problem(where, f"{label}: the character U+{ord(letter):04X} cannot be shown")
            break
    left = _PLACE.sub("", text)
    if "{" in left or "}" in left:
        yield words.problem(where, f"{label}: a brace that stands for no number")
    for name in _PLACE.findall(text):
        if where[-1] == "title":
            yield words.problem(where, f"{label}: a title holds no number")
        elif expect is not None and name not in expect:
            yield words.problem(where, f"{label}: {{{name}}} is no number of this code in catalogue.json")


def _shown(letter: str) -> bool:
    """Whether every screen may show it: no control, no sign that hides text or turns it round."""
    return (
        " " <= letter <= "~"
        or "\u00a0" <= letter < "\u2000"
        or "\u2010" <= letter < "\u2028"
        or "\u2030" <= letter < "\u2060"
        or "\u2070" <= letter < "\ud800"
    )


def _safety(words: Source, code: str, texts: Mapping[str, str]) -> Found:
    if texts["safety"]:
        return
    steps = f"{texts['do']} {texts['test']}".lower()
    for word in words.content["danger"]:
        if re.search(rf"\b{re.escape(word.lower())}", steps):
            yield words.problem(
                ("faults", code, "safety"), f"{code}: a step speaks of {word!r}, and there is no safety note"
            )
            return


def entries(
    catalogue: Source, words: Source, language: str, profile: Mapping[str, Any], parts: Mapping[str, Part]
) -> tuple[list[Entry], list[Problem]]:
    """The entries of one language in the order of the profile's faults, as the device has them, and what is wrong with
    the finished texts: what the panel cannot show, what is too long."""
    style = Style(words.content["numbers"])
    by_code = {entry["code"]: entry for entry in catalogue.content["entries"]}
    made, problems = [], []
    for fault in profile["faults"]:
        code = fault["code"]
        entry, texts = by_code[code], words.content["faults"][code]
        numbers = {name: resolve(wanted, profile, parts) for name, wanted in entry["expect"].items()}
        finished = {name: _fill(texts[name], numbers, style) for name in TEXTS}
        for name, limit in _LONGEST.items():
            text = finished[name]
            where: Where = ("faults", code, name)
            if len(text) > limit:
                problems.append(
                    words.problem(
                        where, f"{code}.{name}: {len(text)} letters, the panel has room for {limit}"
                    )
                )
            if language == ENGLISH and not (text.isascii() and text.isprintable()):
                problems.append(
                    words.problem(where, f"{code}.{name}: the panel shows plain ASCII only: {text!a}")
                )
        one = {
            "code": code,
            "severity": entry["severity"],
            "cause": entry["cause"],
            **{name: finished[name] for name in ("title", "owner", "do", "blind", "test", "expect")},
            "parts": [
                [part["number"], words.content["parts"][part["number"]], part["quantity"]]
                for part in entry["parts"]
            ],
            **{name: finished[name] for name in ("safety", "next")},
        }
        size = len(line(one))
        if size > LINE_LIMIT:
            problems.append(
                words.problem(("faults", code), f"{code}: {size} bytes on the device, at most {LINE_LIMIT}")
            )
        made.append(one)
    return made, problems


def _fill(text: str, numbers: Mapping[str, Number], style: Style) -> str:
    return _PLACE.sub(lambda found: style.words(numbers[found.group(1)]), text)


def line(entry: Entry) -> bytes:
    """An entry as its line in the device's catalogue, with its end."""
    return json.dumps(entry, separators=(",", ":"), ensure_ascii=False).encode() + b"\n"
