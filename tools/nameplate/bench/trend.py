"""How often the truth falls within what is foretold of a limit, by the kind of ageing. SIMULATED courses of daily numbers.

Courses begin healthy, at 100 % with day-to-day errors of 0.5 to 4 %, and from some day on fall to a limit of 50 to 80 %
at 0.4 to 3 % a day. On every day until the limit is truly reached the device's firmware/diagnosis/forecast.py is asked,
on MicroPython. 80 % intervals are to hold the truth 75 to 85 times in 100. `python -m nameplate.bench.trend` prints the
figures alone.
"""

from __future__ import annotations

import json
import math
import random
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nameplate.bench import script
from nameplate.bench.figure import figure

DEFAULT = False
WARN_DAYS = 21
# An ESP32 takes less than this for an empty loop of 100,000 steps.
_CHIP_LOOP_MS = 500
_DAYS = 200
_ONE = 100  # of a percent, in what the device is given
_SEED = 20_000
_COURSES, _QUICK = 400, 40
_YEARS, _QUICK_YEARS = 100, 12

Numbers = list[float]
Bend = Callable[[random.Random, Numbers, Numbers], None]


@dataclass(frozen=True)
class Course:
    """`numbers`: percent, one a day, 0 for none. `reached`: the day on which what is behind them passes `limit`, or None."""

    limit: float
    numbers: Sequence[float]
    reached: float | None


@dataclass(frozen=True)
class Said:
    """One forecast, in days from the day it was made; `truth`: when it came; `chance`: percent, within the days of warning."""

    days: int
    low: int
    high: int
    chance: int
    truth: float


def _even(rng: random.Random, done: Numbers, errors: Numbers) -> None:
    """A straight line."""


def _curved(least: float, most: float) -> Bend:
    def bend(rng: random.Random, done: Numbers, errors: Numbers) -> None:
        power = rng.uniform(least, most)
        done[:] = [part**power for part in done]

    return bend


def _decays(rng: random.Random, done: Numbers, errors: Numbers) -> None:
    keeps = rng.uniform(0.5, 0.8)
    done[:] = [(1 - keeps**part) / (1 - keeps) for part in done]


def _steps(rng: random.Random, done: Numbers, errors: Numbers) -> None:
    for _ in range(5):
        day, size = rng.randrange(len(done)), rng.gauss(0, 0.1)
        done[day:] = [part + size for part in done[day:]]


def _season(rng: random.Random, done: Numbers, errors: Numbers) -> None:
    size, begin = rng.uniform(0.05, 0.2), rng.random()
    done[:] = [part + size * math.sin(2 * math.pi * (day / 365 + begin)) for day, part in enumerate(done)]


def _weekly(rng: random.Random, done: Numbers, errors: Numbers) -> None:
    size, first = rng.uniform(1, 3), rng.randrange(7)
    errors[:] = [error - size * (1 if (day + first) % 7 >= 5 else -0.4) for day, error in enumerate(errors)]


def _spells(rng: random.Random, done: Numbers, errors: Numbers) -> None:
    for day in range(1, len(errors)):
        errors[day] = 0.6 * errors[day - 1] + 0.8 * errors[day]


def _wild(rng: random.Random, done: Numbers, errors: Numbers) -> None:
    errors[:] = [error * (5 if rng.random() < 0.08 else 1) for error in errors]


def _missing(rng: random.Random, done: Numbers, errors: Numbers) -> None:
    away = rng.randrange(len(errors))
    errors[:] = [
        math.inf if rng.random() < 0.3 or away <= day < away + 7 else error
        for day, error in enumerate(errors)
    ]


KINDS: dict[str, Bend] = {
    "even": _even,
    "slightly curved, power 0.8 to 1.3": _curved(0.8, 1.3),
    "curved, power 0.6 to 1.6": _curved(0.6, 1.6),
    "decay, ever slower": _decays,
    "even, with steps": _steps,
    "even, on a season": _season,
    "even, with weekends": _weekly,
    "even, errors that last": _spells,
    "even, wild days": _wild,
    "even, days missing": _missing,
}


def course(rng: random.Random, bend: Bend, rate: float | None = None) -> Course:
    """One of that kind. `rate`: percent of a day, else drawn; 0 for none that ages."""
    limit = rng.uniform(50, 80)
    daily = math.exp(rng.uniform(math.log(0.4), math.log(3))) if rate is None else rate
    onset = rng.randrange(5, 60)
    life = (100 - limit) / daily if daily else math.inf
    done = [max(day - onset, 0) / life for day in range(_DAYS)]
    size = math.exp(rng.uniform(math.log(0.5), math.log(4)))
    errors = [rng.gauss(0, size) for _ in done]
    bend(rng, done, errors)
    true = [100 - (100 - limit) * part for part in done]
    numbers = [
        0 if math.isinf(error) else max(value + error, 1) for value, error in zip(true, errors, strict=True)
    ]
    return Course(limit, numbers, _reached(true, limit))


