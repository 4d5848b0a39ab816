"""What lives on the virtual board's home network: a name server at the gateway, and time servers at any address.

Both are UDP sockets on the host's loopback; the board's own datagrams are led there. Names are looked up by the host.
"""

from __future__ import annotations

import contextlib
import selectors
import socket
import struct
import threading
import time

from nameplate.sim.clock import SimClock
from nameplate.sim.radio import GATEWAY
from nameplate.sim.world import World

_NTP_EPOCH = 2_208_988_800  # 1970 in seconds since 1900
_NTP_PORT, _DNS_PORT = 123, 53
_SERVER_FAILURE, _NO_SUCH_NAME = 2, 3
_TTL_S = 60


class Lan:
    """`route` says where the host has what the board sends to."""

    def __init__(self, watch: selectors.BaseSelector, clock: SimClock, world: World) -> None:
        self._clock = clock
        self._world = world
        self._started_unix = time.time()
        self._times = self._open(watch, self._tell_time)
        self._names = self._open(watch, self._tell_address)

    @staticmethod
    def _open(watch: selectors.BaseSelector, answer: object) -> socket.socket:
        made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        made.bind(("127.0.0.1", 0))
        made.setblocking(False)
        watch.register(made, selectors.EVENT_READ, answer)
        return made

    def route(self, kind: str, host: str, port: int) -> tuple[str, int]:
        if kind == "udp" and port == _NTP_PORT:
            return ("127.0.0.1", int(self._times.getsockname()[1]))
        if kind == "udp" and port == _DNS_PORT and host == GATEWAY:
            return ("127.0.0.1", int(self._names.getsockname()[1]))
        return host, port

    def unix(self) -> float:
        """The true time: what `clock` was set to, or the host's at the start, and the simulated time since."""
        base = float(self._world["clock"]) if self._world["clock"] not in ("", "none") else self._started_unix
        return base + (self._clock.now_us() - self._world.clock_set_us) / 1e6

    def _tell_time(self) -> None:
        with contextlib.suppress(OSError):
            query, sender = self._times.recvfrom(512)
            if len(query) < 48 or self._world["clock"] == "none":
                return
            seconds = self.unix() + _NTP_EPOCH
            stamp = struct.pack(">II", int(seconds) & 0xFFFFFFFF, int(seconds % 1 * (1 << 32)))
            head = struct.pack(">BBbbII4s", 0x24, 2, 6, -20, 0, 0, b"\x7f\0\0\1")
            self._times.sendto(head + stamp + query[40:48] + stamp + stamp, sender)

    def _tell_address(self) -> None:
        with contextlib.suppress(OSError):
            query, sender = self._names.recvfrom(512)
            name, end = _question(query)
            if name is None or self._world["dns"] == "hang":
                return
            if self._world["dns"] == "fail":
                self._names.sendto(_reply(query, end, _SERVER_FAILURE, None), sender)
                return
            threading.Thread(target=self._look_up, args=(query, end, name, sender), daemon=True).start()

    def _look_up(self, query: bytes, end: int, name: str, sender: tuple[str, int]) -> None:
        address = resolve(name)
        with contextlib.suppress(OSError):
            self._names.sendto(_reply(query, end, 0 if address else _NO_SUCH_NAME, address), sender)

    def close(self) -> None:
        self._times.close()
        self._names.close()


def resolve(name: str) -> str | None:
    """The IPv4 address of a name, as the host knows it; it may take as long as the host's resolver does."""
    try:
        return str(socket.getaddrinfo(name, None, socket.AF_INET)[0][4][0])
    except (OSError, UnicodeError):
        return None


def _question(query: bytes) -> tuple[str | None, int]:
    """The name a query asks the address of, and where the question ends; None when it asks anything else."""
    labels, at = [], 12
    while at < len(query) and query[at]:
        labels.append(query[at + 1 : at + 1 + query[at]].decode("ascii", "replace"))
        at += 1 + query[at]
    asks = query[at + 1 : at + 5] == struct.pack(">HH", 1, 1)
    return (".".join(labels) if asks and labels else None), at + 5


def _reply(query: bytes, end: int, code: int, address: str | None) -> bytes:
    head = query[:2] + struct.pack(">HHHHH", 0x8180 | code, 1, 1 if address else 0, 0, 0)
    answer = b""
    if address:
        answer = struct.pack(">HHHIH", 0xC00C, 1, 1, _TTL_S, 4) + socket.inet_aton(address)
    return head + query[12:end] + answer
