"""`nameplate replay`: recorded data through the device's own code."""

from __future__ import annotations

import os
import stat
import sys
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import click

from nameplate.cli.output import clean, slow_progress
from nameplate.errors import FAULT_FOUND

if TYPE_CHECKING:
    from nameplate.replay.judge import Judged
    from nameplate.replay.tally import Tally


@click.command("replay")
@click.argument("file", metavar="FILE.csv", type=click.Path(path_type=Path, dir_okay=False, allow_dash=True))
@click.option(
    "--profile", "model", metavar="MODEL", help="Judge with this model's sensors and rules, e.g. kf320."
)
@click.option(
    "--score", "only_score", is_flag=True, help="Print only time and anomaly score (0 to 1) of each row."
)
@click.option("--lenient", is_flag=True, help="Skip bad rows and count them, instead of ending at the first.")
@click.option(
    "--column",
    "columns",
    multiple=True,
    metavar="NAME=HEADING",
    help="The heading under which timestamp, value or a sensor stands in the file; repeatable.",
)
@click.option(
    "--step",
    "step_s",
    type=click.IntRange(1, 86_400),
    metavar="SECONDS",
    help="Usual seconds between rows.  [default: the middle one of the first 15 intervals]",
)
@click.option(
    "--chip", type=click.Choice(["esp32", "esp32c3", "esp32s3"]), default="esp32", show_default=True
)
def command(
    file: Path,
    model: str | None,
    only_score: bool,
    lenient: bool,
    columns: tuple[str, ...],
    step_s: int | None,
    chip: str,
) -> int:
    """Run recorded data through the device's own code, on MicroPython, and print one JSON line for each row.

    FILE.csv (- for standard input) has headings and a row for each moment. Times are ISO (2026-03-02 14:05:00, with T, a zone
    or a fraction if you like) or Unix seconds, each later than the one before. Separated by comma, semicolon or tab.

    \b
    timestamp,value           any one series: an anomaly score for each row
      nameplate replay fridge.csv --score
      tail -f fridge.csv | nameplate replay - --score
    timestamp,fridge,door     a column for each sensor of a model: quality, score,
                              faults with their evidence (door: 0, 1, open, closed)
      nameplate replay log.csv --profile kf320
      nameplate replay log.csv --profile kf320 --column fridge='T1 [C]'

    A score is no verdict: it says how unlike its own past a series has become in the last hours, and nothing looks ahead. At
    the end a line on stderr counts rows, skipped rows, gaps and faults. Ends with code 1 when a fault was confirmed, 2 when a
    row is bad: it names the row. docs/replay.md shows how to read it all.
    """
    headings = _headings(columns)
    name = "standard input" if str(file) == "-" else str(file)
    with sys.stdin.buffer if str(file) == "-" else file.open("rb") as source:
        if model is None or only_score:
            return _score(source, name, headings, lenient)
        return _judge(source, name, headings, lenient, model, chip, step_s)


def _score(source: BinaryIO, name: str, headings: dict[str, str], lenient: bool) -> int:
    from nameplate.replay.score import scores
    from nameplate.replay.table import Table
    from nameplate.replay.tally import Tally

    tally = Tally(name, _tell, lenient=lenient)
    live = _live(source)
    table = Table(source, name, headings=headings)
    _print((scored.line() for scored in scores(table, tally, live=live)), tally, source, live=live)
    _tell(tally.summary())
    return 0


def _judge(
    source: BinaryIO,
    name: str,
    headings: dict[str, str],
    lenient: bool,
    model: str,
    chip: str,
    step_s: int | None,
) -> int:
    from nameplate.factory.profile import load
    from nameplate.factory.sources import device_root
    from nameplate.replay.judge import judged, kinds
    from nameplate.replay.table import Table
    from nameplate.replay.tally import Tally

    profile = load(device_root(), model.lower().replace("-", ""))
    tally = Tally(name, _tell, lenient=lenient)
    live = _live(source)
    table = Table(source, name, list(kinds(profile)), headings)
    if table.missing:
        _tell(f"no column for {', '.join(table.missing)}: not known, and not judged")
    faults: Counter[str] = Counter()
    found = judged(table, profile, tally, _tell, chip=chip, step_s=step_s, live=live)
    _print(_counted(found, faults), tally, source, live=live)
    said = ", ".join(
        f"{code} {times} time{'' if times == 1 else 's'}" for code, times in sorted(faults.items())
    )
    _tell(f"{tally.summary()}, {'faults confirmed: ' + said if said else 'no fault confirmed'}")
    return FAULT_FOUND if faults else 0


def _counted(found: Iterable[Judged], faults: Counter[str]) -> Iterable[str]:
    for row in found:
        faults.update(change["code"] for change in row.changed if change["change"] == "confirmed")
        yield row.line()


def _print(lines: Iterable[str], tally: Tally, source: BinaryIO, *, live: bool) -> None:
    progress = _progress(tally, source, live=live)
    for line in lines:
        sys.stdout.write(line + "\n")
        if live:
            sys.stdout.flush()
        progress()


def _live(source: BinaryIO) -> bool:
    """Whether rows may still be to come, as from a pipe."""
    return not stat.S_ISREG(os.fstat(source.fileno()).st_mode)


def _headings(columns: tuple[str, ...]) -> dict[str, str]:
    found = {}
    for column in columns:
        name, equals, heading = column.partition("=")
        if not (name and equals and heading):
            raise click.UsageError(
                f"--column {column}: write NAME=HEADING, for instance --column fridge='T1 [C]'"
            )
        found[name] = heading
    return found


def _tell(text: str) -> None:
    click.echo(clean(text), err=True)


def _progress(tally: Tally, source: BinaryIO, *, live: bool) -> Callable[[], None]:
    """Tells how far a long file has come, on a terminal."""
    if live or not sys.stderr.isatty():
        return lambda: None
    size = os.fstat(source.fileno()).st_size
    tell = slow_progress()

    def progress() -> None:
        if tally.rows % 256 == 0:
            tell(f"{tally.rows} rows, {100 * source.tell() // max(1, size)} %")

    return progress
