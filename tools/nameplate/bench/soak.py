"""What the agent's heap has grown by after 10,000 heartbeats, 1,000 reconnects and 10,000 console lines.

The firmware of the image, on the virtual board with a real broker; one more task, put into the image for this, collects
garbage and prints what is still allocated while nothing is being signed. It is read when console and log have put away
what they needed. Objects are those of a 64-bit interpreter, twice as large as a chip's.
`python -m nameplate.bench.soak` prints the figures alone.
"""

from __future__ import annotations

import itertools
import json
import random
import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from nameplate.bench.figure import figure
from nameplate.bench.house import House, until
from nameplate.errors import NameplateError
from nameplate.sim.board import VirtualBoard

DEFAULT = False  # some twenty minutes

# What may differ between two looks though nothing is lost: a list or a table that was doubled to take one more, the
# token that left last, a look while one is made. A leak of one object each time would be 300,000.
LIMIT_BYTES = 512
_PERIOD_S = 2  # what signs is put away a second or two after a token
_REST_MS = 5_000  # the console forgets who answers 3 s after the last byte
_FLUSH_MS = 31_000  # the log's lines wait in memory for half a minute
_TELL_MS = 4_100  # no multiple of the heartbeats' period
_LOOKS = 4
_HEAP = re.compile(r"HEAP (\d+)\r\n")
_TELLS = f"""
import gc
import sys

_Agent = Agent

class Agent(_Agent):
    async def housekeeping(self, alive):
        asyncio.create_task(_tell_heap())
        await _Agent.housekeeping(self, alive)

async def _tell_heap():
    while True:
        await asyncio.sleep_ms({_TELL_MS})
        while "lib.p256_sign" in sys.modules:
            await asyncio.sleep_ms(100)
        gc.collect()
        print("HEAP", gc.mem_alloc())
"""
_LINES_AT_ONCE = 50  # then the console is left alone until it has put everything away
_LINE_MS = 250  # the longest answer, to `read`, is 2,500 bytes: 220 ms on the line
_TRIES = 3  # while flash is erased, what the line brings beyond 259 bytes is lost, as on a chip
_LATEST = 4_000  # letters of what was said
_COMMANDS = (
    "id",
    "warranty",
    "sensors",
    "faults",
    "log",
    "sent",
    "consent",
    "version",
    "help",
    "wat",
    "consent all",
)
_METHODS = (
    "read",
    "id",
    "warranty",
    "sensors",
    "faults",
    "sent",
    "version",
    "read",
    "no_such_method",
    "help",
)
_NONCE = "bm9uY2Utbm9uY2U"
_NOISE = b'abc{}[]",:\r\x00\xff\xc3 0123'
_LONG = 700  # bytes; the console takes lines of 512


@dataclass(frozen=True)
class Extent:
    """How much is done of each kind, and how much before the first look."""

    heartbeats: int = 10_000
    reconnects: int = 1_000
    lines: int = 10_000
    warm_heartbeats: int = 100
    warm_reconnects: int = 20
    warm_lines: int = 200


_QUICK = Extent(60, 10, 200, 5, 2, 30)
_KICKED_EVERY = 10  # reconnects: one of so many is the broker's doing, the others are the network's


def measure(quick: bool = False, tell: Callable[[str], None] | None = None) -> Iterator[dict[str, Any]]:
    """Yield the bytes grown by each kind of work, and the heap held at last. `tell` hears how far it is.

    Raises NameplateError when the unit did not do the work: a heartbeat that did not arrive, a connection that was not
    taken up again, a console that did not answer, a reset.
    """
    yield from soak(_QUICK if quick else Extent(), tell or _say)


