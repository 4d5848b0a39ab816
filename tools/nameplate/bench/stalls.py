"""Whether the alarm sounds in time while all around it fails: names, the broker, flash, the console; and the one exception.

Water comes at random moments, most of them while the unit joins, connects or writes. Simulated time: a processor is
infinitely quick, and what counts is when tasks look, wait and are held up. In the exception, the computing inside a TLS
handshake, everything is held for as long as a chip computes (the world's `tls_ms`, one second).
`python -m nameplate.bench.stalls` prints the figures alone.
"""

from __future__ import annotations

import contextlib
import json
import multiprocessing
import os
import random
import socket
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from nameplate.bench.figure import figure, percentile
from nameplate.bench.house import House, until
from nameplate.broker import EmbeddedBroker, ServerTls
from nameplate.errors import NameplateError
from nameplate.factory.broker_tls import CA_FILE, Authority, write_pair
from nameplate.sim.board import VirtualBoard

DEFAULT = False  # some minutes

LIMIT_MS = 150
# What DESIGN allows the exception: 1.5 s of computing, and then the alarm's own time.
EXCEPTION_LIMIT_MS = 1500 + LIMIT_MS
PROBES = 200
_SEEDS = 4
_HOST = "broker.example"
_CA_HOST = "127.0.0.1"
_STEP_MS = 20
_LINE_RATE = 11520  # bytes a second at 115,200 baud
_PATIENCE_MS = 5_000
_JOIN_MS = 60_000


class Peer:
    """A TCP server on loopback that takes every connection, and does no more than `greet` does with each."""

    def __init__(self, greet: Callable[[socket.socket], None] = lambda line: None) -> None:
        self._greet = greet
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._server.getsockname()[1])
        self.taken = 0
        self._lines: list[socket.socket] = []
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                line, _ = self._server.accept()
                self.taken += 1
                self._lines.append(line)
                with contextlib.suppress(OSError):
                    self._greet(line)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        for line in [self._server, *self._lines]:
            line.close()


def stops_reading(line: socket.socket) -> None:
    """A broker that lets a unit in, takes its subscription, and never reads again; the window for more is small."""
    line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
    line.settimeout(10)
    _packet(line)
    line.sendall(b"\x20\x02\0\0")
    line.sendall(b"\x90\x03" + _packet(line)[:2] + b"\0")


def _packet(line: socket.socket) -> bytes:
    """The body of the next MQTT packet."""
    _exactly(line, 1)
    length, shift = 0, 0
    while True:
        (byte,) = _exactly(line, 1)
        length |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            return _exactly(line, length)


