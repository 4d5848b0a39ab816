"""A JSON file of a model as its author wrote it: what it says, and on which line, so that an error can name the line."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, NoReturn

from nameplate.factory.json_lines import Where, lines_of
from nameplate.factory.refused import Refused

HINT = "mend that line; docs/models.md says what each field means"
_DEEPEST = 20
_LARGEST = 2**31


@dataclass(frozen=True, order=True)
class Problem:
    """What is wrong at one place. Sorted, those of the file that comes first in `order` come first, then by line; what is
    missing (`absent`) comes last, since a wrong name is missed too."""

    order: int
    absent: bool
    line: int
    message: str
    shown: str = field(compare=False)


@dataclass(frozen=True)
class Source:
    """One file, `shown` as errors name it. `order` is its place among the files of a model."""

    shown: str
    content: Any
    lines: dict[Where, int] = field(repr=False)
    order: int = 0

    def problem(self, where: Where, message: str, *, absent: bool = False) -> Problem:
        """A Problem at a value; where the file has no such value, at the nearest that would hold it."""
        while where and where not in self.lines:
            where = where[:-1]
        return Problem(self.order, absent, self.lines.get(where, 1), message, self.shown)


def spell(where: Where) -> str:
    """A path as errors name it: `sensors.1.part`."""
    return ".".join(str(part) for part in where) or "the file"


def read(text: bytes, shown: str, order: int = 0) -> Source:
    """Read a file. Raises Refused with its line when it is not plain JSON of whole numbers, text and the like."""
    try:
        decoded = text.decode("utf-8")
        content = json.loads(decoded, parse_constant=_no_constant)
        lines, twice = lines_of(decoded)
    except json.JSONDecodeError as error:
        raise Refused(f"{shown} line {error.lineno}: {error.msg}", HINT) from error
    except UnicodeDecodeError as error:
        line = text.count(b"\n", 0, error.start) + 1
        raise Refused(f"{shown} line {line}: not UTF-8", HINT) from error
    except (ValueError, RecursionError) as error:
        words = "nested too deep" if isinstance(error, RecursionError) else str(error)
        raise Refused(f"{shown} line 1: {words}", HINT) from error
    source = Source(shown, content, lines, order)
    problems = [source.problem(where, f"{spell(where)} is given twice") for where in twice]
    raise_first(problems or [source.problem(*found) for found in _odd_values(content, ())])
    return source


def raise_first(problems: Iterable[Problem]) -> None:
    """Raise Refused with the first of the `problems`, and how many more there are; nothing when there is none."""
    found = sorted(problems)
    if found:
        first = found[0]
        more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
        raise Refused(f"{first.shown} line {first.line}: {first.message}{more}", HINT)


def _no_constant(word: str) -> NoReturn:
    raise ValueError(f"{word} is no number in JSON")


def _odd_values(value: Any, where: Where) -> Iterator[tuple[Where, str]]:
    """Values that JSON allows and no file of a model may hold."""
    if len(where) > _DEEPEST:
        yield where, "nested too deep"
    elif isinstance(value, float):
        yield where, f"{spell(where)}: {value} is not a whole number"
    elif isinstance(value, int) and not -_LARGEST < value < _LARGEST:
        yield where, f"{spell(where)}: the number is too large"
    elif isinstance(value, str):
        if not _is_text(value):
            yield where, f"{spell(where)}: half of a character"
    elif isinstance(value, dict):
        for name, inner in value.items():
            if not _is_text(name):
                yield where, f"{spell(where)}: a name in it holds half of a character"
            else:
                yield from _odd_values(inner, (*where, name))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _odd_values(inner, (*where, index))


def _is_text(value: str) -> bool:
    return not any("\ud800" <= letter <= "\udfff" for letter in value)
