"""`nameplate proof`: run the command behind each claim of README.md, and write down what came of it."""

from __future__ import annotations

import click

from nameplate.cli.output import clean
from nameplate.errors import FAULT_FOUND


@click.command()
@click.argument("names", metavar="[CLAIM]...", nargs=-1)
@click.option("--list", "listing", is_flag=True, help="List the claims and their last verdicts, run nothing.")
@click.option("--quick", is_flag=True, help="Without the slow ones.")
def command(names: tuple[str, ...], listing: bool, quick: bool) -> int:
    """Prove what README.md claims: run each claim's command and judge it, as docs/proof.toml says.

    Writes docs/proof.md and docs/proof.json. Ends with code 1 when a claim is not borne out, and says which.
    Without a CLAIM, all are proved.
    """
    from nameplate.factory.sources import device_root
    from nameplate.proof import document
    from nameplate.proof.claims import load
    from nameplate.proof.prove import prove

    root = device_root()
    if listing:
        outcomes = document.read(root)
        for claim in load(root).claims:
            slow = "  (slow)" if claim.slow else ""
            click.echo(
                f"{claim.id:<12} {document.verdict(claim, outcomes.get(claim.id)):<11} {clean(claim.command)}{slow}"
            )
        return 0
    failed = prove(root, names, quick=quick, tell=_tell)
    if failed:
        click.echo(f"not borne out: {', '.join(failed)}", err=True)
    return FAULT_FOUND if failed else 0


def _tell(text: str) -> None:
    click.echo(f"... {clean(text)}", err=True)
