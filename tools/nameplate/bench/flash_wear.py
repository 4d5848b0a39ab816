"""What heartbeats and log lines cost the flash, counted on littlefs over a RAM block device of the product's size.

`python -m nameplate.bench.flash_wear` prints the figures alone.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from typing import Any

from nameplate.bench import script
from nameplate.bench.figure import figure

_HEARTBEATS_IN_TEN_YEARS = 10 * 365.25 * 24 * 60  # at one a minute
_ENDURANCE = 100_000  # erases of one block that makers of NOR flash promise


def measure() -> Iterator[dict[str, Any]]:
    """Yield the figures of runs of some seconds. Raises NameplateError when the interpreter cannot run."""
    online = _run("online")
    yield _figure(
        "flash erases per 1000 heartbeats", 1000 * online["erases"] / online["count"], "erases", 1100
    )
    yield _figure("flash programmed per 1000 heartbeats", online["programmed"] / online["count"], "kB", 2500)
    worn = online["most_worn"] / online["count"] * _HEARTBEATS_IN_TEN_YEARS / _ENDURANCE
    yield _figure("endurance of the most worn block used in ten years", 100 * worn, "%", 50)
    offline = _run("offline")
    yield _figure(
        "flash erases per 1000 heartbeats, outbox full",
        1000 * offline["erases"] / offline["count"],
        "erases",
        1250,
    )
    for scenario, metric, limit in (
        ("line", "flash erases per 1000 log lines, each flushed alone", 1100),
        ("lines", "flash erases per 1000 log lines, ten in a flush", 150),
    ):
        run = _run(scenario)
        yield _figure(metric, 1000 * run["erases"] / run["count"], "erases", limit)


def _run(scenario: str) -> dict[str, Any]:
    counts: dict[str, Any] = script.run("wear", "flash wear", scenario, heap="16m", timeout_s=120)
    return counts


def _figure(metric: str, value: float, unit: str, limit: float) -> dict[str, Any]:
    return figure(metric, value, unit, limit, simulated=True, digits=1)


if __name__ == "__main__":
    for row in measure():
        sys.stdout.write(json.dumps(row) + "\n")
