"""One anomaly score for each row of a table, from the device's own code."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass

from nameplate.replay.interpreter import DeviceCode
from nameplate.replay.numbers import Unit, decimal
from nameplate.replay.table import VALUE, Row, Table
from nameplate.replay.tally import Tally


@dataclass(frozen=True)
class Scored:
    """A row and its score in 0..1: of its own value, or where that was bad the score of the last good row before."""

    row: Row
    score: float
    problem: str

    def line(self) -> str:
        """One line of JSON."""
        found: dict[str, object] = {"timestamp": self.row.timestamp, "score": self.score}
        if self.problem:
            found["skipped"] = self.problem
        return json.dumps(found, separators=(",", ":"))


def scores(table: Table, tally: Tally, *, live: bool) -> Iterator[Scored]:
    """The scores, row by row. With `live` each is given before the next row is read.

    Bad rows go to `tally`, which may raise. Raises NameplateError when the interpreter is not there.
    """
    with DeviceCode[tuple[Row, str]]("score") as device:
        last = 0.0
        for (row, problem), answer in device.feed(_asked(table, tally), live=live):
            if answer is not None:
                last = int(answer) / 1000
            yield Scored(row, last, problem)


def _asked(table: Table, tally: Tally) -> Iterator[tuple[tuple[Row, str], str | None]]:
    """Each row with the line that the device is given, None for a bad one."""
    unit = Unit()
    before: int | None = None
    for row in table.rows():
        problem = row.problem
        line = None
        if row.moment is not None:
            try:
                value = unit.whole(decimal(row.cells[VALUE], table.comma))
            except ValueError as error:
                problem = str(error)
            else:
                seconds = row.moment.seconds
                line = f"{value} {0 if before is None else seconds - before} {row.moment.second_of_day}"
                before = seconds
        tally.take(row, problem)
        yield (row, problem), line
