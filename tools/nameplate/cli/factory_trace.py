"""`nameplate factory trace`: what a device says of an exception, with the names, files and lines of the sources."""

from __future__ import annotations

from dataclasses import asdict
from typing import BinaryIO

import click

from nameplate.cli.output import clean, json_option, print_json


@click.command(name="trace")
@click.argument("file", type=click.File("rb"), default="-")
@json_option
def command(file: BinaryIO, as_json: bool) -> None:
    """Read a traceback, or any console text or log, from FILE (or standard input) as the sources have it.

    The image joins modules and exchanges private names; this turns them back. The sources must be those that the image
    was built from: compare with what the board says at `version`, or with `swversion` in its tokens.
    """
    from nameplate.factory.code import Code
    from nameplate.factory.sources import device_root
    from nameplate.factory.trace import Trace, release

    text = file.read().decode("utf-8", "replace")
    root = device_root()
    trace = Trace(Code(root))
    read = trace.read(text)
    if as_json:
        places = [asdict(place) for place in trace.places]
        print_json({"firmware": release(root), "text": read, "places": places})
        return
    for line in read.splitlines():
        click.echo(clean(line))
    told = (
        f"read with the sources of release {release(root)}: right only if the board runs it (its `version`, or `swversion`)"
        if trace.places
        else 'no line of the image is in it: such as File "firmware.agent", line 12, or at firmware.agent:12'
    )
    click.echo(f"-- {told}", err=True)
