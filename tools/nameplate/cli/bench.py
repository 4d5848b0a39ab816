"""`nameplate bench`: measure, and say so when something costs more than it may."""

from __future__ import annotations

import click

from nameplate.cli.output import clean, print_json
from nameplate.errors import FAULT_FOUND


@click.command()
@click.argument("names", metavar="[NAME]...", nargs=-1)
@click.option("--list", "listing", is_flag=True, help="List the benchmarks and measure nothing.")
@click.option("--quick", is_flag=True, help="Fewer runs: for a look, not for a figure to keep.")
def command(names: tuple[str, ...], listing: bool, quick: bool) -> int:
    """Measure, and print one JSON object a line: metric, value, unit, limit, ratio, simulated.

    A ratio above 1 means that a limit is broken. A benchmark that cannot run here prints a line with an `error`.
    Either ends with code 1. Without a NAME all run but those that --list marks. docs/bench.md explains each figure.
    """
    from nameplate.bench.run import benches, run

    known = benches()
    unknown = [name for name in names if name not in known]
    if unknown:
        raise click.UsageError(f"there is no benchmark {unknown[0]!r}; there are: {', '.join(known)}")
    if listing:
        for bench in known.values():
            only = "" if bench.default else "  (only when named)"
            click.echo(f"{bench.name:<12} {bench.purpose}{only}")
        return 0
    chosen = [known[name] for name in names] or [bench for bench in known.values() if bench.default]
    return 0 if run(chosen, print_json, _tell, quick=quick) else FAULT_FOUND


def _tell(text: str) -> None:
    click.echo(f"... {clean(text)}", err=True)
