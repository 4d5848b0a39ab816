"""A serial port, through pyserial, opened so that the ESP32 on the other side is not reset by it."""

from __future__ import annotations

import errno
import sys

import serial

from nameplate.link.base import LineLink, LinkError, busy, open_error
from nameplate.link.spec import Spec

WRITE_TIMEOUT_S = 5.0
# How long one read waits at most; the deadline of a line is kept to this grain.
_GRAIN_S = 0.05

if sys.platform == "win32":
    _Port = serial.Serial
else:
    import fcntl
    import struct
    import termios

    class _Port(serial.Serial):
        """A port whose DTR and RTS leave the active state together.

        On most boards RTS active with DTR inactive holds the chip in reset. The kernel raises both lines at
        open(); pyserial then lowers DTR and, one call later, RTS, and in between the board would be reset.
        """

        def _update_dtr_state(self) -> None:
            if self.dtr or self.rts or self.fd is None:
                super()._update_dtr_state()  # type: ignore[misc]  # not public, so not in the stubs
            else:
                both = struct.pack("I", termios.TIOCM_DTR | termios.TIOCM_RTS)
                fcntl.ioctl(self.fd, termios.TIOCMBIC, both)


class SerialLink(LineLink):
    """A Link over a serial port."""

    def __init__(self, spec: Spec, port: serial.Serial) -> None:
        super().__init__(spec)
        self._port = port

    def write(self, data: bytes) -> None:
        """See Link.write."""
        try:
            self._port.write(data)
        except serial.SerialTimeoutException as error:
            raise self._lost("it takes no data") from error
        except (OSError, TypeError) as error:
            raise self._lost(_reason(error)) from error

    def close(self) -> None:
        """See Link.close."""
        self._port.close()

    def _receive(self, timeout: float) -> bytes:
        try:
            first = bytes(self._port.read(1))
            return first + bytes(self._port.read(self._port.in_waiting)) if first else b""
        except (OSError, TypeError) as error:
            # TypeError is what pyserial raises when another thread closed the port meanwhile.
            raise self._lost(_reason(error)) from error


def open_link(spec: Spec, baud: int) -> SerialLink:
    """Open the port for this program alone, DTR and RTS inactive. Raises a LinkError."""
    port = _Port()
    port.port = spec.target
    port.exclusive = True
    port.dtr = False
    port.rts = False
    port.timeout = _GRAIN_S
    port.write_timeout = WRITE_TIMEOUT_S
    try:
        port.baudrate = baud
        port.open()
    except (OSError, ValueError) as error:
        raise _why(spec, error) from error
    return SerialLink(spec, port)


def _why(spec: Spec, error: OSError | ValueError) -> LinkError:
    """pyserial's several ways of saying that a port did not open, as one of ours."""
    text = str(error)
    if "lock port" in text or "PermissionError" in text:  # Windows: held by another program
        return busy(spec)
    if isinstance(error, ValueError):
        return LinkError(spec, f"{spec}: {text}", "see `nameplate read --help`", exit_code=2)
    number = error.errno
    if number is None and error.__context__ is not None and error.__context__.args:
        # "Could not configure port": the cause is a termios.error, which is no OSError but has its number.
        number = error.__context__.args[0]
    if "FileNotFoundError" in text:
        number = errno.ENOENT
    return open_error(spec, OSError(number if isinstance(number, int) else errno.EIO, text))


def _reason(error: Exception) -> str:
    return (isinstance(error, OSError) and error.errno and error.strerror) or "unplugged?"
