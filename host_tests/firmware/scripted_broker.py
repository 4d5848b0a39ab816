"""A broker of the tests' own, for what a real one does only when it is broken: it does what its script says."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable

CONNACK = b"\x20\x02\x00\x00"
PINGRESP = b"\xd0\x00"


class Connection:
    """One client's connection, packet by packet."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self.received: list[bytes] = []

    def send(self, data: bytes) -> None:
        self._sock.sendall(data)

    def _exactly(self, length: int) -> bytes:
        data = b""
        while len(data) < length:
            more = self._sock.recv(length - len(data))
            if not more:
                raise EOFError
            data += more
        return data

    def packet(self, kind: int | None = None) -> bytes:
        """The next packet, which must be of `kind` (the upper half of its first byte)."""
        packet = self._exactly(1)
        length = shift = 0
        while True:
            byte = self._exactly(1)
            packet += byte
            length |= (byte[0] & 127) << shift
            shift += 7
            if byte[0] < 128:
                break
        packet += self._exactly(length)
        self.received.append(packet)
        assert kind is None or packet[0] >> 4 == kind, packet[:40]
        return packet

    def accept(self, code: int = 0) -> bytes:
        """Take CONNECT and answer it."""
        packet = self.packet(1)
        self.send(CONNACK[:3] + bytes([code]))
        return packet

    def welcome(self) -> None:
        """Take CONNECT and SUBSCRIBE, and grant both."""
        self.accept()
        self.send(b"\x90\x03" + body(self.packet(8))[:2] + b"\x00")

    def acknowledge(self, packet: bytes) -> int:
        """Answer a PUBLISH at QoS 1; returns its packet identifier."""
        number = packet_id(packet)
        self.send(b"\x40\x02" + number.to_bytes(2, "big"))
        return number

    def end(self) -> None:
        """Wait for the client to close."""
        try:
            while True:
                self.packet()
        except (EOFError, ConnectionError):
            pass


def body(packet: bytes) -> bytes:
    """What follows the fixed header."""
    at = 1
    while packet[at] & 128:
        at += 1
    return packet[at + 1 :]


def packet_id(packet: bytes) -> int:
    """The identifier of a PUBLISH at QoS 1."""
    rest = body(packet)
    at = 2 + int.from_bytes(rest[:2], "big")
    return int.from_bytes(rest[at : at + 2], "big")


def message(topic: bytes, payload: bytes, first: int = 0x30) -> bytes:
    """A PUBLISH at QoS 0."""
    rest = len(topic).to_bytes(2, "big") + topic + payload
    length, head = len(rest), bytes([first])
    while length > 127:
        head += bytes([length & 127 | 128])
        length >>= 7
    return head + bytes([length]) + rest


class ScriptedBroker:
    """Listens on loopback; each connection in turn is handed to the next of `scripts`.

    `narrow`: its sockets take in few bytes that the script has not yet read, so that a sender soon finds no room.
    """

    def __init__(self, *scripts: Callable[[Connection], None], narrow: bool = False) -> None:
        self._scripts = scripts
        self._listener = socket.create_server(("127.0.0.1", 0))
        if narrow:
            self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self.port = self._listener.getsockname()[1]
        self.connections: list[Connection] = []
        self.problem: BaseException | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)

    def _run(self) -> None:
        try:
            for script in self._scripts:
                sock, _ = self._listener.accept()
                sock.settimeout(30)
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                connection = Connection(sock)
                self.connections.append(connection)
                with sock:
                    script(connection)
        except OSError:
            pass
        except BaseException as problem:  # noqa: BLE001 - told by __exit__, in the test's own thread
            self.problem = problem

    def __enter__(self) -> ScriptedBroker:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._listener.close()
        self._thread.join(timeout=5)
        if self.problem is not None:
            raise AssertionError("the broker's script failed") from self.problem
