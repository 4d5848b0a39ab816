"""`scheme:target` strings that name a line to a board, and the bare device paths people type instead."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass

from nameplate.errors import USAGE, NameplateError

SCHEMES = ("serial", "pty", "tcp")
_HINT = "use serial:/dev/ttyUSB0, pty:/dev/pts/3, tcp:127.0.0.1:7000 or a device path; list: `nameplate find`"
# A pseudo-terminal: /dev/pts/3 on Linux, /dev/ttys003 on macOS and the BSDs.
_PTY = re.compile(r"/dev/(pts/\d+|ttys\d+)\Z")
_WINDOWS_PORT = re.compile(r"(?:\\\\\.\\)?COM\d+\Z", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Spec:
    """One line to a board: `scheme` is serial, pty or tcp; `target` a device path, or HOST:PORT for tcp."""

    scheme: str
    target: str

    def __str__(self) -> str:
        return f"{self.scheme}:{self.target}"

    @property
    def address(self) -> tuple[str, int]:
        """Host (without brackets) and port of a tcp target."""
        host, _, port = self.target.rpartition(":")
        return host.strip("[]"), int(port)


def parse(text: str) -> Spec:
    """The Spec that `text` names.

    A bare path or COM port is a pty where it is (or links to) a pseudo-terminal, else a serial port. Raises
    NameplateError with exit code 2 for anything else.
    """
    if _WINDOWS_PORT.match(text):
        return Spec("serial", text)
    if text.startswith(("/", ".")):
        return Spec("pty" if _PTY.match(os.path.realpath(text)) else "serial", text)
    scheme, colon, target = text.partition(":")
    if not colon:
        raise NameplateError(f"not a port: {text!r}", _HINT, USAGE)
    if scheme not in SCHEMES:
        raise NameplateError(f"no such kind of port: {scheme!r}", _HINT, USAGE)
    if not target:
        raise NameplateError(f"{scheme}: names no port", _HINT, USAGE)
    if scheme == "tcp":
        _check_address(target)
    return Spec(scheme, target)


def _check_address(target: str) -> None:
    host, colon, port = target.rpartition(":")
    bracketed = host.startswith("[") and host.endswith("]")
    if not colon or not host.strip("[]") or (":" in host and not bracketed):
        raise NameplateError(f"not HOST:PORT: {target!r}", _HINT, USAGE)
    if not (port.isascii() and port.isdigit() and 0 < int(port) < 65_536):
        raise NameplateError(f"not a TCP port: {port!r}", "a port is 1 to 65535", USAGE)
