"""A TCP connection: a simulated board's UART on another machine, or a serial port server."""

from __future__ import annotations

import select
import socket

from nameplate.link.base import LineLink, LinkError, NoSuchPort, Refused
from nameplate.link.spec import Spec

CONNECT_TIMEOUT_S = 5.0
_READ = 4096


class TcpLink(LineLink):
    """A Link over a connected socket."""

    def __init__(self, spec: Spec, connection: socket.socket) -> None:
        super().__init__(spec)
        self._socket = connection

    def write(self, data: bytes) -> None:
        """See Link.write."""
        try:
            self._socket.sendall(data)
        except OSError as error:
            raise self._lost(error.strerror or error) from error

    def close(self) -> None:
        """See Link.close."""
        self._socket.close()

    def _receive(self, timeout: float) -> bytes:
        try:
            if not select.select([self._socket], [], [], timeout)[0]:
                return b""
            data = self._socket.recv(_READ)
        except (OSError, ValueError) as error:
            raise self._lost(getattr(error, "strerror", None) or "closed") from error
        if not data:
            raise self._lost("the other end closed it")
        return data


def open_link(spec: Spec, baud: int) -> TcpLink:
    """Connect to HOST:PORT. `baud` means nothing here."""
    try:
        connection = socket.create_connection(spec.address, CONNECT_TIMEOUT_S)
    except socket.gaierror as error:
        raise NoSuchPort(spec, f"{spec}: no such host", "check the name; list: `nameplate find`") from error
    except ConnectionRefusedError as error:
        raise Refused(
            spec, f"{spec}: connection refused", "is the simulation running? `nameplate sim list`"
        ) from error
    except TimeoutError as error:
        raise LinkError(
            spec, f"{spec}: no answer from the host", "check the address and the network"
        ) from error
    except OSError as error:
        raise LinkError(
            spec, f"{spec}: cannot connect: {error.strerror or error}", "check the address and the network"
        ) from error
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return TcpLink(spec, connection)
