"""Which lives are lived: healthy years, every fault at three severities, everything that sensors do."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from nameplate.bench.years import sensor_faults
from nameplate.bench.years.faults import PRODUCT, Fault
from nameplate.bench.years.home import DAY
from nameplate.bench.years.lives import Case
from nameplate.bench.years.model import Model
from nameplate.bench.years.sensor_faults import SensorFault

_TREND_WARM_DAYS = 45
_WARM_DAYS = 3
_FINE_WARM_DAYS = 1
# Faults of sensors that come and go need more than a sample a minute to be seen as the device sees them.
_RANDOM = ("intermittent", "noisy", "crc", "power-on value", "chatter")


@dataclass(frozen=True)
class Size:
    """How much: lanes and days of healthy life for each model, runs of each fault at each severity, and of a sensor's."""

    lanes: int = 50
    days: int = 365
    runs: int = 30
    sensor_runs: int = 10
    trend_runs: int = 30
    minute_lanes: int = 4  # healthy lives judged twice: with a sample a minute, and with one in five
    minute_days: int = 92


FULL = Size()
QUICK = Size(lanes=6, days=45, runs=3, sensor_runs=2, trend_runs=2, minute_lanes=1, minute_days=20)


@dataclass
class Batch:
    """Cases of one model that live side by side."""

    model: Model
    name: str
    cases: list[Case]
    sample_s: int = 300
    repeats: int = 1
    from_january: bool = False
    seed: int = 0


def healthy(model: Model, size: Size, rng: np.random.Generator) -> Iterator[Batch]:
    """Lives without a fault, a few lanes at a time, so that two interpreters share them."""
    part = max(1, (size.lanes + 1) // 2)
    for first in range(0, size.lanes, part):
        count = min(part, size.lanes - first)
        cases = [Case(model.folder, "healthy", "healthy", 0, np.inf, size.days * DAY) for _ in range(count)]
        yield Batch(model, "healthy life", cases, from_january=True)


def by_the_minute(model: Model, size: Size) -> Iterator[Batch]:
    """The same healthy lives twice, of a model whose healthy stretches are sampled coarsely."""
    for sample_s in (60, 300):
        cases = [
            Case(model.folder, "healthy", "healthy", 0, np.inf, size.minute_days * DAY)
            for _ in range(size.minute_lanes)
        ]
        yield Batch(model, f"healthy life, a sample each {sample_s} s", cases, sample_s=sample_s, seed=77)


def product(model: Model, size: Size, rng: np.random.Generator) -> Iterator[Batch]:
    """Every fault at every severity."""
    for fault in PRODUCT[model.folder]:
        warm = _TREND_WARM_DAYS if fault.trend else _FINE_WARM_DAYS if fault.fine else _WARM_DAYS
        cases = [
            _case(model, fault, grade, (warm + rng.random()) * DAY)
            for grade in range(3)
            for _ in range(size.trend_runs if fault.trend else size.runs)
        ]
        yield Batch(model, fault.name, cases, sample_s=60 if fault.fine else 300)


def _case(model: Model, fault: Fault, grade: int, onset_s: float) -> Case:
    return Case(
        model.folder, "product", fault.name, grade, onset_s, onset_s + fault.days[grade] * DAY,
        fault.codes, fault.follows, fault,
    )  # fmt: skip


def sensors(model: Model, size: Size, rng: np.random.Generator) -> Iterator[Batch]:
    """Everything that can happen to each sensor."""
    health = {
        fault["sensor"]: fault["code"] for fault in model.content["faults"] if fault["rule"] == "health"
    }
    for at_random in (False, True):
        cases = []
        for spec in model.content["sensors"]:
            for what in sensor_faults.KINDS[spec["kind"]]:
                if (what in _RANDOM) != at_random:
                    continue
                for grade in range(3):
                    for _ in range(size.sensor_runs):
                        # Six samples a minute are many: those lives are short.
                        onset = (0.2 if at_random else 1) * DAY * (1 + rng.random())
                        days = 0.4 if at_random else 4.0 if what == "drift" else 1.5
                        fault = SensorFault(spec["name"], what, grade, onset)
                        codes = (health[spec["name"]],) if spec["name"] in health else ()
                        cases.append(
                            Case(model.folder, "sensor", f"{spec['name']} {what}", grade, onset,
                                 onset + days * DAY, codes, (), sensor_fault=fault)
                        )  # fmt: skip
        if at_random and model.folder != "kf320":  # nor does a machine work every few hours
            for case in cases:
                case.end_s += DAY
        cases.sort(key=lambda case: case.end_s)
        for first in range(0, len(cases), 150):
            name = f"sensors that {'come and go' if at_random else 'fail'}"
            yield Batch(model, name, cases[first : first + 150], sample_s=60 if at_random else 300,
                        repeats=6 if at_random else 1)  # fmt: skip
