"""What lives on the virtual board's home network: a name server at the gateway, and time servers at any address.

They are answered here, datagram by datagram, in simulated time: nothing goes out to the real world but the look-up of a
name that the world does not name.
"""

from __future__ import annotations

import re
import socket
import struct
import time
import zlib
from dataclasses import dataclass

from nameplate.sim.clock import SimClock
from nameplate.sim.radio import GATEWAY, HOST
from nameplate.sim.world import World

_NTP_EPOCH = 2_208_988_800  # 1970 in seconds since 1900
_NTP_PORT, _DNS_PORT = 123, 53
_NTP_US, _DNS_US = 30_000, 20_000  # there and back
_SERVER_FAILURE, _NO_SUCH_NAME, _REFUSED = 2, 3, 5
_TTL_S = 60
_LIE = 978_307_200  # 2001: before any release
_ODDS_S = 60  # what disagreeing time servers are apart
_POOL = re.compile(r"(?:(\d)\.)?(?:\w+\.)*pool\.ntp\.org")
_POOL_NET = "198.51.100."


@dataclass(frozen=True)
class Datagram:
    """One that comes back, so long after the question, from there."""

    delay_us: int
    host: str
    port: int
    data: bytes


class Lan:
    """`route` says where the host has what the board connects to; `serves` and `answer` are its own servers."""

    def __init__(self, clock: SimClock, world: World) -> None:
        self._clock = clock
        self._world = world
        self._started_unix = time.time()

    @staticmethod
    def route(host: str, port: int) -> tuple[str, int]:
        """This computer has an address in the home network too, which names may lead to."""
        return ("127.0.0.1", port) if host == HOST else (host, port)

    @staticmethod
    def serves(host: str, port: int) -> bool:
        """Whether a datagram to there is answered here."""
        return port == _NTP_PORT or (port == _DNS_PORT and host == GATEWAY)

    def unix(self) -> float:
        """The true time: what `clock` was set to, or the host's at the start, and the simulated time since."""
        base = float(self._world["clock"]) if self._world["clock"] not in ("", "none") else self._started_unix
        return base + (self._clock.now_us() - self._world.clock_set_us) / 1e6

    def asks_host(self, host: str, port: int, query: bytes) -> str | None:
        """The name of which the answer needs the host's own resolver, which may take long."""
        if port != _DNS_PORT or self._world["dns"] != "ok":
            return None
        name, _ = question(query)
        return name if name and self._named(name) is None else None

    def answer(self, host: str, port: int, query: bytes, found: str | None = None) -> list[Datagram]:
        """What comes back; `found` is what the host's resolver said, where it was asked."""
        if port == _NTP_PORT:
            return [Datagram(_NTP_US, host, port, data) for data in self._tell_time(host, query)]
        return [Datagram(_DNS_US, host, port, data) for data in self._tell_address(query, found)]

    # Time

    def _silent(self) -> bool:
        # At another pace than the real, the world's time and that of whoever judges a token run apart: there is none to tell
        # but what the world was given.
        clock = self._world["clock"]
        return (
            self._world["ntp"] == "dead" or clock == "none" or (not clock and self._clock.speed_milli != 1000)
        )

    def _tell_time(self, host: str, query: bytes) -> list[bytes]:
        if len(query) < 48 or self._silent():
            return []
        ntp = self._world["ntp"]
        now = self.unix() + _NTP_US / 2e6
        if ntp == "lies":
            now = _LIE
        elif ntp == "disagree" and int(host.rpartition(".")[2]) % 2:
            now += _ODDS_S
        seconds = now + _NTP_EPOCH
        stamp = struct.pack(">II", int(seconds) & 0xFFFFFFFF, int(seconds % 1 * (1 << 32)))
        version = query[0] & 0x38
        if ntp == "kod":
            return [
                struct.pack(">BBbbII4s", 0xC4 | version, 0, 6, -20, 0, 0, b"RATE")
                + bytes(8)
                + query[40:48]
                + stamp * 2
            ]
        head = struct.pack(">BBbbII4s", 4 | version, 2, 6, -20, 0, 0x1000, b"\x7f\0\0\1")
        return [head + stamp + query[40:48] + stamp + stamp]

    # Names

    def _named(self, name: str) -> str | None:
        """The address the world gives a name, or None."""
        for entry in self._world["names"].split(","):
            known, _, address = entry.strip().partition("=")
            if known and known.lower() == name.lower():
                return address or HOST
        pool = _POOL.fullmatch(name.lower())
        if pool:
            return _POOL_NET + str(
                10 + int(pool[1]) if pool[1] else 20 + zlib.crc32(name.lower().encode()) % 200
            )
        return None

    def _tell_address(self, query: bytes, found: str | None) -> list[bytes]:
        name, end = question(query)
        state = self._world["dns"]
        if name is None or state == "hang":
            return []
        if state in ("fail", "refuse"):
            return [_reply(query, end, _SERVER_FAILURE if state == "fail" else _REFUSED, None)]
        address = self._named(name) or found
        if state == "wrong":
            return _wrong(query, end)
        return [_reply(query, end, 0 if address else _NO_SUCH_NAME, address)]


def resolve(name: str) -> str | None:
    """The IPv4 address of a name, as the host knows it; it may take as long as the host's resolver does.

    What is on this computer is at its address in the home network.
    """
    try:
        address = str(socket.getaddrinfo(name, None, socket.AF_INET)[0][4][0])
    except (OSError, UnicodeError):
        return None
    return HOST if address.startswith("127.") else address


def question(query: bytes) -> tuple[str | None, int]:
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


def _wrong(query: bytes, end: int) -> list[bytes]:
    """What nobody should believe: another's number, another's question, an answer cut short, aliases in a ring."""
    good = _reply(query, end, 0, "203.0.113.66")
    ring = _reply(query, end, 0, None)[:6] + b"\0\1\0\0\0\0" + query[12:end]
    return [
        bytes((good[0] ^ 1,)) + good[1:],
        good[:14] + b"\x7f" + good[15:],
        good[: end - 3],
        ring + struct.pack(">HHHIHH", 0xC00C, 5, 1, _TTL_S, 2, 0xC00C),
    ]
