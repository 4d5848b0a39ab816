"""Lives all batches, two interpreters at a time, and keeps the marks."""

from __future__ import annotations

import time
import zlib
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import numpy as np

from nameplate.bench.years import marks, plan
from nameplate.bench.years.lanes import Judge
from nameplate.bench.years.lives import Case, Lives
from nameplate.bench.years.model import Model, load
from nameplate.bench.years.plan import Batch, Size

Tell = Callable[[str], None]


@dataclass
class Result:
    """What came of one model's lives."""

    model: Model
    marks: marks.Marks
    healthy: list[Case] = field(default_factory=list)
    product: list[Case] = field(default_factory=list)
    sensors: list[Case] = field(default_factory=list)
    minute: list[Case] = field(default_factory=list)  # with a sample a minute, then the same with one in five
    notes: list[str] = field(default_factory=list)


def live(batch: Batch, kept: marks.Marks) -> None:
    """Live one batch to its end."""
    model, cases = batch.model, batch.cases
    lives = Lives(
        np.random.default_rng(batch.seed),
        model.root,
        model.content,
        model.folder,
        cases,
        sample_s=batch.sample_s,
        # A chip that lacks a pin for a contact has healthy lives too.
        chips=list(model.content["pins"]) if all(case.kind == "healthy" for case in cases) else model.chips(),
        from_january=batch.from_january,
        repeats=batch.repeats,
    )
    with Judge(model.files) as judge:
        for lane, chip in enumerate(lives.sensors.chips.names[: len(cases)]):
            judge.lane(lane, chip)
        over: set[int] = set()
        for everybody in lives.chunks():
            chunks = [chunk for chunk in everybody if chunk.case not in over]
            if not chunks:
                break
            judge.live(cases, chunks)
            kept.take(cases, chunks)
            for chunk in chunks:
                if _over(cases[chunk.case], model):
                    over.add(chunk.case)
                    kept.forget(cases[chunk.case])
    for case in cases:
        kept.forget(case)
        kept.settle(case)


def _over(case: Case, model: Model) -> bool:
    """Whether nothing more can be learnt from a case with a fault: it is found, and its forecasts' truth is known."""
    if case.kind != "product" or case.found() is None:
        return False
    code = case.fault.trend if case.fault else None
    return code is None or marks.reached(case, model.rule(code)) is not None


def run(
    models: Sequence[str], size: Size, *, seed: int = 1, jobs: int = 2, tell: Tell, kinds: Iterable[str] = ()
) -> list[Result]:
    """Everything, in the order of the models. `kinds`: of "healthy", "product", "sensor", only these; none: all."""
    wanted = set(kinds) or {"healthy", "product", "sensor"}
    results, batches = [], []
    for folder in models:
        model = load(folder)
        result = Result(model, marks.Marks(model))
        results.append(result)
        for kind, make, home in (
            ("healthy", plan.healthy, result.healthy),
            ("product", plan.product, result.product),
            ("sensor", plan.sensors, result.sensors),
        ):
            if kind in wanted:
                for batch in make(model, size, np.random.default_rng([seed, *f"{folder} {kind}".encode()])):
                    home.extend(batch.cases)
                    batches.append((batch, result))
        if folder == "kf320" and "healthy" in wanted:
            for batch in plan.by_the_minute(model, size):
                result.minute.extend(batch.cases)
                batches.append((batch, result))
    # A batch lives the same life whatever else is chosen.
    before: dict[str, int] = {}
    for batch, _ in batches:
        name = f"{batch.model.folder} {batch.name}"
        before[name] = before.get(name, 0) + 1
        batch.seed = batch.seed or zlib.crc32(f"{seed} {name} {before[name]}".encode())
    began, done = time.monotonic(), 0

    def work(item: tuple[Batch, Result]) -> None:
        nonlocal done
        batch, result = item
        started = time.monotonic()
        again = any(case is batch.cases[0] for case in result.minute)
        live(batch, marks.Marks(batch.model) if again else result.marks)
        done += 1
        tell(
            f"{done} of {len(batches)}: {batch.model.folder}, {batch.name}, {len(batch.cases)} cases, "
            f"{time.monotonic() - started:.0f} s; {time.monotonic() - began:.0f} s in all"
        )

    # The long ones first.
    batches.sort(key=lambda item: -len(item[0].cases) * max(case.end_s for case in item[0].cases))
    with ThreadPoolExecutor(jobs) as pool:
        for future in [pool.submit(work, item) for item in batches]:
            future.result()
    for result in results:
        for case in (*result.healthy, *result.product, *result.sensors):
            result.notes += [word["text"] for word in case.told if word["state"] == "note"]
    return results
