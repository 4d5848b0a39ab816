"""Finds the benchmarks, runs them one after the other, and lets no failure pass for a figure.

A benchmark is a module of this package with `measure()`. It may take `quick` (fewer runs, for a look), and may set
`DEFAULT = False`: then it runs only when it is named. The first sentence of its docstring is what it is for.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import nameplate.bench
from nameplate.bench.figure import SLACK, broken, failure, problem
from nameplate.errors import NameplateError


@dataclass(frozen=True)
class Bench:
    """One benchmark. `default` is false for one that runs only when it is named."""

    name: str
    purpose: str
    default: bool
    measure: Callable[..., Iterable[Mapping[str, Any]]]


def benches(package: ModuleType = nameplate.bench) -> dict[str, Bench]:
    """Every benchmark of the package by its name. One that cannot even be imported is among them, and fails."""
    found = {}
    for entry in pkgutil.iter_modules(package.__path__):
        bench = None if entry.ispkg else _load(package.__name__, entry.name)
        if bench is not None:
            found[entry.name] = bench
    return found


def _load(package: str, name: str) -> Bench | None:
    try:
        module = importlib.import_module(f"{package}.{name}")
    except Exception as error:  # noqa: BLE001 told as this benchmark's failure, when it runs
        return Bench(name, f"cannot be imported: {error}", True, _raiser(error))
    if not hasattr(module, "measure"):
        return None
    purpose = (module.__doc__ or "").strip().partition("\n")[0]
    return Bench(name, purpose, getattr(module, "DEFAULT", True), module.measure)


def _raiser(error: Exception) -> Callable[..., Iterable[Mapping[str, Any]]]:
    def measure() -> Iterable[Mapping[str, Any]]:
        raise error

    return measure


def run(
    chosen: Iterable[Bench],
    emit: Callable[[dict[str, Any]], None],
    tell: Callable[[str], None],
    *,
    quick: bool = False,
) -> bool:
    """Run these and give each figure to `emit`. False when a limit is broken or one could not measure."""
    good = True
    for bench in chosen:
        tell(f"{bench.name}: {bench.purpose}")
        started = time.monotonic()
        for found in _figures(bench, quick):
            emit(found)
            if "error" in found:
                good = False
                tell(f"{bench.name} could not measure: {found['error']}")
            elif broken(found):
                good = False
                slack = f", with {found[SLACK]:.0%} more allowed" if SLACK in found else ""
                tell(
                    f"{found['metric']}: {found['value']} {found['unit']}, the limit is {found['limit']}{slack}"
                )
        tell(f"{bench.name}: {time.monotonic() - started:.1f} s")
    return good


def _figures(bench: Bench, quick: bool) -> Iterator[dict[str, Any]]:
    """Its figures; a failure becomes one more, with an `error`, and ends it."""
    count = 0
    try:
        options = {"quick": quick} if "quick" in inspect.signature(bench.measure).parameters else {}
        for found in bench.measure(**options):
            wrong = problem(found)
            if wrong:
                yield failure(bench.name, f"a figure without its form: {wrong}")
                return
            count += 1
            yield dict(found)
    except NameplateError as error:
        yield failure(bench.name, "; ".join(text for text in (error.message, error.hint) if text))
        return
    except Exception as error:  # noqa: BLE001 whatever stops one must be told, and must not stop the next
        yield failure(bench.name, f"{type(error).__name__}: {error}")
        return
    if not count:
        yield failure(bench.name, "it gave no figure")
