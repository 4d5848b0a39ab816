"""`nameplate factory image`: the image of a model, over a MicroPython build or without one, and the map of it."""

from __future__ import annotations

import textwrap
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from nameplate.cli.output import clean, json_option, print_json, slow_progress
from nameplate.factory.base_chips import FLASH_SIZES, megabytes
from nameplate.factory.refused import Refused

if TYPE_CHECKING:
    from nameplate.factory.code import Told
    from nameplate.factory.image import ImageReport

_FILE = click.Path(path_type=Path, dir_okay=False)
_SIZES = {megabytes(size): size for size in FLASH_SIZES[1:]}


@click.command(name="image")
@click.option("--model", required=True, help="A folder of models/, such as kf320.")
@click.option("--out", type=_FILE, help="The image file (default: MODEL.bin).")
@click.option("--base", "base_file", type=_FILE, help="A MicroPython build (.bin) for a first installation.")
@click.option(
    "--flash-size",
    type=click.Choice(list(_SIZES)),
    help="The board's flash (default: what the base is built for).",
)
@click.option(
    "--explain", is_flag=True, help="Print the map of the flash, every file, and the modules in it."
)
@json_option
def command(
    model: str, out: Path | None, base_file: Path | None, flash_size: str | None, explain: bool, as_json: bool
) -> None:
    """Build the flash image of a model: the same bytes each time, on every machine.

    With --base it is one file to write at one address of a chip, without one it is for the virtual board.
    """
    from nameplate.factory.image import build_image

    if flash_size and not base_file:
        raise Refused("--flash-size is for an image over a base", "name the MicroPython build with --base")
    report = build_image(
        model,
        out or Path(f"{model}.bin"),
        slow_progress(),
        base_file=base_file,
        flash_size=_SIZES[flash_size] if flash_size else None,
    )
    if as_json:
        print_json(
            {**asdict(report), **({"bundles": [asdict(told) for told in _bundles()]} if explain else {})}
        )
        return
    click.echo(clean(f"{report.path}: {report.model} {report.model_name}, {report.size // 1024} KiB"))
    click.echo(f"sha256 {report.sha256}")
    click.echo(
        f"a slot takes {_kib(report.slot_bytes, report.slot_limit)}, all {_kib(report.total_bytes, report.total_limit)}"
    )
    if report.chip:
        _tell_base(report)
    else:
        click.echo(f"note: {report.base}")
    if explain:
        _explain(report)


def _kib(size: int, limit: int) -> str:
    return f"{size // 1024} of {limit // 1024} KiB"


def _tell_base(report: ImageReport) -> None:
    click.echo(clean(f"base: {report.base}"))
    size = megabytes(report.flash_size)
    click.echo(f"one file for an {report.chip} with {size} of flash, to be written at {report.address:#x}")
    if report.to_the_end:
        click.echo(
            f"note: this base puts its files up to the end of the flash: the board's must have {size}, not more"
            " or less (else: --flash-size)"
        )


def _explain(report: ImageReport) -> None:
    click.echo("\n address       end       size   used        what")
    for region in report.map:
        click.echo(_row(region))
    click.echo(
        "\nA region without a figure is not measured. nvs is erased: `factory provision` writes it."
        f"\nvfs is littlefs 2.0 with {_vfs_blocks(report)} blocks of 4096 bytes; a file takes whole blocks, which is what the limits count."
        "\nSlots /a and /b are alike. Code is .mpy 6.3 for every 32-bit chip, without asserts, with line numbers.\n"
    )
    for path, size in report.files.items():
        if not path.startswith("/b/"):
            click.echo(f"{size:>8}  {clean(path)}")
    click.echo(
        "\nModules are joined, private names exchanged; a traceback is read with `nameplate factory trace`."
    )
    for told in _bundles():
        kind = "stays" if told.stays else "dropped after use"
        words = f"{told.file} ({kind}): {', '.join(told.modules)}"
        for line in textwrap.wrap(words, 110, initial_indent="  ", subsequent_indent="      "):
            click.echo(clean(line))


def _row(region: dict[str, Any]) -> str:
    """One line of the map."""
    size, used = region["size"], region["used"]
    full = "" if used is None else "erased" if used == 0 else f"{-(-used // 1024)} KiB {used * 100 // size} %"
    end = region["address"] + size
    line = f"{region['address']:#8x}  {end:#8x}  {size // 1024:>5} KiB   {full:<13} {region['name']}: {region['what']}"
    return clean(line)


def _bundles() -> list[Told]:
    from nameplate.factory.code import Code
    from nameplate.factory.sources import device_root

    return Code(device_root()).told()


def _vfs_blocks(report: ImageReport) -> int:
    sizes: dict[str, int] = {region["name"]: region["size"] for region in report.map}
    return sizes["vfs"] // 4096