def _reached(true: Numbers, limit: float) -> float | None:
    for day in range(1, len(true)):
        if true[day] <= limit:
            drop = true[day - 1] - true[day]
            return day - 1 + min((true[day - 1] - limit) / drop, 1) if drop > 0 else float(day)
    return None


def said(courses: Sequence[Course], every: int = 1) -> list[list[tuple[int, list[int]]]]:
    """What the device says on each day before the limit is reached: (day, (days, low, high, ...)) for each course.

    Raises NameplateError when the device's code fails.
    """
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "courses"
        with file.open("w") as out:
            for one in courses:
                last = _DAYS if one.reached is None else math.ceil(one.reached)
                words = [round(one.limit * _ONE), WARN_DAYS, 9, last, every]
                words += [round(number * _ONE) for number in one.numbers]
                out.write(" ".join(map(str, words)) + "\n")
        found: list[list[tuple[int, list[int]]]] = script.run(
            "trend", "trend", str(file), heap="4m", timeout_s=1200
        )
    return found


def judged(courses: Sequence[Course], every: int = 1) -> list[Said]:
    """What was said of those that reach their limit, beside the truth."""
    ending = [one for one in courses if one.reached is not None]
    return [
        Said(words[0], words[1], words[2], words[5], one.reached - day)
        for one, of_it in zip(ending, said(ending, every), strict=True)
        for day, words in of_it
        if one.reached is not None
    ]


def held(forecasts: Sequence[Said]) -> float:
    """In how many of 100 the truth fell within."""
    within = sum(one.low <= one.truth <= one.high for one in forecasts)
    return 100 * within / len(forecasts)


def measure(quick: bool = False) -> Iterator[dict[str, Any]]:
    """Yield the figures of 400 courses of each kind, or 40. Raises NameplateError when the interpreter cannot run."""
    everything: list[Said] = []
    shares = []
    for number, (kind, bend) in enumerate(KINDS.items()):
        rng = random.Random(_SEED + number)
        courses = [course(rng, bend) for _ in range(_QUICK if quick else _COURSES)]
        found = judged(courses, 4 if quick else 1)
        everything += found
        shares.append(held(found))
        early = 100 * sum(one.truth < one.low for one in found) / len(found)
        yield figure(f"{kind}: forecasts", len(found), "forecasts", simulated=True)
        yield figure(f"{kind}: truth within the 80 % interval", shares[-1], "%", simulated=True, digits=1)
        yield figure(f"{kind}: truth before the interval", early, "%", simulated=True, digits=1)
        yield figure(f"{kind}: truth after it", 100 - shares[-1] - early, "%", simulated=True, digits=1)
        widths = sorted((one.high - one.low) / max(one.days, 1) for one in found)
        yield figure(
            f"{kind}: median width, to the days told", widths[len(widths) // 2], "of 1", simulated=True
        )
        yield figure(f"{kind}: Brier score of the chance", _brier(found), "of 1", simulated=True)
    mean = sum(shares) / len(shares)
    yield figure("mean of the kinds: truth within the 80 % interval", mean, "%", simulated=True, digits=1)
    yield figure("mean of the kinds: off 80", abs(mean - 80), "%", 5, simulated=True, digits=1)
    yield figure("all kinds: Brier score of the chance", _brier(everything), "of 1", simulated=True)
    yield from _healthy(_QUICK_YEARS if quick else _YEARS)
    loops: float = script.run("trend", "trend", "cost")
    yield figure("a forecast", loops, "empty loops of 100,000", simulated=False, digits=4)
    yield figure("a forecast on an ESP32 at most", loops * _CHIP_LOOP_MS, "ms", 100, simulated=True, digits=1)


def _brier(forecasts: Sequence[Said]) -> float:
    return sum((one.chance / 100 - (one.truth <= WARN_DAYS)) ** 2 for one in forecasts) / len(forecasts)


def _healthy(years: int) -> Iterator[dict[str, Any]]:
    """None of these ages: a season of up to 6 %, weekends, errors that last; the limit is 50 to 62 %."""
    rng = random.Random(_SEED - 1)
    courses = []
    for _ in range(math.ceil(years * 365 / _DAYS)):
        made = course(rng, _spells, 0)
        size, begin = rng.uniform(0, 6), rng.random()
        swung = [n + size * math.sin(2 * math.pi * (day / 365 + begin)) for day, n in enumerate(made.numbers)]
        courses.append(Course(rng.uniform(50, 62), swung, None))
    found = [words for of_it in said(courses) for _, words in of_it]
    lived = len(courses) * _DAYS / 365
    yield figure("healthy: lived", lived, "years", simulated=True, digits=0)
    yield figure("healthy: days on which anything was said", len(found), "days", 0, simulated=True)


if __name__ == "__main__":
    for row in measure(quick="--quick" in sys.argv):
        sys.stdout.write(json.dumps(row) + "\n")
