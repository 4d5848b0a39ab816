"""How many bytes a unit sends: heartbeats, events, statuses and replies, each as the whole token that goes out.

`python -m nameplate.bench.heartbeat` prints the figures alone.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from nameplate.bench import script
from nameplate.bench.figure import figure
from nameplate.bench.house import House, ask
from nameplate.factory import comb

FOUR_READINGS_LIMIT = 700
_NONCE = "A" * 22  # as long as those of `nameplate read`: 16 bytes


def measure() -> Iterator[dict[str, Any]]:
    """Yield the figures; takes some seconds. Raises NameplateError when the firmware does not send what it should."""
    sizes = _most()
    yield figure(
        "heartbeat, four readings at their extremes",
        sizes["usual"],
        "bytes",
        FOUR_READINGS_LIMIT,
        simulated=False,
    )
    for metric, size in (
        ("heartbeat, four readings at their extremes, the longest names", sizes["longest"]),
        ("heartbeat, four readings at their extremes, and eight losses", sizes["losses"]),
        ("heartbeat, four readings at their extremes, first of a boot", sizes["first"]),
    ):
        yield figure(metric, size, "bytes", simulated=False)
    for metric, size in _sent():
        yield figure(metric, size, "bytes", simulated=True)


def _most() -> dict[str, int]:
    with tempfile.TemporaryDirectory() as folder:
        table = comb.write(Path(folder) / "p256_comb.bin")
        sizes: dict[str, int] = script.run("heartbeat", "heartbeat", str(table))
    return sizes


def _sent() -> Iterator[tuple[str, int]]:
    """What one virtual fridge sends and answers in its first half minute, a leak among it."""
    with House(period_s=10) as house, house.switch_on() as board:
        house.until_heard(board, "heartbeat", 2)
        first, second = house.heard("heartbeat")[:2]
        yield "heartbeat of the fridge, first of a boot", len(first.payload)
        yield "heartbeat of the fridge", len(second.payload)
        yield "birth of the fridge", len(house.heard("status")[0].payload)
        _, line = ask(board, "read", json.dumps({"nonce": _NONCE}))
        yield "reply to read", len(json.loads(line)["result"]["reply"])
        yield "answer to read, the whole line on the wire", len(line) + 2
        board.set("leak", "wet")
        house.until_heard(board, "event", 1)
        yield "event of the fridge", len(house.heard("event")[0].payload)
        _, line = ask(board, "read", json.dumps({"nonce": _NONCE}))
        yield "reply to read, with a leak", len(json.loads(line)["result"]["reply"])


if __name__ == "__main__":
    for row in measure():
        sys.stdout.write(json.dumps(row) + "\n")
