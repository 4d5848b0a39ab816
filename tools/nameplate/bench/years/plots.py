"""The plots of docs/diagnosis-bench.md, as PNG. matplotlib is loaded here only; every plot says that it is simulated."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from nameplate.bench.years import faults, home, lives, marks
from nameplate.bench.years.home import DAY
from nameplate.bench.years.lanes import Judge
from nameplate.bench.years.model import Model
from nameplate.bench.years.run import Result
from nameplate.errors import NameplateError

_SIZE = (9, 4)
_DPI = 80
_COLORS = {"mild": "#7fb069", "typical": "#e6aa68", "severe": "#ca3c25"}


def write(results: Sequence[Result], folder: Path) -> Iterator[Path]:
    """Each plot's file as it is written. Raises NameplateError when matplotlib is missing."""
    try:
        import matplotlib as mpl
    except ModuleNotFoundError as error:
        raise NameplateError(
            "plots need matplotlib", "install it with: pip install 'nameplate[bench]'"
        ) from error
    mpl.use("Agg")
    folder.mkdir(parents=True, exist_ok=True)
    fridge = next((result.model for result in results if result.model.folder == "kf320"), None)
    if fridge is not None:
        yield _save(_week(fridge), folder / "diagnosis-week.png")
        yield _save(_loss(fridge), folder / "diagnosis-cooling-loss.png")
    if any(result.product for result in results):
        yield _save(_delays(results), folder / "diagnosis-delays.png")
    stated = [one for result in results for one in result.marks.stated]
    if stated:
        yield _save(_reliability(stated), folder / "diagnosis-reliability.png")


def _save(figure: Any, path: Path) -> Path:
    import matplotlib.pyplot as plt

    figure.tight_layout()
    figure.savefig(path, dpi=_DPI, metadata={"Software": None}, pil_kwargs={"optimize": True})
    plt.close(figure)
    return path


def _live(
    model: Model, case: lives.Case, seed: int, sample_s: int
) -> tuple[dict[str, home.Floats], lives.Case]:
    """One case from its beginning to its end, and what was true in it."""
    lived = lives.Lives(
        np.random.default_rng(seed),
        model.root,
        model.content,
        model.folder,
        [case],
        sample_s=sample_s,
        chips=model.chips(),
    )
    truth: list[dict[str, home.Floats]] = []
    with Judge(model.files) as judge:
        judge.lane(0, lived.sensors.chips.names[0])
        for chunks in lived.chunks():
            judge.live([case], chunks)
            truth += [chunk.truth for chunk in chunks]
    return {name: np.concatenate([part[name] for part in truth]) for name in truth[0]}, case


def _week(model: Model) -> Any:
    import matplotlib.pyplot as plt

    case = lives.Case(model.folder, "healthy", "healthy", 0, np.inf, 7 * DAY)
    truth, _ = _live(model, case, 11, 60)
    at = truth["at_s"] / DAY
    figure, (upper, lower) = plt.subplots(2, 1, sharex=True, figsize=(9, 5), height_ratios=(4, 1))
    for name, color in (("fridge", "#3d5a80"), ("freezer", "#98c1d9"), ("evap", "#bbbbbb")):
        upper.plot(at, truth[name], color=color, lw=0.6, label=name)
    for code, side in (("T01", "limit_milli"), ("T03", "limit_milli")):
        upper.axhline(model.rule(code)[side] / 1000, color="#ca3c25", lw=0.8, ls="--")
        upper.text(
            0.02, model.rule(code)[side] / 1000 + 0.6, f"{code} (mean of an hour, for hours)", fontsize=7
        )
    upper.set_ylabel("degC")
    upper.legend(loc="lower right", fontsize=7, ncol=3)
    upper.set_title(
        "A healthy week of a KF-320 (simulated): doors, food, defrosts, day and night", fontsize=10
    )
    lower.fill_between(at, truth["door"] * 60, color="#e6aa68", step="mid", lw=0)
    lower.set_ylabel("door, s/min", fontsize=8)
    lower.set_xlabel("days")
    return figure


