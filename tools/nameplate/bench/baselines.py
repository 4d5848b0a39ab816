"""What the anomaly score is measured against: four simple streaming detectors, in floating point, on the host.

Each gives one size a row from the past alone. All are smoothed over the same four hours as the score, on the same
logarithmic scale, which helps each of them.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterable, Iterator

_DAY = 288
_SMOOTH = 48

Baseline = Callable[[Iterable[float]], Iterator[float]]


def z_score(values: Iterable[float]) -> Iterator[float]:
    """Distance from the mean of all the past, in its standard deviations."""
    mean = squares = 0.0
    for count, value in enumerate(values):
        deviation = math.sqrt(squares / count) if count else 0.0
        yield abs(value - mean) / deviation if deviation else 0.0
        away = value - mean
        mean += away / (count + 1)
        squares += away * (value - mean)


def ewma_z_score(values: Iterable[float]) -> Iterator[float]:
    """Distance from an exponentially weighted mean of about a day, in standard deviations of about ten days."""
    mean = variance = 0.0
    for count, value in enumerate(values):
        away = value - mean if count else 0.0
        yield abs(away) / math.sqrt(variance) if variance else 0.0
        mean += (value - mean) * max(1 / _DAY, 1 / (count + 1))
        variance += (away * away - variance) * max(0.1 / _DAY, 1 / (count + 1))


def seasonal_naive(values: Iterable[float]) -> Iterator[float]:
    """Distance from the value a day (288 rows) ago, in the mean of such distances."""
    past: list[float] = []
    mean = 0.0
    for count, value in enumerate(values):
        if len(past) < _DAY:
            past.append(value)
            yield 0.0
            continue
        place = count % _DAY
        away = abs(value - past[place])
        past[place] = value
        yield away / mean if mean else 0.0
        mean += (away - mean) / (count - _DAY + 1)


def half_space_trees(values: Iterable[float]) -> Iterator[float]:
    """Rarity by mass in 15 random half-space trees over (value, mean of two hours, last movement), a day's window each."""
    rng = random.Random(1)
    depth, window = 7, 250
    ranges = _Ranges(3)
    trees = [_Tree(rng, depth, 3) for _ in range(15)]
    mean = 0.0
    last: float | None = None
    for count, value in enumerate(values):
        mean += (value - mean) * max(1 / 24, 1 / (count + 1))
        point = ranges.scaled((value, mean, 0.0 if last is None else value - last))
        last = value
        mass = sum(tree.mass(point) for tree in trees)
        yield math.log2(1 + 15 * window * 2**depth / (mass + 1)) if count >= window else 0.0
        if count % window == window - 1:
            for tree in trees:
                tree.turn()


class _Ranges:
    """Each dimension's own past range as -0.5..1.5: what is beyond it falls into the outermost halves."""

    def __init__(self, count: int) -> None:
        self._low = [math.inf] * count
        self._high = [-math.inf] * count

    def scaled(self, point: tuple[float, ...]) -> list[float]:
        found = []
        for i, value in enumerate(point):
            self._low[i], self._high[i] = min(self._low[i], value), max(self._high[i], value)
            span = self._high[i] - self._low[i]
            found.append((value - self._low[i]) / span if span else 0.5)
        return found


class _Tree:
    def __init__(self, rng: random.Random, depth: int, dimensions: int) -> None:
        self._depth = depth
        nodes = 1 << depth
        self._dimension = [rng.randrange(dimensions) for _ in range(nodes)]
        self._at = [0.0] * nodes
        self._cut(rng, 1, [(0.0, 1.0)] * dimensions)
        self._reference = [0] * (2 * nodes)
        self._latest = [0] * (2 * nodes)

    def _cut(self, rng: random.Random, node: int, box: list[tuple[float, float]]) -> None:
        if node >= len(self._at):
            return
        dimension = self._dimension[node]
        low, high = box[dimension]
        self._at[node] = at = low + (high - low) * rng.uniform(0.3, 0.7)
        for child, side in ((2 * node, (low, at)), (2 * node + 1, (at, high))):
            self._cut(rng, child, [*box[:dimension], side, *box[dimension + 1 :]])

    def mass(self, point: list[float]) -> float:
        node, level = 1, 0
        while level < self._depth:
            node = 2 * node + (point[self._dimension[node]] >= self._at[node])
            level += 1
        self._latest[node] += 1
        return float(self._reference[node] * 2**self._depth)

    def turn(self) -> None:
        self._reference, self._latest = self._latest, [0] * len(self._latest)


BASELINES: dict[str, Baseline] = {
    "z-score over the past": z_score,
    "EWMA z-score": ewma_z_score,
    "seasonal naive": seasonal_naive,
    "half-space trees": half_space_trees,
}


def smoothed(sizes: Iterable[float]) -> list[float]:
    """The logarithm of each size, smoothed over four hours of rows."""
    found, last = [], 0.0
    for size in sizes:
        last += (math.log2(1 + size) - last) / _SMOOTH
        found.append(last)
    return found
