"""How well numbers rank marked rows before the others: no threshold, no unit, ties count half."""

from __future__ import annotations

import math
from collections.abc import Sequence


def roc_auc(scores: Sequence[float], labels: Sequence[bool]) -> float:
    """The probability that a marked row has a higher score than another; nan when all rows are alike."""
    positives = sum(labels)
    negatives = len(labels) - positives
    if not positives or not negatives:
        return math.nan
    won = below = 0.0
    for marked, others in _levels(scores, labels):
        won += marked * (below + others / 2)
        below += others
    return won / (positives * negatives)


def pr_auc(scores: Sequence[float], labels: Sequence[bool]) -> float:
    """The average precision: over all thresholds, how much of what is above them is marked; nan when nothing is."""
    positives = sum(labels)
    if not positives:
        return math.nan
    found = taken = 0
    total = 0.0
    for marked, others in reversed(_levels(scores, labels)):
        found += marked
        taken += marked + others
        total += marked / positives * found / taken
    return total


def best_f1(scores: Sequence[float], labels: Sequence[bool]) -> float:
    """The best harmonic mean of precision and recall that any threshold gives."""
    positives = sum(labels)
    found = taken = 0
    best = 0.0
    for marked, others in reversed(_levels(scores, labels)):
        found += marked
        taken += marked + others
        best = max(best, 2 * found / (taken + positives))
    return best


def _levels(scores: Sequence[float], labels: Sequence[bool]) -> list[tuple[int, int]]:
    """(marked, others) of each distinct score, the lowest first."""
    found: list[tuple[int, int]] = []
    last: float | None = None
    for score, label in sorted(zip(scores, labels, strict=True), key=lambda pair: pair[0]):
        if last is None or score != last:
            found.append((0, 0))
            last = score
        marked, others = found[-1]
        found[-1] = (marked + label, others + (not label))
    return found
