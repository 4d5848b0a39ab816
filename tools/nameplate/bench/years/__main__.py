"""`python -m nameplate.bench.years`: what `make bench-diagnosis` runs. JSON lines on standard output, a table on the other."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from nameplate.bench.figure import broken
from nameplate.bench.years.model import MODELS
from nameplate.errors import FAULT_FOUND, NameplateError
from nameplate.text import clean


@click.command()
@click.option("--quick", is_flag=True, help="Few lives and few faults: a look, not figures to keep.")
@click.option(
    "--plots", type=click.Path(file_okay=False, path_type=Path), help="Write the plots (PNG) there."
)
@click.option("--table", type=click.Path(dir_okay=False, path_type=Path), help="Write the table there, too.")
@click.option("--model", "models", multiple=True, type=click.Choice(MODELS), help="Only these.")
@click.option("--kind", "kinds", multiple=True, type=click.Choice(["healthy", "product", "sensor"]))
@click.option("--seed", default=1, show_default=True)
@click.option("--jobs", default=2, show_default=True, help="Interpreters at a time.")
def command(
    quick: bool,
    plots: Path | None,
    table: Path | None,
    models: tuple[str, ...],
    kinds: tuple[str, ...],
    seed: int,
    jobs: int,
) -> None:
    """Simulated lives of appliances, judged by the device's own code on its interpreter. docs/diagnosis-bench.md."""
    import json

    from nameplate.bench.years import plan, run
    from nameplate.bench.years.table import figures, lines

    def tell(text: str) -> None:
        click.echo(f"... {clean(text)}", err=True)

    chosen = models or MODELS
    try:
        results = run.run(
            chosen, plan.QUICK if quick else plan.FULL, seed=seed, jobs=jobs, tell=tell, kinds=kinds
        )
        if plots is not None:
            from nameplate.bench.years.plots import write

            for path in write(results, plots):
                tell(f"{path}, {path.stat().st_size // 1024} kB")
    except NameplateError as error:
        raise click.ClickException(f"{error.message}; {error.hint}") from error
    good = True
    for found in figures(results):
        click.echo(json.dumps(found))
        good &= not broken(found)
    text = "\n".join(lines(results)) + "\n"
    click.echo(text, err=True)
    if table is not None:
        table.write_text(text)
    for note in sorted({note for result in results for note in result.notes}):
        tell(f"the device noted: {note}")
    sys.exit(0 if good else FAULT_FOUND)


if __name__ == "__main__":
    command()
