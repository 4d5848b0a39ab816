"""`nameplate dev`: work on a board that was provisioned with --dev, through its prompt."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

import click

from nameplate.cli.output import clean, json_option, print_json

if TYPE_CHECKING:
    from nameplate.dev.push import Tell

_port = click.argument("port", required=False, envvar="NAMEPLATE_PORT")
_PLAIN_S = 2.0


@click.group(name="dev")
def command() -> None:
    """Work on a development board (`factory provision --dev`): new code, its log, its restart."""


@command.command()
@_port
@click.option("--model", help="A folder of models/ (default: the one the board has).")
@json_option
def push(port: str | None, model: str | None, as_json: bool) -> None:
    """Bring the board to this checkout's firmware, without flashing, and restart it.

    Only what changed is sent, into the slot that is not running; code that does not start is not kept running.
    """
    from nameplate.dev.push import push as push_to
    from nameplate.link.discover import choose_port

    started = time.monotonic()
    with _progress(as_json) as tell:
        done = push_to(choose_port(port), model=model, tell=tell)
    seconds = round(time.monotonic() - started, 1)
    if as_json:
        print_json({"event": "done", **vars(done), "seconds": seconds})
        return
    if not done.sent and not done.copied and not done.removed:
        click.echo(clean(f"{done.port}: already had it all; restarted, slot {done.slot}, in {seconds} s"))
        return
    for path in done.sent:
        click.echo(clean(f"sent    {path}"))
    for path in done.removed:
        click.echo(clean(f"removed {path}"))
    click.echo(
        clean(
            f"{done.port}: {done.bytes} bytes sent, {done.copied} files taken from the other slot, {done.kept} kept; "
            f"runs {done.firmware} from slot {done.slot}, in {seconds} s"
        )
    )


@command.command()
@_port
@click.option(
    "--from", "first", type=click.IntRange(0), help="Begin with this record (default: the newest ones)."
)
@click.option("--once", is_flag=True, help="Show what the log has, and end.")
@click.option("--trace", is_flag=True, help="Tell of exceptions as this checkout's sources have them.")
@json_option
def log(port: str | None, first: int | None, once: bool, trace: bool, as_json: bool) -> None:
    """Follow the board's log, and whatever else its line says, until Ctrl-C.

    With --trace the board must run what this checkout has, as after a push: see `nameplate factory trace`.
    """
    from nameplate.dev.log import follow, newest
    from nameplate.link.discover import choose_port

    spec = choose_port(port)
    read = _tracer() if trace else lambda text: text
    try:
        for said in newest(spec, first) if once else follow(spec, first):
            entry = replace(said, text=read(said.text))
            if as_json:
                kind = "remark" if entry.ours else "line" if entry.number is None else "record"
                number = {} if entry.number is None else {"n": entry.number}
                print_json({"event": kind, **number, "text": entry.text})
            elif entry.ours:
                click.echo(clean(f"-- {entry.text}"), err=True)
            else:
                click.echo(clean(entry.text if entry.number is None else f"{entry.number:>6} {entry.text}"))
            sys.stdout.flush()
    except KeyboardInterrupt:
        pass


@command.command()
@_port
@click.option("--soft", is_flag=True, help="Only the interpreter: radio and clock go on.")
@json_option
def reset(port: str | None, soft: bool, as_json: bool) -> None:
    """Start the board again."""
    from nameplate.dev.restart import restart
    from nameplate.link.discover import choose_port

    spec = choose_port(port)
    restart(spec, soft=soft)
    if as_json:
        print_json({"event": "done", "port": str(spec), "reset": "soft" if soft else "hard"})
    else:
        click.echo(clean(f"{spec}: restarted{' (soft)' if soft else ''}"))


@contextmanager
def _progress(as_json: bool) -> Iterator[Tell]:
    """Where the steps of a push are told: JSON lines, a bar on a terminal, plain lines elsewhere."""
    if as_json:
        yield _tell_json
    elif sys.stderr.isatty():
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

        columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
        with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
            task = bar.add_task("looking", total=None)
            yield lambda what, done, total: bar.update(
                task, description=clean(what), completed=done, total=total or None
            )
    else:
        yield _PlainLines().tell


def _tracer() -> Callable[[str], str]:
    from nameplate.factory.code import Code
    from nameplate.factory.sources import device_root
    from nameplate.factory.trace import Trace

    return Trace(Code(device_root())).read


def _tell_json(what: str, done: int, total: int) -> None:
    print_json({"event": "progress", "step": what, **({"sent": done, "of": total} if total else {})})
    sys.stdout.flush()


class _PlainLines:
    """Each new step on a line; while files are sent, one every other second."""

    def __init__(self) -> None:
        self._last = ""
        self._told = 0.0

    def tell(self, what: str, done: int, total: int) -> None:
        step, now = what.split(maxsplit=1)[0], time.monotonic()
        if step != self._last or now - self._told > _PLAIN_S:
            self._last, self._told = step, now
            click.echo(clean(f"{what} ..." + (f" {100 * done // total} %" if total else "")), err=True)
