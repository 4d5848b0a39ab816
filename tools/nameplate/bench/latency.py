"""How long until the alarm sounds, the event is verified, the console answers: the real firmware on a virtual board.

In simulated time a processor is infinitely quick: what counts is when tasks look, wait and are held up. The figures
"at the pace of this machine" are from real time, and have this machine's processor time in them, not a chip's.
`python -m nameplate.bench.latency` prints the figures alone.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import random
import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from nameplate.bench.figure import p50_and_p99
from nameplate.bench.house import FINE_MS, House, ask, until
from nameplate.sim.board import VirtualBoard

ALARM_LIMIT_MS = 150
_SEEDS = 4
_LEAKS = 50  # for each seed, half of them with a broker and half without
_BOOTS = 5  # for each seed
_REAL_BOOTS = 20
_PHASE_MS = 3000
# How the network fails, one way for each seed in turn.
_CUT_OFF = (("broker", "silent"), ("wifi", "gone"))


@dataclass
class Samples:
    """Simulated milliseconds, by what was measured."""

    boot: list[float] = field(default_factory=list)
    alarm: list[float] = field(default_factory=list)
    alarm_cut_off: list[float] = field(default_factory=list)
    event: list[float] = field(default_factory=list)

    def add(self, other: Samples) -> None:
        """Take in those of another run."""
        for name, values in vars(other).items():
            getattr(self, name).extend(values)


def measure(quick: bool = False) -> Iterator[dict[str, Any]]:
    """Yield the figures of 200 leaks and 40 starts. Raises NameplateError when something did not come about at all."""
    samples = Samples()
    if quick:
        samples = stepped(0, leaks=4, boots=2)
    else:
        spawn = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(min(_SEEDS, os.cpu_count() or 1), spawn) as pool:
            for found in pool.map(stepped, range(_SEEDS)):
                samples.add(found)
    yield from p50_and_p99("probe to alarm", samples.alarm, "ms", ALARM_LIMIT_MS)
    yield from p50_and_p99(
        "probe to alarm, broker silent or Wi-Fi gone", samples.alarm_cut_off, "ms", ALARM_LIMIT_MS
    )
    yield from p50_and_p99("probe to verified event", samples.event, "ms")
    yield from p50_and_p99("boot to first console answer", samples.boot, "ms")
    paced = in_real_time(2 if quick else _REAL_BOOTS)
    yield from p50_and_p99("boot to first console answer, at the pace of this machine", paced.boot, "ms")
    yield from p50_and_p99("probe to alarm, at the pace of this machine", paced.alarm, "ms")


def stepped(seed: int, leaks: int = _LEAKS, boots: int = _BOOTS) -> Samples:
    """One seed's samples, in simulated time only."""
    samples = Samples()
    chance = random.Random(seed)
    with House() as house:
        for boot in range(boots):
            with house.switch_on(seed=100 * seed + boot) as board:
                samples.boot.append(ask(board, "version")[0])
        with house.switch_on(seed=seed) as board:
            house.until_heard(board, "heartbeat", 1)
            for number in range(leaks // 2):
                moment = _pour(board, chance)
                until(board, "alarm", lambda known: known.alarm)
                samples.alarm.append(_alarm_at(board) - moment)
                samples.event.append(house.until_heard(board, "event", 2 * number + 1, FINE_MS) - moment)
                _dry(board)
                house.until_heard(board, "event", 2 * number + 2)
            board.set(*_CUT_OFF[seed % 2])
            for _ in range(leaks - leaks // 2):
                moment = _pour(board, chance)
                until(board, "alarm", lambda known: known.alarm)
                samples.alarm_cut_off.append(_alarm_at(board) - moment)
                _dry(board)
    return samples


def in_real_time(boots: int) -> Samples:
    """Starts, each followed by a leak, in real time: simulated milliseconds are this machine's own."""
    samples = Samples()
    chance = random.Random(boots)
    with House() as house:
        for boot in range(boots):
            with house.switch_on(seed=boot, speed=1.0, stepped=False) as board:
                samples.boot.append(ask(board, "version")[0])
                board.run(400 + chance.randrange(400))
                moment = _pour(board)
                until(board, "alarm", lambda known: known.alarm)
                samples.alarm.append(_alarm_at(board) - moment)
    return samples


def _pour(board: VirtualBoard, chance: random.Random | None = None) -> int:
    """Water, at any phase of what the board does; returns the moment in simulated ms.

    It is set beforehand: whoever waits for it and pours then would always come when the loop runs again.
    """
    moment = board.now_ms + (chance.randrange(_PHASE_MS) if chance is not None else 1)
    board.at(moment, "leak", "wet")
    return moment


def _alarm_at(board: VirtualBoard) -> int:
    return next(
        event.at_ms for event in reversed(board.events) if (event.kind, event.detail) == ("alarm", "on")
    )


def _dry(board: VirtualBoard) -> None:
    board.set("leak", "dry")
    until(board, "end of the alarm", lambda known: not known.alarm)


if __name__ == "__main__":
    for row in measure("--quick" in sys.argv):
        sys.stdout.write(json.dumps(row) + "\n")