def soak(extent: Extent, tell: Callable[[str], None], more: str = "") -> Iterator[dict[str, Any]]:
    """As `measure`; `more` is Python that stands at the end of firmware.agent."""
    with House(period_s=_PERIOD_S) as house:
        tells_its_heap(house.unit.path, more)
        with house.switch_on(seed=1) as board:
            unit = _Unit(house, board, tell)
            unit.heartbeats(extent.warm_heartbeats)
            unit.reconnects(extent.warm_reconnects)
            unit.lines(extent.warm_lines)
            held = first = unit.heap()
            for kind, work, count in (
                ("heartbeats", unit.heartbeats, extent.heartbeats),
                ("reconnects", unit.reconnects, extent.reconnects),
                ("console lines", unit.lines, extent.lines),
            ):
                work(count)
                now = unit.heap()
                yield _grown(f"heap grown by {count:,} {kind}", now - held)
                held = now
            yield _grown("heap grown by all of them", held - first)
            yield figure("heap held by the agent at last, 64-bit objects", held, "bytes", simulated=True)
            yield figure("simulated time of the soak", board.now_ms // 60_000, "minutes", simulated=True)


def _grown(metric: str, grown: int) -> dict[str, Any]:
    # Less than before is no growth: the ratio of a limit says how near it is, and is never below nothing.
    return {
        **figure(metric, grown, "bytes", LIMIT_BYTES, simulated=True),
        "ratio": round(max(grown, 0) / LIMIT_BYTES, 3),
    }


def tells_its_heap(flash: Path, more: str = "") -> None:
    """Put the task that prints the heap into the active slot of a unit's flash."""
    from nameplate.factory import partitions, sources
    from nameplate.factory.code import Code
    from nameplate.factory.littlefs_image import FileSystem

    data = bytearray(flash.read_bytes())
    place = slice(partitions.VFS.offset, partitions.VFS.end)
    system = FileSystem(bytes(data[place]))
    for path, content in Code(sources.device_root(), append={"firmware/agent": _TELLS + more}).files():
        system.write(f"/a/{path}", content)
    data[place] = system.image()
    flash.write_bytes(data)


class _Unit:
    """A unit at work, and what it is put through."""

    def __init__(self, house: House, board: VirtualBoard, tell: Callable[[str], None]) -> None:
        self._house = house
        self._board = board
        self._tell = tell
        self._chance = random.Random(1)
        self._ids = itertools.count(1)
        until(board, "connection to the broker", _online)

    def heap(self) -> int:
        """The bytes allocated, at rest: the least of some looks, since one may fall in the midst of a heartbeat."""
        self._board.run(_FLUSH_MS)
        self._board.run(_LOOKS * _TELL_MS * 3 // 2)
        starts = [event.detail for event in self._board.events if event.kind == "boot"]
        if starts != ["power"]:
            raise NameplateError(f"the unit was reset: {', '.join(starts)}", "report this")
        return min(int(text) for text in _HEAP.findall(self._board.transcript)[-_LOOKS:])

    def heartbeats(self, count: int) -> None:
        """So many that arrive, and are genuine."""
        wanted = self._house.count("heartbeat") + count
        end = self._board.now_ms + 2 * 1000 * _PERIOD_S * count + 60_000
        while (missing := wanted - self._house.count("heartbeat")) > 0:
            if self._board.now_ms > end:
                raise NameplateError(f"{missing} of {count} heartbeats did not arrive", "report this")
            self._board.run(1000 * _PERIOD_S * min(missing, 500))
            self._tell(f"{count - missing:,} of {count:,} heartbeats")

    def reconnects(self, count: int) -> None:
        """The connection is lost and taken up again, so many times; most because of the network, some by the broker."""
        births = self._house.count("status", state="online")
        for number in range(count):
            if number % 50 == 0:
                self._tell(f"{number:,} of {count:,} reconnects")
            if number % _KICKED_EVERY == _KICKED_EVERY - 1:
                self._kick()
            else:
                self._board.set("wifi", "gone")
                until(self._board, "end of the network", lambda board: not _online(board))
                self._board.set("wifi", "up")
            until(self._board, "connection to the broker", _online)
        self._board.run(5_000)
        came = self._house.count("status", state="online") - births
        if came < count:
            raise NameplateError(f"{count} reconnects, but {came} births", "report this")

    def _kick(self) -> None:
        """The broker lets go of the unit for somebody else of its name."""
        client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=self._house.unit.ueid)
        client.connect("127.0.0.1", self._house.port)
        client.loop_start()
        until(self._board, "end of the connection", lambda board: not _online(board))
        client.disconnect()
        client.loop_stop()

    def lines(self, count: int) -> None:
        """So many lines, most of which mean something, some noise, some too long; the console answers between them."""
        for number in range(count):
            if number % _LINES_AT_ONCE == 0:
                self._board.run(_REST_MS)
                if number % 500 == 0:
                    self._tell(f"{number:,} of {count:,} console lines")
            line, answer = self._line(number)
            for _ in range(_TRIES):
                self._board.send(line)
                self._board.run(_LINE_MS)
                said = _HEAP.sub("", self._board.transcript[-_LATEST:])
                if answer in said:
                    break
                line = b"\n" + line
            else:
                raise NameplateError(f"no answer to {line[:60]!r}: {said[-200:]!r}", "report this")

    def _line(self, number: int) -> tuple[bytes, str]:
        """A line, and what its answer holds where that is its own."""
        kind = number % 10
        if kind < 4:
            return f"{self._chance.choice(_COMMANDS)}\n".encode(), ""
        if kind < 8:
            method, call = self._chance.choice(_METHODS), next(self._ids)
            params = {"nonce": _NONCE} if method == "read" else {}
            request = {"jsonrpc": "2.0", "id": call, "method": method, "params": params}
            return json.dumps(request).encode() + b"\n", f'"id":{call},'
        noise = bytes(self._chance.choices(_NOISE, k=self._chance.randrange(1, 200)))
        if kind == 8:
            return noise + b"\n", ""
        return self._chance.choice((b"", b"{", b"[")) + b"x" * _LONG + b"\n", ""


def _online(board: VirtualBoard) -> bool:
    return board.panel[3].startswith("online")


def _say(text: str) -> None:
    sys.stderr.write(f"... soak: {text}\n")


if __name__ == "__main__":
    for row in measure("--quick" in sys.argv):
        sys.stdout.write(json.dumps(row) + "\n")
