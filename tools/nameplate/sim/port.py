"""The board's outward serial line: a pseudo terminal, or a TCP listener on which every client sees the same line."""

from __future__ import annotations

import contextlib
import os
import pty
import selectors
import socket
import tty
from collections.abc import Callable

from nameplate.errors import USAGE, NameplateError

Register = Callable[[int, Callable[[], None]], None]


class PtyPort:
    """A pseudo terminal. Our end of the slave stays open, so clients may come and go."""

    def __init__(self, watch: selectors.BaseSelector, received: Callable[[bytes], None]) -> None:
        self._master, self._slave = pty.openpty()
        tty.setraw(self._slave)
        os.set_blocking(self._master, False)
        self.address = f"pty:{os.ttyname(self._slave)}"
        self._received = received
        watch.register(self._master, selectors.EVENT_READ, self._readable)

    def _readable(self) -> None:
        with contextlib.suppress(BlockingIOError):
            self._received(os.read(self._master, 4096))

    def write(self, data: bytes) -> None:
        """Bytes nobody fetches are lost once the terminal's buffer is full, as on a wire."""
        with contextlib.suppress(BlockingIOError):
            while data:
                data = data[os.write(self._master, data) :]

    def close(self) -> None:
        os.close(self._master)
        os.close(self._slave)


class TcpPort:
    """A listener; what any client sends reaches the board, what the board sends reaches all of them."""

    def __init__(
        self, watch: selectors.BaseSelector, received: Callable[[bytes], None], host: str, port: int
    ) -> None:
        self._watch = watch
        self._received = received
        self._clients: list[socket.socket] = []
        try:
            self._listener = socket.create_server((host, port))
        except OSError as error:
            raise NameplateError(
                f"cannot listen on {host}:{port}: {error.strerror}", "choose another port, or port 0", USAGE
            ) from error
        self._listener.setblocking(False)
        bound = self._listener.getsockname()
        self.address = f"tcp:{bound[0]}:{bound[1]}"
        watch.register(self._listener, selectors.EVENT_READ, self._accept)

    def _accept(self) -> None:
        with contextlib.suppress(BlockingIOError):
            client, _ = self._listener.accept()
            client.setblocking(False)
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._clients.append(client)
            self._watch.register(client, selectors.EVENT_READ, lambda: self._readable(client))

    def _readable(self, client: socket.socket) -> None:
        try:
            data = client.recv(4096)
        except BlockingIOError:
            return
        except ConnectionError:
            data = b""
        if data:
            self._received(data)
        else:
            self._drop(client)

    def _drop(self, client: socket.socket) -> None:
        self._watch.unregister(client)
        self._clients.remove(client)
        client.close()

    def write(self, data: bytes) -> None:
        for client in list(self._clients):
            try:
                client.sendall(data)
            except BlockingIOError:
                pass  # a client that does not read loses bytes
            except OSError:
                self._drop(client)

    def close(self) -> None:
        for client in list(self._clients):
            self._drop(client)
        self._listener.close()


def open_port(
    spec: str, watch: selectors.BaseSelector, received: Callable[[bytes], None]
) -> PtyPort | TcpPort:
    """A port from `pty` or `tcp:HOST:PORT` (port 0: any free one). Raises NameplateError."""
    if spec == "pty":
        return PtyPort(watch, received)
    scheme, _, rest = spec.partition(":")
    host, _, port = rest.rpartition(":")
    if scheme == "tcp" and host and port.isdecimal():
        return TcpPort(watch, received, host, int(port))
    raise NameplateError(f"{spec!r} is not a port of a virtual board", "say pty, or tcp:HOST:PORT", USAGE)
