"""`nameplate read`: one board, asked everything under a fresh nonce, checked, and shown."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import click

from nameplate.cli.output import json_option, print_json, trust_option
from nameplate.errors import USAGE, NameplateError

if TYPE_CHECKING:
    from nameplate.technician.reading import Reading


@click.command("read")
@click.argument("port", required=False, envvar="NAMEPLATE_PORT")
@trust_option
@click.option(
    "--save", type=click.Path(path_type=Path, dir_okay=False), help="Keep the signed answer in a file."
)
@click.option("--timeout", type=click.FloatRange(0.1, 600), default=5.0, show_default=True, help="Seconds.")
@click.option("--baud", type=int, default=115_200, show_default=True, help="Speed of a serial port.")
@json_option
def command(
    port: str | None, trust_file: str | None, save: Path | None, timeout: float, baud: int, as_json: bool
) -> int:
    """Ask the board at PORT who it is and how it is, and check the proof.

    PORT is serial:/dev/ttyUSB0, pty:/dev/pts/3, tcp:HOST:PORT or a device path; without it, the one board there is.
    Ends with code 1 when a fault is found or the proof fails, 3 when the board is not reached.
    """
    from nameplate.link import open_link
    from nameplate.link.discover import choose_port, is_simulated
    from nameplate.link.rpc import Client
    from nameplate.technician.reading import NotProvisioned, take
    from nameplate.token.trust_file import find_trust

    trust = find_trust(trust_file)
    link = open_link(choose_port(port), baud=baud)
    try:
        reading = take(Client(link, timeout=timeout), trust, simulated=is_simulated(link.spec))
    except NotProvisioned as error:
        if as_json:
            print_json({"port": str(link.spec), "exit": error.exit_code, "error": error.reason})
            return error.exit_code
        raise
    finally:
        link.close()
    if save is not None:
        save_answer(reading, save)
    if as_json:
        print_json(reading.to_json())
    else:
        _show(reading, save)
    return reading.exit_code


def save_answer(reading: Reading, path: Path) -> None:
    """Write the three tokens and the nonce as lines that `nameplate verify` reads; all of them or nothing.

    Raises NameplateError (2) when the file cannot be written.
    """
    lines = [
        {"at": int(reading.taken.timestamp()), "kind": kind, "token": token, "nonce": reading.nonce}
        for kind, token in reading.tokens.items()
    ]
    text = "".join(json.dumps(line, separators=(",", ":")) + "\n" for line in lines)
    try:
        with tempfile.NamedTemporaryFile("w", dir=path.parent, prefix=path.name, delete=False) as file:
            file.write(text)
        os.replace(file.name, path)
    except OSError as error:
        raise NameplateError(
            f"cannot save to {path}: {error.strerror}", "name a file in a folder you may write to", USAGE
        ) from error


def _show(reading: Reading, saved: Path | None) -> None:
    from rich.console import Console

    from nameplate.technician.screen import render

    click.echo(render(reading, Console()))
    if saved is not None:
        click.echo(
            f"\nsaved; check it with: nameplate verify {saved} --nonce {reading.nonce} --trust FILE.jwks"
        )
