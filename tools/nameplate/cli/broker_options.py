"""The options of the verbs that speak to a broker."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from nameplate.feed.address import TlsFiles

_Verb = TypeVar("_Verb", bound=Callable[..., Any])


def tls_options(verb: _Verb) -> _Verb:
    """For mqtts://: `ca`, `client_cert`, `client_key`."""
    file = click.Path(path_type=Path, dir_okay=False)
    for option in (
        click.option("--client-key", type=file, help="The key of that certificate (PEM)."),
        click.option("--client-cert", type=file, help="Our certificate, for a broker that wants one (PEM)."),
        click.option(
            "--ca",
            envvar="NAMEPLATE_BROKER_CA",
            type=file,
            help="The authority to believe for mqtts:// (PEM).  [default: NAMEPLATE_BROKER_CA, else this system's]",
        ),
    ):
        verb = option(verb)
    return verb


def tls_files(ca: Path | None, client_cert: Path | None, client_key: Path | None) -> TlsFiles:
    """What `tls_options` were given, as the feed takes it."""
    from nameplate.feed.address import TlsFiles

    return TlsFiles(ca, client_cert, client_key)
