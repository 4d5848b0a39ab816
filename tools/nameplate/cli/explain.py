"""`nameplate explain`: what a fault code of a model means, out of the catalogue; needs no board and no network."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from nameplate.cli.output import clean, json_option, print_json
from nameplate.errors import USAGE, NameplateError

if TYPE_CHECKING:
    from nameplate.technician.catalogue import Catalogue, Entry

# A safety note stands before the steps it is about.
_ORDER = ("owner", "do", "safety", "blind", "test", "expect", "parts", "next")
_WIDTH = 100


@click.command("explain")
@click.argument("code", required=False)
@click.option("--model", required=True, help="A model or its folder in models/: KF-320, kf320.")
@click.option("--lang", default="en", show_default=True, help="The language, such as de.")
@click.option("--list", "as_list", is_flag=True, help="List every code with its title instead.")
@json_option
def command(code: str | None, model: str, lang: str, as_list: bool, as_json: bool) -> None:
    """Say what CODE means: for the owner, for the technician, what it cannot see, what to bring.

    Ends with code 2 when the model, the language or the code is not in this installation's catalogue.
    """
    from nameplate.technician.catalogue import find

    if (code is None) is not as_list:
        raise click.UsageError("give either a CODE or --list")
    known = find(model)
    if lang not in known.entries:
        there = ", ".join(known.languages)
        raise NameplateError(f"{known.model} is not worded in {lang!r}", f"there are: {there}", USAGE)
    if code is None:
        _list(known, lang, as_json)
        return
    entry = known.entry(code.upper(), lang)
    if entry is None:
        codes = " ".join(known.entries[lang])
        raise NameplateError(f"{known.model} has no code {code!r}", f"there are: {codes}", USAGE)
    if as_json:
        print_json({"model": known.model, "name": known.name, **asdict(entry)})
        return
    for line in lines(entry, known.labels[lang], f"{known.model} {known.name}"):
        click.echo(clean(line))


def lines(entry: Entry, labels: Mapping[str, str], model: str) -> Iterator[str]:
    """An entry as people read it, at most 100 letters wide."""
    yield f"{entry.code} {entry.title}"
    yield f"{model}: {labels[entry.severity]}, {labels['cause']}: {labels[entry.cause]}"
    wide = max(len(labels[name]) for name in _ORDER) + 4
    for name in _ORDER:
        mark = "! " if name == "safety" else "  "
        if name == "parts":
            said = [f"{part.quantity} x {part.number} {part.name}" for part in entry.parts]
        else:
            said = [text] if (text := getattr(entry, name)) else []
        for index, text in enumerate(said):
            yield from _labelled(mark + labels[name] if index == 0 else "", text, wide)


def _labelled(label: str, text: str, wide: int) -> list[str]:
    return textwrap.wrap(text, _WIDTH, initial_indent=label.ljust(wide), subsequent_indent=" " * wide)


def _list(known: Catalogue, lang: str, as_json: bool) -> None:
    entries = known.entries[lang].values()
    if as_json:
        rows = [
            {"code": one.code, "severity": one.severity, "cause": one.cause, "title": one.title}
            for one in entries
        ]
        print_json({"model": known.model, "name": known.name, "language": lang, "codes": rows})
        return
    labels = known.labels[lang]
    wide = max(len(labels[one.severity]) for one in entries) if entries else 0
    for one in entries:
        click.echo(clean(f"{one.code}  {labels[one.severity].ljust(wide)}  {one.title}"))
