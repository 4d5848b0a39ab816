"""One figure of a benchmark: how it is made, and what makes it one."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

MEMBERS = ("metric", "value", "unit", "limit", "ratio", "simulated")
SLACK = "slack"  # a seventh, where more than the limit is allowed: by which part of it


def figure(
    metric: str, value: float, unit: str, limit: float | None = None, *, simulated: bool, digits: int = 3
) -> dict[str, Any]:
    """A figure; `limit` is the most allowed, and the ratio to it is taken before the value is rounded.

    Where nothing at all is allowed (limit 0), the ratio is 0 when it is kept, and one more than the value when it is not.
    """
    return {
        "metric": metric,
        "value": round(value, digits) if isinstance(value, float) else value,
        "unit": unit,
        "limit": limit,
        "ratio": None if limit is None else round(_ratio(value, limit), 3),
        "simulated": simulated,
    }


def _ratio(value: float, limit: float) -> float:
    if limit:
        return value / limit
    return 1 + value if value else 0


def broken(found: Mapping[str, Any]) -> bool:
    """Whether the value is over its limit, and over what slack it has."""
    return found["ratio"] is not None and bool(found["ratio"] > 1 + found.get(SLACK, 0))


def failure(name: str, why: str) -> dict[str, Any]:
    """What stands in the place of the figures of a bench that could not measure."""
    return {**dict.fromkeys(MEMBERS), "metric": name, "error": why}


def problem(found: Mapping[str, Any]) -> str | None:
    """What is wrong with the form of a figure, in a few words, or None."""
    if tuple(found) not in (MEMBERS, (*MEMBERS, SLACK)):
        return f"its members are {', '.join(map(str, found))}"
    if not (isinstance(found["metric"], str) and isinstance(found["unit"], str)):
        return "metric or unit is not a text"
    if not isinstance(found["simulated"], bool):
        return "it does not say whether it is simulated"
    if not _is_number(found["value"]):
        return "its value is not a number"
    if (found["limit"] is None) != (found["ratio"] is None):
        return "a limit and a ratio come together or not at all"
    if SLACK in found and not (_is_number(found[SLACK]) and found["limit"] is not None):
        return "a slack is a number, and has a limit"
    if found["limit"] is not None and not (_is_number(found["limit"]) and _is_number(found["ratio"])):
        return "its limit or its ratio is not a number"
    return None


def percentile(values: Sequence[float], percent: int) -> float:
    """The nearest-rank percentile: one of the values, such that `percent` in a hundred are not above it."""
    return sorted(values)[max(0, math.ceil(len(values) * percent / 100) - 1)]


def p50_and_p99(
    metric: str, values: Sequence[float], unit: str, limit: float | None = None
) -> list[dict[str, Any]]:
    """Two figures of simulated runs; the limit, where there is one, is that of p99."""
    return [
        figure(f"{metric}, p50", percentile(values, 50), unit, simulated=True),
        figure(f"{metric}, p99", percentile(values, 99), unit, limit, simulated=True),
    ]


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
