"""What was seen of a file: rows, skipped rows and why, gaps."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from nameplate.errors import USAGE, NameplateError
from nameplate.replay.table import Row

_GAP = 3  # times the usual step, which is the middle one of the first steps
_FIRST = 31
_TOLD = 5


class Tally:
    """Counts rows. A bad one is refused with its number, or with `lenient` counted; gaps in time are told and counted."""

    def __init__(self, name: str, tell: Callable[[str], None], *, lenient: bool) -> None:
        self.rows = 0
        self.skipped: Counter[str] = Counter()
        self.partly = 0  # rows of which some cells were bad
        self.gaps = 0
        self.longest_gap_s = 0
        self._name = name
        self._tell = tell
        self._lenient = lenient
        self._steps: list[int] = []
        self._before: Row | None = None

    def take(self, row: Row, problem: str, *, partly: bool = False) -> None:
        """Count a row, bad if it has a problem; `partly`: some of its cells are good, and used. Raises NameplateError for a
        bad one unless lenient."""
        self.rows += 1
        if problem and not self._lenient:
            raise NameplateError(
                f"{self._name}, row {row.number}: {problem}",
                "mend the row, or give --lenient to skip and count bad rows",
                USAGE,
            )
        if problem:
            self._bad(row, problem, partly)
        if problem and not partly:
            return
        before, self._before = self._before, row
        if before is not None and before.moment is not None and row.moment is not None:
            self._gap(row, before, row.moment.seconds - before.moment.seconds)

    def _bad(self, row: Row, problem: str, partly: bool) -> None:
        self.partly += partly
        if not partly:
            self.skipped[kind(problem)] += 1
        told = self.skipped.total() + self.partly
        if told <= _TOLD:
            self._tell(f"row {row.number} {'used in part' if partly else 'skipped'}: {problem}")
        elif told == _TOLD + 1:
            self._tell("there are more such rows; they are counted at the end")

    def _gap(self, row: Row, before: Row, seconds: int) -> None:
        if len(self._steps) < _FIRST:
            self._steps.append(seconds)
        usual = sorted(self._steps)[len(self._steps) // 2]
        if seconds > max(1, usual) * _GAP and len(self._steps) > 2:
            self.gaps += 1
            self.longest_gap_s = max(self.longest_gap_s, seconds)
            if self.gaps <= _TOLD:
                self._tell(f"row {row.number}: a gap of {duration(seconds)} since row {before.number}")

    def summary(self) -> str:
        """One line."""
        skipped = ", ".join(f"{number} {why}" for why, number in self.skipped.most_common())
        text = f"{self.rows} rows, {self.skipped.total()} skipped" + (f" ({skipped})" if skipped else "")
        if self.partly:
            text += f", {self.partly} used in part"
        gaps = f", {self.gaps} gap{'' if self.gaps == 1 else 's'}"
        return text + gaps + (f" (longest {duration(self.longest_gap_s)})" if self.gaps else "")


def kind(problem: str) -> str:
    """The class that a row's problem is counted under."""
    for mark, word in (
        ("repeats the time", "with a repeated time"),
        ("is earlier than", "out of order"),
        ("is missing", "without a value"),
        ("its value", "without a number"),
        ("time", "without a time"),
    ):
        if mark in problem:
            return word
    return "of another form"


def duration(seconds: int) -> str:
    """Seconds as a person says them: 45 s, 12 min, 5.0 h, 3.2 d."""
    if seconds < 120:
        return f"{seconds} s"
    if seconds < 7200:
        return f"{seconds // 60} min"
    return f"{seconds / 3600:.1f} h" if seconds < 172_800 else f"{seconds / 86_400:.1f} d"
