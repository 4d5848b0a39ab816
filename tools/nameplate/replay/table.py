"""A CSV file row by row, in constant memory: which column is what, and what is wrong with a row.

Rows are counted as an editor counts lines: the headings are row 1. Blank lines are no rows.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import BinaryIO

from nameplate.errors import USAGE, NameplateError
from nameplate.replay.times import Moment, parse

TIME = "timestamp"
VALUE = "value"
_TIMES = ("timestamp", "time", "datetime", "date", "date time", "ts")
_LINE_LIMIT = 1 << 16


@dataclass(frozen=True)
class Row:
    """One row. `cells` are texts by column as asked for; with a `problem` of its time, `moment` is None and cells empty."""

    number: int
    timestamp: str
    moment: Moment | None = None
    cells: Mapping[str, str] = field(default_factory=dict)
    problem: str = ""


class Table:
    """The rows of a file whose columns are `wanted`, each by its own name or by the heading `headings` gives for it.

    Without headings a file has two columns, time and value. `missing` are the wanted columns that are not there.
    Raises NameplateError when the file has no usable head.
    """

    def __init__(
        self,
        source: BinaryIO,
        name: str,
        wanted: Sequence[str] = (VALUE,),
        headings: Mapping[str, str] | None = None,
    ) -> None:
        self._lines = _lines(source)
        self._name = name
        self._first: tuple[int, str] | None = next(self._lines, None)
        if self._first is None:
            raise NameplateError(f"{name} is empty", "give a file with the columns timestamp,value", USAGE)
        number, line = self._first
        self._delimiter = next((mark for mark in (";", "\t", ",") if mark in line), ",")
        self.comma = self._delimiter != ","  # fractions may then be written behind a comma
        head = self._split(line)
        if _is_data(head):
            head = [TIME, VALUE]
        else:
            self._first = None
        self._time, self._columns = self._find(head, wanted, dict(headings or {}), number)
        self.missing = [column for column in wanted if column not in self._columns]
        self._width = len(head)

    def rows(self) -> Iterator[Row]:
        """Each row as it comes. A row whose time does not follow the last good one has a problem and no moment."""
        before: Row | None = None
        while True:
            entry, self._first = self._first or next(self._lines, None), None
            if entry is None:
                return
            row = self._row(*entry, before)
            yield row
            if row.moment is not None:
                before = row

    def _row(self, number: int, line: str, before: Row | None) -> Row:
        cells = self._split(line)
        timestamp = cells[self._time].strip() if self._time < len(cells) else ""
        if len(line) >= _LINE_LIMIT:
            return Row(number, timestamp[:64], problem="it is too long to be a row of readings")
        if len(cells) > self._width and any(cell.strip() for cell in cells[self._width :]):
            return Row(number, timestamp, problem=f"it has {len(cells)} columns, the headings {self._width}")
        try:
            moment = parse(timestamp)
        except ValueError as error:
            return Row(number, timestamp[:64], problem=str(error))
        if before is not None and before.moment is not None and moment.ns <= before.moment.ns:
            word = "repeats the time of" if moment.ns == before.moment.ns else "is earlier than"
            return Row(number, timestamp, problem=f"its time {timestamp} {word} row {before.number}")
        found = {name: cells[at] if at < len(cells) else "" for name, at in self._columns.items()}
        return Row(number, timestamp, moment, found)

    def _split(self, line: str) -> list[str]:
        try:
            return next(csv.reader([line], delimiter=self._delimiter), [])
        except csv.Error:
            return [line]

    def _find(
        self, head: list[str], wanted: Sequence[str], headings: dict[str, str], number: int
    ) -> tuple[int, dict[str, int]]:
        """Where the time and the wanted columns are."""
        names = [cell.strip().lower() for cell in head]
        places: dict[str, int] = {}
        for column in (TIME, *wanted):
            heading = headings.get(column, column).strip().lower()
            if heading in names:
                places[column] = names.index(heading)
            elif column in headings:
                raise NameplateError(
                    f"{self._name} has no column {headings[column]!r}",
                    f"row {number} has: {', '.join(head)}",
                    USAGE,
                )
        time = places.pop(TIME, None)
        if time is None:
            time = next((names.index(name) for name in _TIMES if name in names), 0)
        if not places and tuple(wanted) == (VALUE,) and len(names) == 2:
            places[VALUE] = 1 - time
        if not places:
            raise NameplateError(
                f"{self._name} has none of the columns {', '.join(wanted)}",
                f"row {number} has: {', '.join(head)[:200]}; say which is which with --column {wanted[0]}=HEADING",
                USAGE,
            )
        return time, places


def _is_data(cells: list[str]) -> bool:
    try:
        parse(cells[0])
    except (ValueError, IndexError):
        return False
    return len(cells) == 2


def _lines(source: BinaryIO) -> Iterator[tuple[int, str]]:
    """(number, text) of the lines that hold something, each cut off at a limit that no row of readings reaches."""
    number = 0
    while raw := source.readline(_LINE_LIMIT):
        number += 1
        whole = raw
        while not whole.endswith(b"\n") and (whole := source.readline(_LINE_LIMIT)):
            pass
        if number == 1:
            raw = raw.removeprefix(b"\xef\xbb\xbf")
        text = raw.decode("utf-8", "replace").rstrip("\r\n")
        if text.strip():
            yield number, text
