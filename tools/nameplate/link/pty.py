"""A pseudo-terminal: a simulated board's UART. It has no DTR and RTS, and no speed."""

from __future__ import annotations

import fcntl
import os
import select
import termios
import tty

from nameplate.errors import USAGE
from nameplate.link.base import LineLink, LinkError, open_error
from nameplate.link.spec import Spec

WRITE_TIMEOUT_S = 5.0
_READ = 4096


class PtyLink(LineLink):
    """A Link over an open pseudo-terminal in raw mode."""

    def __init__(self, spec: Spec, descriptor: int) -> None:
        super().__init__(spec)
        self._descriptor = descriptor

    def write(self, data: bytes) -> None:
        """See Link.write."""
        rest = memoryview(data)
        while rest:
            try:
                if not select.select([], [self._descriptor], [], WRITE_TIMEOUT_S)[1]:
                    raise self._lost("it takes no data")
                rest = rest[os.write(self._descriptor, rest) :]
            except (OSError, ValueError) as error:
                raise self._lost(_reason(error)) from error

    def close(self) -> None:
        """See Link.close."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def _receive(self, timeout: float) -> bytes:
        try:
            if not select.select([self._descriptor], [], [], timeout)[0]:
                return b""
            data = os.read(self._descriptor, _READ)
        except (OSError, ValueError) as error:
            raise self._lost(_reason(error)) from error
        if not data:
            raise self._lost("the other end is closed")
        return data


def open_link(spec: Spec, baud: int) -> PtyLink:
    """Open the terminal for this program alone, raw, without echo. `baud` means nothing here."""
    try:
        descriptor = os.open(spec.target, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
    except OSError as error:
        raise open_error(spec, error) from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        tty.setraw(descriptor, termios.TCSANOW)
    except termios.error as error:
        os.close(descriptor)
        raise LinkError(spec, f"{spec}: not a terminal", "list the ports: `nameplate find`", USAGE) from error
    except OSError as error:
        os.close(descriptor)
        raise open_error(spec, error) from error
    return PtyLink(spec, descriptor)


def _reason(error: Exception) -> str:
    # EIO is how a pseudo-terminal says that the program at its other end is gone.
    return "the simulation has ended?" if isinstance(error, OSError) else "closed"
