"""Made series with labelled anomalies, for judging the anomaly score: many kinds of normal, many of trouble.

All of it is simulated. A file's kinds, sizes and unit follow from its number alone, so a figure can be had again. Nothing
here was fitted to a recorded series: the kinds are what sensors of appliances, machines and servers are known to do.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass

STEP_S = 300
_DAY = 86400 // STEP_S


@dataclass(frozen=True)
class Series:
    """One file: `values[i]` was read at `at[i]` (Unix seconds), and `labels[i]` says whether trouble is marked there."""

    name: str
    at: list[int]
    values: list[str]
    labels: list[bool]


Shape = Callable[[int], float]  # the normal value at a row, in units of its own noise or swing


def _noise(rng: random.Random, count: int, keep: float) -> list[float]:
    """Noise of spread 1 that remembers `keep` of its last value."""
    found, last, fresh = [], 0.0, math.sqrt(1 - keep * keep)
    for _ in range(count):
        last = keep * last + fresh * rng.gauss(0, 1)
        found.append(last)
    return found


def _daily(rng: random.Random, count: int, weekly: bool) -> list[float]:
    """A day's shape of two harmonics, each day a little different, weekends weaker where `weekly`."""
    phase, second, third = rng.random() * 6.28, rng.uniform(0, 0.6), rng.uniform(0, 0.3)
    day_size = [1 + 0.12 * rng.gauss(0, 1) for _ in range(count // _DAY + 2)]
    start = rng.randrange(_DAY * 7)
    found = []
    for i in range(count):
        angle = 6.2832 * (i % _DAY) / _DAY + phase
        size = day_size[i // _DAY]
        if weekly and (i + start) // _DAY % 7 >= 5:
            size *= 0.45
        found.append(
            size * (math.sin(angle) + second * math.sin(2 * angle + 1) + third * math.sin(3 * angle + 2))
        )
    return found


def _bursts(rng: random.Random, count: int) -> list[float]:
    """Work that comes in jobs: mostly idle, sometimes busy for a few rows."""
    found: list[float] = []
    rate, size = rng.uniform(0.005, 0.06), rng.uniform(2, 8)
    while len(found) < count:
        if rng.random() < rate:
            found += [size * rng.uniform(0.4, 1.3)] * rng.randint(1, 5)
        found.append(0.0)
    return found[:count]


def _cycles(rng: random.Random, count: int) -> list[float]:
    """A compressor or a heater: a saw tooth between two limits."""
    rise, fall = rng.uniform(0.1, 0.6), rng.uniform(0.1, 0.6)
    found, value, rising = [], 0.0, True
    for _ in range(count):
        value += (rise if rising else -fall) * rng.uniform(0.8, 1.2)
        if value > 1.6:
            rising = False
        elif value < -1.6:
            rising = True
        found.append(value)
    return found


def _regimes(rng: random.Random, count: int) -> list[float]:
    """A few levels that are all normal, each held for hours."""
    levels = [rng.uniform(-2, 2) for _ in range(rng.randint(2, 4))]
    found: list[float] = []
    while len(found) < count:
        found += [rng.choice(levels)] * int(rng.expovariate(1 / rng.choice((24, 72, 150))) + 3)
    return found[:count]


def _wander(rng: random.Random, count: int) -> list[float]:
    """A slow walk that is drawn back: what weather and load do to a machine."""
    pull = 1 / rng.choice((200, 600, 1500))
    found, value = [], 0.0
    for _ in range(count):
        value += -pull * value + math.sqrt(2 * pull) * rng.gauss(0, 1)
        found.append(1.5 * value)
    return found


def _normal(rng: random.Random, count: int) -> tuple[str, list[float]]:
    """A kind of normal life and its rows."""
    kind = rng.choice(
        ("flat", "daily", "weekly", "bursts", "cycles", "regimes", "wander", "daily wander", "counts", "busy")
    )
    keep = rng.choice((0.0, 0.5, 0.9, 0.97))
    noise = _noise(rng, count, keep)
    size = rng.uniform(0.1, 0.6)
    base: list[float] = [0.0] * count
    if kind in ("daily", "weekly", "daily wander", "counts", "busy"):
        base = _daily(rng, count, kind in ("weekly", "counts"))
    if kind in ("bursts", "busy"):
        base = [a + b for a, b in zip(base, _bursts(rng, count), strict=True)]
    if kind in ("wander", "daily wander"):
        base = [a + b for a, b in zip(base, _wander(rng, count), strict=True)]
    if kind == "cycles":
        base = _cycles(rng, count)
    if kind == "regimes":
        base = _regimes(rng, count)
    rows = [a + size * b for a, b in zip(base, noise, strict=True)]
    if kind == "counts":
        top = rng.choice((3, 10, 40))
        rows = [float(max(0, round(top * (1.2 + a) + math.sqrt(top) * 0.4 * rng.gauss(0, 1)))) for a in base]
    if kind in ("flat", "bursts") and rng.random() < 0.4:
        rows = [a if rng.random() > 0.004 else a + rng.choice((-4, 5, 9)) * rng.random() for a in rows]
    if rng.random() < 0.6:
        _disturb(rng, rows)
    if rng.random() < 0.25:  # a season, or wear within tolerance
        slope = rng.uniform(-1.5, 1.5) / count
        rows = [a + slope * i for i, a in enumerate(rows)]
    return kind, rows


def _disturb(rng: random.Random, rows: list[float]) -> None:
    """What is unusual for minutes and no trouble: a door left open, a warm load, a job; some days livelier than others."""
    spread = _spread(rows)
    every, longest = rng.uniform(60, 900), rng.choice((3, 8, 20))
    at = rng.expovariate(1 / every)
    while at < len(rows) - longest:
        size = spread * rng.uniform(1, 5) * rng.choice((-1, 1, 1))
        length = rng.randint(1, longest)
        for i in range(length):
            rows[int(at) + i] += size * (1 - i / length)
        at += length + rng.expovariate(1 / every)
    lively = _noise(rng, len(rows), 0.997)
    share = rng.uniform(0.05, 0.25)
    for i, more in enumerate(lively):
        rows[i] += share * spread * math.exp(0.8 * more - 0.5) * rng.gauss(0, 1)


def _spread(rows: list[float]) -> float:
    ordered = sorted(rows)
    wide = ordered[len(ordered) * 9 // 10] - ordered[len(ordered) // 10]
    mean = sum(rows) / len(rows)
    return max(wide / 2, 0.7 * math.sqrt(sum((a - mean) ** 2 for a in rows) / len(rows)))


def _trouble(rng: random.Random, rows: list[float], first: int, length: int) -> str:
    """Spoil rows[first : first + length], and sometimes what comes after, in place. Returns what was done."""
    end = min(len(rows), first + length)
    spread = _spread(rows)
    size = spread * rng.choice((1.2, 1.8, 2.5, 4, 6)) * rng.choice((-1, 1))
    kind = rng.choice(
        ("shift", "shift", "ramp", "noise", "stuck", "dropout", "spikes", "season gone", "for good", "onset", "swing")
    )  # fmt: skip
    held = sum(rows[first:end]) / (end - first)
    period = rng.randint(4, 40)
    for i in range(first, end):
        part = (i - first) / (end - first)
        if kind in ("shift", "for good"):
            rows[i] += size * min(1.0, (i - first + 1) / 6)
        elif kind == "ramp":
            rows[i] += size * part
        elif kind == "noise":
            rows[i] += 0.5 * size * rng.gauss(0, 1)
        elif kind == "stuck":
            rows[i] = rows[first]
        elif kind == "dropout":
            rows[i] = min(rows[max(0, first - 2000) : first] or rows) - abs(size) * 0.3
        elif kind == "spikes":
            rows[i] += 1.5 * size if rng.random() < 0.08 else 0
        elif kind == "season gone":
            rows[i] = held + 0.25 * (rows[i] - held)
        elif kind == "onset":
            rows[i] += size * (0.25 if part < 0.8 else 1.2)
        else:
            rows[i] += 0.7 * size * math.sin(6.2832 * (i - first) / period)
    if kind == "for good":
        for i in range(end, len(rows)):
            rows[i] += size
    return kind


def _marked(
    rng: random.Random, marking: str, first: int, length: int, window: int, count: int
) -> tuple[int, int]:
    """The rows that somebody would mark for a trouble: itself, with hours around it, or a fixed window about its start."""
    if marking == "window":
        return max(0, first - window // 2), min(count, first + window // 2)
    around = rng.randint(24, 200) if marking == "generous" else 0
    return max(0, first - around), min(count, first + length + around)


def make(number: int) -> Series:
    """The series of that number: three weeks to ten, with one to four troubles of 2 hours to 3 days."""
    rng = random.Random(7919 * number + 17)
    count = rng.choice((4000, 4000, 6000, 9000))
    kind, rows = _normal(rng, count)
    labels = [False] * count
    troubles = []
    marking = rng.choice(("exact", "generous", "window"))
    first = rng.randint(count // 6, count // 2)
    most = rng.randint(1, 4)
    for _ in range(most):
        length = round(math.exp(rng.uniform(math.log(24), math.log(864))))
        if first + length + 300 > count:
            break
        troubles.append(_trouble(rng, rows, first, length))
        for i in range(*_marked(rng, marking, first, length, count // 10 // most, count)):
            labels[i] = True
        first += length + rng.randint(400, 2500)
    unit, offset, digits = (
        10 ** rng.choice((-2, 0, 1, 3, 6)),
        rng.choice((0, 0, 20, 70, 1000)),
        rng.choice((1, 2, 3, 6)),
    )
    values = [f"{(row + offset) * unit:.{digits + (3 if unit < 1 else 0)}f}" for row in rows]
    start = 1_700_000_000 + rng.randrange(7 * 86400)
    at = [start + i * STEP_S for i in range(count)]
    if rng.random() < 0.3:  # a recorder that was off for hours
        hole, off = rng.randint(300, count - 300), rng.randint(2, 600) * STEP_S
        at = [a if i < hole else a + off for i, a in enumerate(at)]
    return Series(f"{number}: {kind}; {', '.join(troubles)}", at, values, labels)


def many(count: int, first: int = 0) -> Iterator[Series]:
    """`count` series, from that number on."""
    for number in range(first, first + count):
        yield make(number)
