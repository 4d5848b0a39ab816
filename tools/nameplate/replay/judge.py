"""A model's sensors and rules on recorded rows: quality, score, faults with their evidence, from the device's own code."""

from __future__ import annotations

import json
import tempfile
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

from nameplate.errors import NameplateError
from nameplate.factory import device_model
from nameplate.factory.profile import Profile
from nameplate.replay.interpreter import DeviceCode
from nameplate.replay.numbers import milli, switch
from nameplate.replay.table import Row, Table
from nameplate.replay.tally import Tally

_CONTACTS = ("switch", "leak", "float", "probe")
_AHEAD = 16  # rows that are read to see the usual step
_USUAL_S = 300


@dataclass
class Judged:
    """A row, what its sensors were worth, and the faults that changed or stand."""

    row: Row
    problem: str
    sensors: Mapping[str, Any] = field(default_factory=dict)
    changed: Sequence[Mapping[str, Any]] = ()
    active: Sequence[Mapping[str, Any]] = ()

    def line(self) -> str:
        """One line of JSON; the row's score is the largest of its sensors', null where none has one."""
        scores = [sensor["score"] for sensor in self.sensors.values() if "score" in sensor]
        found: dict[str, Any] = {"row": self.row.number, "timestamp": self.row.timestamp}
        if self.problem:
            found["skipped"] = self.problem
        found["sensors"] = self.sensors
        found["score"] = max(scores, default=None)
        found["faults"] = {"changed": self.changed, "active": self.active}
        return json.dumps(found, separators=(",", ":"))


def kinds(profile: Profile) -> dict[str, str]:
    """The kind of each sensor, by its name, in the profile's order."""
    return {sensor["name"]: sensor["kind"] for sensor in profile.content["sensors"]}


def judged(
    table: Table,
    profile: Profile,
    tally: Tally,
    tell: Callable[[str], None],
    *,
    chip: str,
    step_s: int | None,
    live: bool,
) -> Iterator[Judged]:
    """Each row as the unit would have judged it. `step_s`: the usual seconds between rows, None to find them out.

    Bad rows and cells go to `tally`, which may raise. Raises NameplateError when the interpreter is not there.
    """
    rows = table.rows()
    begun: deque[Row] = deque()
    if step_s is None:
        for row in rows:
            begun.append(row)
            if len(begun) >= _AHEAD:
                break
        step_s = usual_step(begun)
        tell(f"a row each {step_s} s" + ("" if len(begun) > 1 else ", as far as is known (--step SECONDS)"))
    columns = [name for name in kinds(profile) if name not in table.missing]
    with tempfile.TemporaryDirectory() as slot:
        for path, content in device_model.files(profile):
            target = Path(slot, path)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
        with DeviceCode[tuple[Row, str]]("judge", slot, chip, str(step_s), *columns) as device:
            asked = _asked(_chained(begun, rows), table, profile, columns, tally)
            last: Judged | None = None
            for (row, problem), answer in device.feed(asked, live=live):
                if answer is not None:
                    last = _read(row, problem, answer, columns, tell)
                    yield last
                else:  # nothing was seen, and nothing changed
                    yield Judged(row, problem, active=last.active if last else ())


def usual_step(rows: Sequence[Row] | deque[Row]) -> int:
    """The middle one of the intervals between these rows, in seconds; 300 where there is none."""
    moments = [row.moment.seconds for row in rows if row.moment is not None]
    steps = sorted(b - a for a, b in pairwise(moments))
    return max(1, steps[len(steps) // 2]) if steps else _USUAL_S


def _chained(begun: deque[Row], rows: Iterator[Row]) -> Iterator[Row]:
    while begun:
        yield begun.popleft()
    yield from rows


def _asked(
    rows: Iterator[Row], table: Table, profile: Profile, columns: Sequence[str], tally: Tally
) -> Iterator[tuple[tuple[Row, str], str | None]]:
    """Each row with the line that the device is given; None for one of which nothing can be used."""
    of = kinds(profile)
    for row in rows:
        if row.moment is None:
            tally.take(row, row.problem)
            yield (row, row.problem), None
            continue
        cells, problems = [], []
        for name in columns:
            try:
                text = row.cells[name]
                cells.append(str(int(switch(text)) if of[name] in _CONTACTS else milli(text, table.comma)))
            except ValueError as error:
                cells.append("-")
                problems.append(f"{name}: {error}")
        nothing = len(problems) == len(columns)
        tally.take(row, "; ".join(problems), partly=not nothing)
        line = f"{row.moment.ns // 1_000_000} {row.moment.second_of_day} {' '.join(cells)}"
        yield (row, "; ".join(problems)), None if nothing else line


def _read(
    row: Row, problem: str, answer: bytes, columns: Sequence[str], tell: Callable[[str], None]
) -> Judged:
    try:
        found = json.loads(answer)
    except ValueError:
        raise NameplateError(f"the device's code answered row {row.number} with {answer[:80]!r}") from None
    for note in found["notes"]:
        tell(f"row {row.number}: {note}")
    # A dictionary has no order on MicroPython.
    said = found["sensors"]
    sensors = {name: _sensor(said[name]) for name in columns if name in said}
    changed = [_ordered(change, "code", "change", "text", "evidence") for change in found["changed"]]
    return Judged(
        row, problem, sensors, changed, [_ordered(fault, "code", "text") for fault in found["active"]]
    )


def _sensor(said: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {"quality": said["quality"]}
    if "value" in said:
        found["value"] = json.loads(said["value"])
    if "score" in said:
        found["score"] = said["score"] / 1000
    return found


def _ordered(said: Mapping[str, Any], *names: str) -> dict[str, Any]:
    return {name: said[name] for name in names}