def _loss(model: Model) -> Any:
    import matplotlib.pyplot as plt

    fault = next(one for one in faults.FRIDGE if one.trend)
    onset = 45 * DAY
    case = lives.Case(model.folder, "product", fault.name, 1, onset, onset + fault.days[1] * DAY, fault.codes,
                      fault.follows, fault)  # fmt: skip
    truth, case = _live(model, case, 5, 300)
    figure, (upper, lower) = plt.subplots(2, 1, sharex=True, figsize=(9, 5.5))
    days = truth["at_s"] / DAY
    upper.plot(days, truth["freezer"], color="#98c1d9", lw=0.3, label="freezer")
    upper.plot(days, truth["fridge"], color="#3d5a80", lw=0.3, label="fridge")
    upper.axvline(onset / DAY, color="#888888", lw=0.8, ls=":")
    told: set[str] = set()
    for word in case.told:
        if word["state"] == "confirmed" and word["code"] not in told:
            told.add(word["code"])
            upper.axvline(word["at_s"] / DAY, color="#ca3c25", lw=0.8)
            upper.text(
                word["at_s"] / DAY, 12 + 3 * (len(told) % 3), word["code"], fontsize=8, color="#ca3c25"
            )
    upper.set_ylabel("degC")
    upper.set_title(f"KF-320 (simulated): {fault.name}; typical, from the dotted line on", fontsize=9)
    upper.legend(loc="upper left", fontsize=7)
    said = [word for word in case.told if word["state"] == "forecast" and word["forecast"]]
    if said:
        at = np.array([word["at_s"] / DAY for word in said])
        middle, low, high = (np.array([word["forecast"][part] for word in said]) for part in range(3))
        lower.fill_between(at, at + low, np.minimum(at + high, days[-1] + 60), color="#e6aa68", alpha=0.4, lw=0,
                           label="80 % interval")  # fmt: skip
        lower.plot(
            at, at + middle, ".", color="#ca3c25", ms=3, label="limit reached on day ... (said that day)"
        )
        lower.plot(days, days, color="#888888", lw=0.6, ls=":", label="that day")
        lower.set_ylim(onset / DAY, days[-1] + 60)
        lower.legend(loc="upper left", fontsize=7)
    lower.set_ylabel("day")
    lower.set_xlabel("days")
    return figure


def _delays(results: Sequence[Result]) -> Any:
    import matplotlib.pyplot as plt

    rows = [one for result in results for one in marks.detections(result.product, result.model) if one.hours]
    names = list(dict.fromkeys((one.model, one.name) for one in rows))
    figure, axes = plt.subplots(figsize=(9, 1 + 0.27 * len(names)))
    for one in rows:
        place = len(names) - 1 - names.index((one.model, one.name))
        offset = {"mild": 0.22, "typical": 0, "severe": -0.22}[one.severity]
        low, middle, high = (np.percentile(one.hours, percent) for percent in (10, 50, 90))
        axes.plot([max(low, 0.02), max(high, 0.02)], [place + offset] * 2, color=_COLORS[one.severity], lw=2)
        axes.plot(max(middle, 0.02), place + offset, "o", color=_COLORS[one.severity], ms=3 + 3 * one.rate)
    axes.set_yticks(range(len(names)))
    labels = [f"{model}: {name if len(name) < 58 else name[:55] + '...'}" for model, name in reversed(names)]
    axes.set_yticklabels(labels, fontsize=6)
    axes.set_xscale("log")
    axes.set_xlabel("hours from onset to the word (log); 10, 50, 90 % of those found; small dots: few found")
    axes.set_title("Detection delay by fault (simulated): green mild, orange typical, red severe", fontsize=9)
    axes.grid(axis="x", lw=0.3)
    return figure


def _reliability(stated: Sequence[marks.Stated]) -> Any:
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(5, 5))
    axes.plot([0, 1], [0, 1], color="#888888", lw=0.8, ls=":")
    for of, color in zip(sorted({one.of for one in stated}), ("#3d5a80", "#ca3c25", "#7fb069"), strict=False):
        rows = marks.reliability([one for one in stated if one.of == of])
        axes.plot([row[2] for row in rows], [row[3] for row in rows], "o-", color=color, label=of)
        for _, count, x, y in rows:
            axes.annotate(str(count), (x, y), fontsize=7, xytext=(4, -8), textcoords="offset points")
    axes.set_xlabel("probability stated")
    axes.set_ylabel("share that came true")
    axes.set_title("Reliability of stated probabilities (simulated)", fontsize=10)
    axes.legend(fontsize=7)
    return figure