def _exactly(line: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        more = line.recv(size - len(data))
        if not more:
            raise OSError("closed")
        data += more
    return data


@dataclass
class Adversity:
    """One thing that goes wrong: the `world`, the unit's `fields`, and whether the network comes anew before each probe.

    `flood`: the console is written to without a pause. The water comes within `within_ms`. `limit_ms` is that of p99.
    """

    name: str
    world: dict[str, object] = field(default_factory=dict)
    fields: dict[str, Any] = field(default_factory=dict)
    rejoins: bool = False
    flood: bool = False
    within_ms: int = 4_000
    limit_ms: int = LIMIT_MS


@contextlib.contextmanager
def adversities() -> Iterator[dict[str, Adversity]]:
    """All of them by name, with the servers that some need; the last is the declared exception."""
    with contextlib.ExitStack() as exits:
        folder = Path(exits.enter_context(tempfile.TemporaryDirectory(prefix="nameplate-stalls-")))
        authority = Authority.make(folder / "ca")
        certificate, key = folder / "broker.pem", folder / "broker-key.pem"
        write_pair(authority.server([_HOST, _CA_HOST]), certificate, key)
        ca = {"broker_ca": str(folder / "ca" / CA_FILE)}
        secure = exits.enter_context(EmbeddedBroker(tls=ServerTls(certificate, key)))
        mute, deaf = exits.enter_context(Peer()), exits.enter_context(Peer(stops_reading))
        names: dict[str, object] = {"names": _HOST}
        found = (
            Adversity("DNS that hangs", {"dns": "hang"}, {"broker_url": f"mqtt://{_HOST}:1883"}, rejoins=True),
            Adversity("TCP into a black hole", {"broker": "black_hole"}, rejoins=True),
            Adversity("TLS that stays silent", names, {"broker_url": f"mqtts://{_HOST}:{mute.port}", **ca}, rejoins=True),
            Adversity("a broker that stops reading", {}, {"broker_url": f"mqtt://127.0.0.1:{deaf.port}"}, rejoins=True),
            Adversity("flash erases of 100 ms", {"flash_erase_ms": 100}, {"period_s": 1}, within_ms=1_500),
            Adversity("a flooded console", flood=True, within_ms=1_500),
            Adversity(
                "all of these at once", {"dns": "hang", "flash_erase_ms": 100},
                {"broker_url": f"mqtt://{_HOST}:1883", "period_s": 2}, rejoins=True, flood=True,
            ),
            Adversity(
                "the computing in a TLS handshake", {"clock": "none"}, {"broker_url": f"mqtts://127.0.0.1:{secure.port}", **ca},
                rejoins=True, within_ms=1_500, limit_ms=EXCEPTION_LIMIT_MS,
            ),
        )  # fmt: skip
        yield {one.name: one for one in found}


def measure(quick: bool = False) -> Iterator[dict[str, Any]]:
    """Yield p99 and the worst of 200 alarms under each adversity. Raises NameplateError when an alarm never sounds."""
    with adversities() as known:
        work = [(one, seed) for one in known.values() for seed in range(1 if quick else _SEEDS)]
        each = 5 if quick else PROBES // _SEEDS
        spawn = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(min(len(work), os.cpu_count() or 1), spawn) as pool:
            results = list(pool.map(probed, *zip(*((one, seed, each) for one, seed in work), strict=True)))
        for name, one in known.items():
            delays = [
                delay
                for (which, _), (found, _) in zip(work, results, strict=True)
                if which is one
                for delay in found
            ]
            lags = [
                lag
                for (which, _), (_, told) in zip(work, results, strict=True)
                if which is one
                for lag in told
            ]
            yield figure(
                f"probe to alarm, {name}, p99", percentile(delays, 99), "ms", one.limit_ms, simulated=True
            )
            yield figure(f"probe to alarm, {name}, worst of {len(delays)}", max(delays), "ms", simulated=True)
            if lags:
                yield figure(
                    f"longest that the loop stood still, as heartbeats tell, {name}",
                    max(lags),
                    "ms",
                    simulated=True,
                )


def probed(adversity: Adversity, seed: int, probes: int) -> tuple[list[int], list[int]]:
    """The milliseconds from water to alarm, each time, and the worst loop lags (ms) in those heartbeats that arrived.

    That of a start, whose lag is the start's own, is left out.
    """
    with (
        House(**{"period_s": 10, **adversity.fields}) as house,
        house.switch_on(seed=seed, world=adversity.world) as board,
    ):
        delays = sweep(board, adversity, random.Random(f"{adversity.name} {seed}"), probes)
        beats = [message.verdict.claims or {} for message in house.heard("heartbeat")]
        return delays, [int(claims["lag"]) for claims in beats if claims["seq"]]


def sweep(board: VirtualBoard, adversity: Adversity, chance: random.Random, probes: int) -> list[int]:
    """Milliseconds from water to alarm, so many times, on a board that was just switched on under that adversity."""
    delays = []
    run = Runner(board, chance)
    board.run(3_000)
    for _ in range(probes):
        if adversity.rejoins:
            board.set("wifi", "up")
            until(board, "network", lambda known: known.engine.radio.linked)
        delays.append(run.water(chance.randrange(adversity.within_ms), adversity.flood))
        board.set("leak", "dry")
        if adversity.rejoins:
            board.set("wifi", "gone")
        run.until(lambda: not board.alarm, 30_000)
    return delays


class Runner:
    """Lets time pass on a board; with `flood`, its console is written to all the while, as fast as the line is."""

    def __init__(self, board: VirtualBoard, chance: random.Random) -> None:
        self._board = board
        self._chance = chance

    def until(self, condition: Callable[[], bool], timeout_ms: int, flood: bool = False) -> bool:
        """Until the condition holds (True), or for so many simulated milliseconds."""
        if not flood:
            return self._board.wait(lambda _: condition(), timeout_ms)
        end = self._board.now_ms + timeout_ms
        while self._board.now_ms < end:
            self._board.send(
                bytes(self._chance.choices(b'abc{}[]",:\n\r\x00\xff 0123', k=_LINE_RATE * _STEP_MS // 1000))
            )
            if self._board.wait(lambda _: condition(), min(_STEP_MS, end - self._board.now_ms)):
                return True
        return False

    def water(self, after_ms: int, flood: bool = False) -> int:
        """Water at the probe in so many simulated milliseconds; how long the alarm takes then. NameplateError if for ever.

        The moment is set beforehand: whoever waits for it and pours then would always come when the loop runs again.
        """
        board = self._board
        moment = board.now_ms + after_ms
        board.at(moment, "leak", "wet")
        if not self.until(lambda: board.alarm, after_ms + _PATIENCE_MS, flood):
            raise NameplateError("no alarm within five seconds", "report this")
        alarms = (
            event.at_ms for event in reversed(board.events) if (event.kind, event.detail) == ("alarm", "on")
        )
        return next(alarms) - moment


if __name__ == "__main__":
    for row in measure("--quick" in sys.argv):
        sys.stdout.write(json.dumps(row) + "\n")
