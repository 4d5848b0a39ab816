"""How well the device's anomaly score ranks troubled rows of made series, beside simple detectors. SIMULATED series.

The series are those of series.py from number 1000 on: the score's constants were chosen on numbers below. Each runs
through firmware/diagnosis/score.py on MicroPython, as `nameplate replay --score` does it; the simple detectors run here.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Sequence
from statistics import mean
from typing import Any

from nameplate.bench.baselines import BASELINES, smoothed
from nameplate.bench.figure import figure, percentile
from nameplate.bench.ranking import best_f1, pr_auc, roc_auc
from nameplate.bench.series import Series, many
from nameplate.replay.interpreter import DeviceCode
from nameplate.replay.numbers import Unit, decimal

DEFAULT = False
_FIRST = 1000
_FILES = 120


def measure(quick: bool = False) -> Iterator[dict[str, Any]]:
    """Yield the figures over 120 series, or 12. Raises NameplateError when the interpreter cannot run."""
    files = list(many(_FILES // 10 if quick else _FILES, _FIRST))
    started = time.monotonic()
    found = [device_scores(series) for series in files]
    seconds = time.monotonic() - started
    yield figure("made series", len(files), "files", simulated=True)
    yield figure("rows", sum(len(scores) for scores in found), "rows", simulated=True)
    yield from _ranking("the device's score", found, files)
    for name, baseline in BASELINES.items():
        sizes = [smoothed(baseline(float(value) for value in series.values)) for series in files]
        yield from _ranking(name, sizes, files)
    calm = [
        s
        for scores, file in zip(found, files, strict=True)
        for s, bad in zip(scores, file.labels, strict=True)
        if not bad
    ]
    for percent in (50, 90, 99):
        yield figure(f"score of unmarked rows, p{percent}", percentile(calm, percent), "of 1", simulated=True)
    rows = sum(len(scores) for scores in found)
    yield figure("time for each row on this machine", 1e6 * seconds / rows, "us", simulated=False)


def device_scores(series: Series) -> list[float]:
    """The score of each row, from the device's code on MicroPython."""
    with DeviceCode[None]("score") as device:
        return [
            int(answer) / 1000 for _, answer in device.feed(_lines(series), live=False) if answer is not None
        ]


def _lines(series: Series) -> Iterator[tuple[None, str]]:
    unit = Unit()
    before = series.at[0]
    for at, value in zip(series.at, series.values, strict=True):
        yield None, f"{unit.whole(decimal(value))} {at - before} {at % 86_400}"
        before = at


def _ranking(
    name: str, scores: Sequence[Sequence[float]], files: Sequence[Series]
) -> Iterator[dict[str, Any]]:
    for metric, of in (("ROC-AUC", roc_auc), ("PR-AUC", pr_auc), ("best F1", best_f1)):
        each = [of(found, file.labels) for found, file in zip(scores, files, strict=True)]
        yield figure(
            f"{name}: {metric}, mean of files",
            mean(x for x in each if not math.isnan(x)),
            "of 1",
            simulated=True,
        )
