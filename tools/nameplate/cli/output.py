"""What every verb prints with: text made safe for a terminal, and JSON in one form."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import click

from nameplate.text import clean

__all__ = ["clean", "json_option", "print_json", "slow_progress"]


def print_json(value: Any) -> None:
    """Print one JSON value on one line, ASCII only, so that whatever it quotes cannot steer the terminal."""
    click.echo(json.dumps(value, ensure_ascii=True, separators=(",", ":")))


def slow_progress() -> Callable[[str], None]:
    """Tells steps on stderr, once a second, and only when the work has taken more than two seconds."""
    started = told = time.monotonic()

    def progress(step: str) -> None:
        nonlocal told
        now = time.monotonic()
        if now - started > 2 and now - told > 1:
            told = now
            click.echo(clean(f"{step} ({now - started:.0f} s)"), err=True)

    return progress


json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON instead of text.")

trust_option = click.option(
    "--trust",
    "trust_file",
    help="The manufacturer's public keys: a JWKS file.  [default: NAMEPLATE_TRUST, else ~/.config/nameplate/trust.jwks]",
)
