"""`nameplate sim`: run virtual boards, change their world, see how they are."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from nameplate.cli.output import clean, json_option, print_json
from nameplate.errors import USAGE, NameplateError

if TYPE_CHECKING:
    from nameplate.sim.board import VirtualBoard

_REFRESH_S = 0.2
_SHOWN = 3  # things to see of the appliance, in the panel's frame


@click.group(name="sim")
def command() -> None:
    """Run a virtual board and change its world."""


def _speed(ctx: click.Context, option: click.Parameter, value: str) -> float | None:
    if value == "max":
        return None
    try:
        speed = float(value)
    except ValueError:
        speed = 0
    if not 0.001 <= speed <= 1000:
        raise click.BadParameter("say max, or a number from 0.001 to 1000")
    return speed


def _changes(words: tuple[str, ...]) -> dict[str, str]:
    changes = {}
    for word in words:
        key, mark, value = word.partition("=")
        if not mark or not key:
            raise NameplateError(f"{clean(word)!r} is no change", "write KEY=VALUE, such as leak=wet", USAGE)
        changes[key] = value
    return changes


@command.command()
@click.argument("flash", type=click.Path(path_type=Path, dir_okay=False))
@click.argument("changes", nargs=-1, metavar="[KEY=VALUE]...")
@click.option("--name", help="What to call it (default: the file's name).")
@click.option("--chip", help="esp32 or esp32c3.  [default: the image's base's, else esp32]")
@click.option(
    "--port", default="pty", show_default=True, help="pty, or tcp:HOST:PORT (port 0: any free one)."
)
@click.option(
    "--speed", default="1", callback=_speed, help="Simulated seconds a second, or max.  [default: 1]"
)
@click.option("--seed", default=0, help="Noise and randomness; the same seed repeats a run.")
@json_option
def run(
    flash: Path,
    changes: tuple[str, ...],
    name: str | None,
    chip: str | None,
    port: str,
    speed: float | None,
    seed: int,
    as_json: bool,
) -> None:
    """Boot a flash image, which is changed in place, until Ctrl-C. KEY=VALUE sets the world at the start."""
    from nameplate.sim.board import VirtualBoard

    world: dict[str, object] = dict(_changes(changes))
    with VirtualBoard(flash, name=name, chip=chip, seed=seed, speed=speed, port=port, world=world) as board:
        if as_json:
            print_json({"name": board.name, "port": board.port, "chip": board.chip, "simulated": True})
        else:
            click.echo(clean(f"{board.name}: a virtual {board.chip} at {board.port}"))
            click.echo(clean(f"ask it:    nameplate read {board.port}"))
            click.echo(clean(f"change it: nameplate sim set {board.name} leak=wet"))
        sys.stdout.flush()
        try:
            if sys.stdout.isatty() and not as_json:
                _show(board)
            else:
                board.stop_requested.wait()
        except KeyboardInterrupt:
            pass


def _show(board: VirtualBoard) -> None:
    """The panel, live, until the board is asked to stop."""
    from rich.live import Live

    with Live(_picture(board), refresh_per_second=1 / _REFRESH_S, transient=True) as live:
        while not board.stop_requested.wait(_REFRESH_S):
            live.update(_picture(board))


def _picture(board: VirtualBoard) -> Any:
    from rich.panel import Panel
    from rich.text import Text

    seconds = board.now_ms // 1000
    state = "on" if board.powered else "off"
    shown = "  ".join(f"{key} {value}" for key, value in list(board.shows().items())[:_SHOWN])
    below = clean(f"{state}  {shown}  simulated {seconds // 60}:{seconds % 60:02d}")
    return Panel(Text("\n".join(board.panel)), title=clean(board.name), subtitle=below, expand=False)


@command.command(name="set")
@click.argument("words", nargs=-1, required=True, metavar="[NAME] KEY=VALUE...")
@json_option
def set_(words: tuple[str, ...], as_json: bool) -> None:
    """Change the world of a running board; NAME may be left out when only one runs."""
    from nameplate.sim import registry

    name = None if "=" in words[0] else words[0]
    changes = _changes(words if name is None else words[1:])
    if not changes:
        raise NameplateError(
            "nothing to change", "write KEY=VALUE; `nameplate sim keys` lists the keys of a board", USAGE
        )
    sim = registry.find(name)
    registry.ask(sim, {"set": changes})
    if as_json:
        print_json({"name": sim.name, "set": changes})
    else:
        click.echo(clean(f"{sim.name}: " + ", ".join(f"{key}={value}" for key, value in changes.items())))


@command.command()
@click.argument("name", required=False)
@json_option
def keys(name: str | None, as_json: bool) -> None:
    """List what the world of a running board has, and what it can be set to."""
    from nameplate.sim import registry

    answer: dict[str, Any] = registry.ask(registry.find(name), {"keys": True})
    listed: dict[str, dict[str, str]] = answer["keys"]
    if as_json:
        print_json(listed)
        return
    width = max(map(len, listed)) + 2
    for key, told in listed.items():
        values = f" ({told['values']})" if told["values"] else ""
        click.echo(clean(f"{key:{width}}{told['help']}{values} [{told['default'] or 'unset'}]"))


@command.command(name="list")
@json_option
def list_(as_json: bool) -> None:
    """List the virtual boards that run."""
    from nameplate.sim import registry

    sims = registry.running()
    if as_json:
        print_json([{"name": sim.name, "port": sim.port, "pid": sim.pid} for sim in sims])
        return
    for sim in sims:
        click.echo(clean(f"{sim.name:20}{sim.port}"))
    if not sims:
        click.echo("no virtual board runs; start one with: nameplate sim run UNIT.bin")


@command.command()
@click.argument("name", required=False)
@json_option
def show(name: str | None, as_json: bool) -> None:
    """Show a running board: panel, world, flash, last events."""
    from nameplate.sim import registry

    state: dict[str, Any] = registry.ask(registry.find(name), {"state": True})
    if as_json:
        print_json(state)
        return
    click.echo(clean(f"{state['name']}: {state['chip']} {state['model']} at {state['port']}"))
    for line in state["panel"]:
        click.echo(f"| {clean(line):20} |")
    click.echo(clean(" ".join(f"{key}={value}" for key, value in state["world"].items() if value)))
    click.echo(clean(", ".join(f"{what} {value}" for what, value in state["shows"].items())))
    click.echo(clean("flash: " + ", ".join(f"{count} {what}" for what, count in state["flash"].items())))
    for at_ms, kind, detail in state["events"]:
        click.echo(clean(f"{at_ms / 1000:10.3f} s  {kind} {detail}"))


@command.command()
@click.argument("name", required=False)
def stop(name: str | None) -> None:
    """Stop a running board."""
    from nameplate.sim import registry

    sim = registry.find(name)
    registry.ask(sim, {"stop": True})
    end = time.monotonic() + 5
    while any(other.name == sim.name for other in registry.running()):
        if time.monotonic() > end:
            raise NameplateError(f"{sim.name} does not stop", f"end process {sim.pid}")
        time.sleep(0.05)
    click.echo(clean(f"{sim.name} stopped"))
