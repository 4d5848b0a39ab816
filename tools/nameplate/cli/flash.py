"""`nameplate factory flash`: a unit's file onto a board."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import click

from nameplate.cli.output import clean, json_option, print_json

if TYPE_CHECKING:
    from nameplate.factory.flash_esptool import Step

_WORDS = {
    "connect": "connecting",
    "prepare": "preparing",
    "write": "writing",
    "verify": "reading back",
    "reset": "starting the board",
    "wait": "line lost: plug it in again",
}
_PATIENCE_S = 3.0
_PLAIN_PERCENT = 10
_PLAIN_S = 5.0


@click.command("flash")
@click.argument("unit", type=click.Path(path_type=Path, dir_okay=False))
@click.option(
    "--port", required=True, envvar="NAMEPLATE_PORT", help="serial:/dev/ttyUSB0, or just the device path."
)
@click.option(
    "--baud", type=click.IntRange(9600, 4_000_000), default=460_800, show_default=True, help="Bits a second."
)
@json_option
def command(unit: Path, port: str, baud: int, as_json: bool) -> None:
    """Write UNIT, a file of `factory provision`, to the board at PORT, read it back, and start the board."""
    from nameplate.factory.flash import flash

    with _screen(as_json) as screen:
        done = flash(unit, port, baud=baud, tell=screen.tell)
    if as_json:
        print_json({"event": "done", **vars(done)})
        return
    mac = f", MAC {done.mac}" if done.mac else ""
    click.echo(clean(f"{done.port}: {done.board}{mac}"))
    click.echo(
        f"{done.size // 1024} KiB written at {done.address:#x} and read back, in {done.seconds} s: the digest is right"
    )
    click.echo(clean(f"sha256 {done.sha256}"))
    if done.reset:
        click.echo(clean(f"next: nameplate read {done.port}"))
    else:
        click.echo("this line cannot reset the board: press EN (RST) to start it")


class Screen(Protocol):
    """Where steps are shown."""

    def tell(self, step: Step) -> None:
        """Show where it is."""


class JsonLines:
    """One JSON object for each step that is new, or a percent further."""

    def __init__(self) -> None:
        self._last: tuple[str, int] = ("", -1)

    def tell(self, step: Step) -> None:
        now = (step.name, int(step.percent))
        if now == self._last:
            return
        self._last = now
        line: dict[str, object] = {"event": "progress", "step": step.name}
        if step.name == "write":
            line |= {"percent": step.percent, "address": step.address}
        print_json(line)
        sys.stdout.flush()


class PlainLines:
    """A line for each new step, for each tenth that is written, and where somebody should lend a hand."""

    def __init__(self) -> None:
        self._name = ""
        self._percent = 0
        self._told = 0.0
        self._asked = False

    def tell(self, step: Step) -> None:
        now = time.monotonic()
        if step.name != self._name:
            self._name, self._percent, self._told = step.name, 0, now
            click.echo(f"{_WORDS[step.name]} ...", err=True)
        elif step.name == "write" and (
            step.percent >= self._percent + _PLAIN_PERCENT or (now - self._told > _PLAIN_S)
        ):
            self._percent = int(step.percent) // _PLAIN_PERCENT * _PLAIN_PERCENT
            self._told = now
            click.echo(f"writing {step.percent:.0f} %", err=True)
        if step.name == "connect" and step.seconds > _PATIENCE_S and not self._asked:
            self._asked = True
            click.echo("no answer yet: hold BOOT, press EN (RST) for a moment, let BOOT go", err=True)


class Bar:
    """A bar on a terminal."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

        self.progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.percentage:>3.0f} %"),
            TimeElapsedColumn(),
            console=Console(stderr=True),
            transient=True,
        )
        self._task = self.progress.add_task("connecting", total=100)

    def tell(self, step: Step) -> None:
        words = _WORDS[step.name]
        if step.name == "connect" and step.seconds > _PATIENCE_S:
            words = "connecting: hold BOOT, press EN for a moment, let BOOT go"
        self.progress.update(self._task, description=words, completed=step.percent)


@contextmanager
def _screen(as_json: bool) -> Iterator[Screen]:
    if as_json:
        yield JsonLines()
    elif sys.stderr.isatty():
        bar = Bar()
        with bar.progress:
            yield bar
    else:
        yield PlainLines()
