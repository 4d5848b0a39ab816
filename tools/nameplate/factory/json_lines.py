"""On which line each value of a JSON text starts, so that an error can point at it."""

from __future__ import annotations

import json
import re

Where = tuple[str | int, ...]

_SPACE = re.compile(r"[ \t\n\r]*")
_STRING = re.compile(r'"(?:[^"\\]|\\.)*"')
_SCALAR = re.compile(r"[^\s,\]}]+")


def lines_of(text: str) -> tuple[dict[Where, int], list[Where]]:
    """The line (from 1) of every value of a valid JSON `text` by its path, and the paths given twice."""
    lines: dict[Where, int] = {}
    twice: list[Where] = []

    def skip(at: int) -> int:
        found = _SPACE.match(text, at)
        return found.end() if found else at

    def token(pattern: re.Pattern[str], at: int) -> tuple[str, int]:
        found = pattern.match(text, at)
        if found is None:
            raise ValueError(f"not JSON at character {at}")
        return found.group(), found.end()

    def value(at: int, where: Where) -> int:
        at = skip(at)
        lines[where] = text.count("\n", 0, at) + 1  # of a member given twice it is the second that counts
        if text[at] in "{[":
            return members(at, where)
        return token(_STRING if text[at] == '"' else _SCALAR, at)[1]

    def members(at: int, where: Where) -> int:
        is_object, close = text[at] == "{", "}" if text[at] == "{" else "]"
        at, index, seen = skip(at + 1), 0, set()
        while text[at] != close:
            name: str | int = index
            if is_object:
                raw, at = token(_STRING, at)
                name = json.loads(raw)
                if name in seen:
                    twice.append((*where, name))
                seen.add(name)
                at = skip(at) + 1  # the colon
            at, index = skip(value(at, (*where, name))), index + 1
            if text[at] == ",":
                at = skip(at + 1)
        return at + 1

    value(0, ())
    return lines, twice
