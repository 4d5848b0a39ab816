"""Runs one command and judges what came of it: its exit code, its words, its figures."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nameplate.proof.claims import Claim

_KEPT = 4 << 20  # characters of a command's output that are looked at: its end


@dataclass(frozen=True)
class Run:
    """What a command did: its exit code (None: it did not end in time), what it printed, how long it took (seconds)."""

    code: int | None
    out: str
    err: str
    seconds: float


def run(command: str, root: Path, timeout_s: float) -> Run:
    """Run a command by the shell, in the checkout `root`. Whatever it started is ended with it."""
    path = os.pathsep.join([str(root / ".venv/bin"), os.environ.get("PATH", os.defpath)])
    started = time.monotonic()
    with subprocess.Popen(
        ["/bin/sh", "-c", command],
        cwd=root,
        env={**os.environ, "PATH": path, "TERM": "dumb", "NO_COLOR": "1"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    ) as process:
        code: int | None
        try:
            out, err = process.communicate(timeout=timeout_s)
            code = process.returncode
        except subprocess.TimeoutExpired:
            code = None
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
        if code is None:
            out, err = process.communicate()
    said, complained = (data.decode("utf-8", "replace")[-_KEPT:] for data in (out, err))
    return Run(code, said, complained, round(time.monotonic() - started, 1))


def faults(claim: Claim, done: Run) -> list[str]:
    """Why the claim is not proved by this run, each in a few words; empty when it is."""
    if done.code is None:
        return [f"it did not end within {claim.timeout_s:g} s"]
    found = []
    if done.code == 127:
        found.append("there is no such command")
    if done.code != claim.exit:
        found.append(f"it ended with {done.code}, not with {claim.exit}")
    said = done.out + done.err
    found += [f"it does not say {text!r}" for text in claim.contains if text not in said]
    found += [f"it says {text!r}" for text in claim.lacks if text in said]
    values = list(_json_lines(done.out))
    for condition in claim.json:
        fault = _condition(condition, values)
        if fault:
            found.append(fault)
    return found


def _json_lines(text: str) -> Iterator[Any]:
    for line in text.splitlines():
        if line[:1] in "{[":
            with contextlib.suppress(ValueError):
                yield json.loads(line)


def seen(claim: Claim, done: Run) -> list[str]:
    """The figures that the claim was judged by, each with its limit."""
    values = list(_json_lines(done.out))
    found = []
    for condition in claim.json:
        limits = (
            f"{key.replace('_', ' ')} {condition[key]}" for key in ("at_least", "at_most") if key in condition
        )
        figures = ", ".join(f"{figure}" for figure in _figures(condition, values))
        found.append(" ".join([f"{_name(condition)}: {figures}", *(f"({limit})" for limit in limits)]))
    return found


def _name(condition: Mapping[str, Any]) -> str:
    return " ".join([*(str(value) for value in condition.get("where", {}).values()), condition["path"]])


def _figures(condition: Mapping[str, Any], values: list[Any]) -> list[Any]:
    chosen = [
        value
        for value in values
        if isinstance(value, dict)
        and all(value.get(key) == wanted for key, wanted in condition.get("where", {}).items())
    ]
    return [figure for value in chosen if (figure := _at(value, condition["path"])) is not None]


def _condition(condition: Mapping[str, Any], values: list[Any]) -> str | None:
    """What is wrong with the figure that a condition asks for, or None; with several, the worst counts."""
    name = _name(condition)
    figures = _figures(condition, values)
    if not figures:
        return f"it gives no {name}"
    for figure in figures:
        if "equals" in condition and (
            figure != condition["equals"] or isinstance(figure, bool) != isinstance(condition["equals"], bool)
        ):
            return f"{name} is {figure!r}, not {condition['equals']!r}"
        if "at_most" in condition and not (_number(figure) and figure <= condition["at_most"]):
            return f"{name} is {figure!r}, more than {condition['at_most']!r}"
        if "at_least" in condition and not (_number(figure) and figure >= condition["at_least"]):
            return f"{name} is {figure!r}, less than {condition['at_least']!r}"
    return None


def _at(value: Any, path: str) -> Any:
    for part in path.split("."):
        if isinstance(value, dict):
            value = value.get(part)
        elif isinstance(value, list) and part.isdecimal() and int(part) < len(value):
            value = value[int(part)]
        else:
            return None
    return value


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
