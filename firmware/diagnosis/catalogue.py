"""What the model's fault codes mean, read from the catalogue file of a language. Loaded when it is asked for.

The file is read in pieces of half a kilobyte, one line of it is held at a time, and nothing in it is believed: a line
that is too long, no UTF-8, no JSON, or not of the form that the build writes is passed over and counted, and what is
shown holds no control characters. Nothing here raises for what a file contains, or for one that is not there.
"""

import json
import os
import sys

ENGLISH = "en"
_MISSING = "not in this language"  # no such file is errno 2 on every port
_PIECE = 512
_LONGEST = 2000  # a line
_LINES = 64  # beyond these nothing is looked for
_TITLE = 40
_TEXT = 800  # characters
_PARTS = 8
_BRACKETS = 40
_LABELS = b'{"labels":{'
_LABEL = 16
_TEXTS = ("owner", "do", "blind", "test", "expect", "safety", "next")
_SEVERITIES = ("notice", "warning", "alarm")
_CAUSES = ("product", "installation", "use", "network", "sensor", "unknown")


def is_code(value):
    """Whether `value` has the form of a code: a capital letter and two digits."""
    return isinstance(value, str) and len(value) == 3 and "A" <= value[0] <= "Z" and _is_number(value[1:])


def is_language(value):
    """Whether `value` has the form of a language's name: two small letters."""
    return isinstance(value, str) and len(value) == 2 and all("a" <= letter <= "z" for letter in value)


def entry(code, lang=ENGLISH):
    """What the catalogue says of `code`, as a dictionary, or None: no such code, language or file."""
    return find(code, lang)[0]


def find(code, lang=ENGLISH):
    """(what the catalogue says of `code` or None, what is wrong with the catalogue or None)."""
    if not (is_code(code) and is_language(lang)):
        return None, None
    problem = None
    # Only the line that names it is taken apart: the others are not worth the memory.
    name = b'"' + code.encode() + b'"'
    for number, line in _lines(lang):
        if line is None:
            problem = number
        elif name in line[:32]:
            found = _checked(line)
            if found is None:
                problem = f"line {number} is damaged"
            elif found["code"] == code:
                return found, problem
    return None, problem


def titles(lang=ENGLISH):
    """Each entry's (code, title), in the file's order; (None, what is wrong) for what cannot be read."""
    for number, line in _lines(lang):
        if line is None:
            yield None, number
            continue
        if line.startswith(_LABELS):
            continue
        found = _checked(line)
        if found is None:
            yield None, f"line {number} is damaged"
        else:
            yield found["code"], found["title"]


def labels(lang):
    """What stands before each text in this language, and its words for severities and causes: a dictionary, empty where the
    file does not begin with one."""
    if is_language(lang):
        for _, line in _lines(lang):
            if line is None or not line.startswith(_LABELS):
                break
            try:
                found = json.loads(line.decode())["labels"]
            except (KeyError, TypeError, ValueError):
                break
            if isinstance(found, dict) and all(_is_text(text, _LABEL) for text in found.values()):
                return found
            break
    return {}


def languages():
    """The names of the languages that this unit carries, "en" first."""
    try:
        names = os.listdir(_folder())
    except OSError:
        return []
    found = [name[10:-6] for name in names if name[:10] == "catalogue_" and name[-6:] == ".jsonl"]
    return sorted([name for name in found if is_language(name)], key=_after_english)


def _after_english(name):
    return "" if name == ENGLISH else name


def _folder():
    return sys.path[0] + "/models"


def _lines(lang):
    """(number, line without its end) of each line, from 1; (what is wrong, None) for what is none."""
    try:
        with open(f"{_folder()}/catalogue_{lang}.jsonl", "rb") as file:
            yield from _split(file)
    except OSError as error:
        yield _MISSING if error.errno == 2 else f"cannot be read ({error.errno})", None


def _split(file):
    line = b""
    number = 1
    long = False
    while True:
        piece = file.read(_PIECE)
        if not piece:
            break
        start = 0
        while start < len(piece):
            end = piece.find(b"\n", start)
            stop = len(piece) if end < 0 else end
            long = long or len(line) + stop - start > _LONGEST
            line = b"" if long else line + piece[start:stop]
            if end < 0:
                break
            yield (f"line {number} is too long", None) if long else (number, line)
            start = end + 1
            line = b""
            long = False
            number += 1
            if number > _LINES:
                yield "too many lines", None
                return
    # The build ends every line: one without an end was cut off.
    if line or long:
        yield f"line {number} is cut off", None


def _checked(line):
    """The entry in a line, or None when it is none."""
    if (
        line.count(b"[") + line.count(b"{") > _BRACKETS
    ):  # nested deep, it takes memory before it turns out to be wrong
        return None
    try:
        found = json.loads(line.decode())
    except ValueError:
        return None
    if not isinstance(found, dict) or not is_code(found.get("code")):
        return None
    if not _is_text(found.get("title"), _TITLE):
        return None
    for name in _TEXTS:
        if not _is_text(found.get(name), _TEXT):
            return None
    if found.get("severity") not in _SEVERITIES or found.get("cause") not in _CAUSES:
        return None
    parts = found.get("parts")
    if not isinstance(parts, list) or len(parts) > _PARTS:
        return None
    for part in parts:
        if not isinstance(part, list) or len(part) != 3 or not isinstance(part[2], int):
            return None
        if not (_is_text(part[0], _TITLE) and _is_text(part[1], _TEXT) and 0 < part[2] < 100):
            return None
    return found


def _is_text(value, limit):
    """Whether it is text that may be shown."""
    return isinstance(value, str) and len(value) <= limit and all(_is_shown(letter) for letter in value)


def _is_shown(letter):
    # Not shown are control characters, and those that hide text, turn it round or begin another line.
    code = ord(letter)
    return (
        32 <= code < 127
        or 0xA0 <= code < 0x2000
        or 0x2010 <= code < 0x2028
        or 0x2030 <= code < 0x2060
        or 0x2070 <= code < 0xD800
    )


def _is_number(text):
    return all("0" <= letter <= "9" for letter in text)
