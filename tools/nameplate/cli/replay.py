"""`nameplate replay`: recorded data through the device's own code."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import click

from nameplate.cli.output import clean, slow_progress

if TYPE_CHECKING:
    from nameplate.replay.tally import Tally


@click.command("replay")
@click.argument("file", metavar="FILE.csv", type=click.Path(path_type=Path, dir_okay=False, allow_dash=True))
@click.option("--score", "only_score", is_flag=True, help="Print only the anomaly score of each row.")
@click.option("--lenient", is_flag=True, help="Skip bad rows and count them, instead of ending at the first.")
@click.option(
    "--column",
    "columns",
    multiple=True,
    metavar="NAME=HEADING",
    help="The heading that timestamp, value or a sensor has in the file; repeatable.",
)
def command(file: Path, only_score: bool, lenient: bool, columns: tuple[str, ...]) -> int:
    """Run recorded data through the device's own code, on MicroPython, and print one JSON line for each row."""
    from nameplate.replay.score import scores
    from nameplate.replay.table import Table
    from nameplate.replay.tally import Tally

    name = "standard input" if str(file) == "-" else str(file)
    tally = Tally(name, _tell, lenient=lenient)
    with sys.stdin.buffer if str(file) == "-" else file.open("rb") as source:
        live = not stat.S_ISREG(os.fstat(source.fileno()).st_mode)
        progress = _progress(tally, source, live=live)
        table = Table(source, name, headings=_headings(columns))
        for scored in scores(table, tally, live=live):
            sys.stdout.write(scored.line() + "\n")
            if live:
                sys.stdout.flush()
            progress()
    _tell(tally.summary())
    return 0


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
