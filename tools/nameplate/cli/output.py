"""What every verb prints with: text made safe for a terminal, and JSON in one form."""

from __future__ import annotations

import json
import unicodedata
from typing import Any

import click

# Categories that can move the cursor, hide or reorder text: control, format (bidirectional overrides),
# surrogates, private use, unassigned, line and paragraph separators.
_UNSAFE = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}


def clean(text: object) -> str:
    """One line of text that cannot steer the terminal: unsafe characters are dropped, line ends become spaces."""
    shown = (" " if character in "\r\n\t" else character for character in str(text))
    return "".join(c for c in shown if c == " " or unicodedata.category(c) not in _UNSAFE)


def print_json(value: Any) -> None:
    """Print one JSON value on one line, ASCII only, so that whatever it quotes cannot steer the terminal."""
    click.echo(json.dumps(value, ensure_ascii=True, separators=(",", ":")))


json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON instead of text.")
