"""What every carrier offers, the errors it raises, and how bytes become bounded lines."""

from __future__ import annotations

import errno
import os
import time
from typing import Protocol

from nameplate.errors import NOT_REACHED, USAGE, NameplateError
from nameplate.link.spec import Spec

MAX_LINE = 64 * 1024


class LinkError(NameplateError):
    """The line could not be opened or was lost; `spec` is the one that failed."""

    def __init__(self, spec: Spec | str, message: str, hint: str, exit_code: int = NOT_REACHED) -> None:
        super().__init__(message, hint, exit_code)
        self.spec = str(spec)


class NoSuchPort(LinkError):
    """Nothing is there under that name."""


class PortDenied(LinkError):
    """The port is there; this user may not open it."""


class PortBusy(LinkError):
    """Another program holds the port."""


class Refused(LinkError):
    """The host is there (or not), and nobody listens."""


class LinkLost(LinkError):
    """The far end went away while the line was in use: unplugged, simulation ended, connection closed."""


class LinkTimeout(LinkError):
    """No whole line arrived before the deadline. What has arrived of it is kept for the next read."""


class Link(Protocol):
    """A byte line to one board. Not safe for two readers at once; a writer beside a reader is fine."""

    @property
    def spec(self) -> Spec:
        """What was opened."""

    @property
    def partial(self) -> bytes:
        """What has arrived of a line that has not ended: a prompt, for one."""

    def write(self, data: bytes) -> None:
        """Send all of `data`. Raises LinkLost."""

    def read_line(self, deadline: float) -> bytes:
        """The next line without its end (LF, CR or CRLF), never empty, at most MAX_LINE bytes.

        `deadline` is a time.monotonic() value. Raises LinkTimeout at the deadline, LinkLost.
        """

    def close(self) -> None:
        """Let go of the line; more than once is fine."""


class Lines:
    """Cuts a stream into lines: LF, CR and CRLF end one, empty ones are dropped.

    A line over MAX_LINE bytes is dropped whole and counted in `overlong`, so that a board that never ends
    its line cannot fill this machine's memory. `received` counts every byte that came.
    """

    def __init__(self, limit: int = MAX_LINE) -> None:
        self._limit = limit
        self._partial = bytearray()
        self._whole: list[bytes] = []
        self._skipping = False
        self.overlong = 0
        self.received = 0

    def feed(self, data: bytes) -> None:
        """Take what arrived."""
        self.received += len(data)
        *ended, rest = data.replace(b"\r", b"\n").split(b"\n")
        for piece in ended:
            self._add(piece)
            if self._partial:
                self._whole.append(bytes(self._partial))
            self._partial.clear()
            self._skipping = False
        self._add(rest)

    def next(self) -> bytes | None:
        """The oldest whole line, or None."""
        return self._whole.pop(0) if self._whole else None

    @property
    def partial(self) -> bytes:
        """What has come of the line that has not ended yet."""
        return bytes(self._partial)

    def _add(self, piece: bytes) -> None:
        if self._skipping:
            return
        if len(self._partial) + len(piece) > self._limit:
            self._partial.clear()
            self._skipping = True
            self.overlong += 1
        else:
            self._partial += piece


class LineLink:
    """The part of a Link that is the same on every carrier; a carrier adds `_receive`, `write` and `close`."""

    def __init__(self, spec: Spec) -> None:
        self._spec = spec
        self.lines = Lines()

    @property
    def spec(self) -> Spec:
        """What was opened."""
        return self._spec

    @property
    def partial(self) -> bytes:
        """See Link.partial."""
        return self.lines.partial

    def read_line(self, deadline: float) -> bytes:
        """See Link.read_line."""
        while (line := self.lines.next()) is None:
            left = deadline - time.monotonic()
            if left <= 0:
                raise LinkTimeout(self._spec, f"{self._spec}: no answer", "see `nameplate find`")
            self.lines.feed(self._receive(left))
        return line

    def _receive(self, timeout: float) -> bytes:
        """Some bytes, or none after at most `timeout` seconds. Raises LinkLost."""
        raise NotImplementedError

    def _lost(self, why: object = "") -> LinkLost:
        detail = f" ({why})" if why else ""
        return LinkLost(
            self._spec,
            f"{self._spec}: the line was lost{detail}",
            "plug it in again (or start it), then retry",
        )


def open_error(spec: Spec, error: OSError) -> LinkError:
    """The LinkError that says what an OSError from opening `spec` means, and what to do."""
    if error.errno in (errno.ENOENT, errno.ENXIO, errno.ENODEV, errno.ENOTDIR):
        return NoSuchPort(spec, f"{spec}: no such port", "list what is there: `nameplate find`")
    if error.errno in (errno.EACCES, errno.EPERM):
        return PortDenied(spec, f"{spec}: permission denied", _allow_hint(spec))
    if error.errno in (errno.EBUSY, errno.EAGAIN):
        return busy(spec)
    if error.errno == errno.ENOTTY:
        return LinkError(spec, f"{spec}: not a serial port", "list the ports: `nameplate find`", USAGE)
    return LinkError(spec, f"{spec}: cannot be opened: {error.strerror or error}", "see `nameplate find`")


def busy(spec: Spec) -> PortBusy:
    """The error for a port that another program holds."""
    return PortBusy(
        spec,
        f"{spec}: another program has it open",
        f"close the other monitor or console (who: `fuser -v {spec.target}`)",
    )


def _allow_hint(spec: Spec) -> str:
    """The command that lets this user open the port: the group that owns it, dialout where that is unknown."""
    group = "dialout"
    try:
        import grp

        owner = os.stat(spec.target).st_gid
        if owner:
            group = grp.getgrgid(owner).gr_name
    except (ImportError, OSError, KeyError):
        pass
    return f"sudo usermod -aG {group} $USER, then log in again"
