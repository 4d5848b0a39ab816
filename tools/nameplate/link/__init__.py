"""A line of bytes to a board, whatever carries it: `open_link("serial:/dev/ttyUSB0")`, `pty:`, `tcp:`.

The carriers are imported only when they are opened: pyserial and termios are not there on every machine.
"""

from __future__ import annotations

import importlib

from nameplate.link.base import Link
from nameplate.link.spec import Spec, parse

__all__ = ["Link", "Spec", "open_link", "parse"]

DEFAULT_BAUD = 115_200


def open_link(spec: str | Spec, *, baud: int = DEFAULT_BAUD) -> Link:
    """Open what `spec` names and return it ready to use; `baud` matters to a serial port only.

    Raises a LinkError that says why not: no such port, no permission, busy, refused, or a spec that is none
    (exit code 2).
    """
    where = parse(spec) if isinstance(spec, str) else spec
    carrier = importlib.import_module(f"nameplate.link.{where.scheme}")
    link: Link = carrier.open_link(where, baud)
    return link
