"""What a newcomer waits and stores: a fresh clone of this checkout, until `make demo` has played its whole story.

The time is that of the two commands whole: the first heartbeat is verified some seconds before the end. Only what is
committed is cloned. Packages come from wherever pip gets them, without its cache. `python -m nameplate.bench.clone` prints the figures alone.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from nameplate.bench.figure import figure
from nameplate.errors import NameplateError
from nameplate.factory.sources import device_root

DEFAULT = False
_DEMO = ["make", "demo", "ARGS=--once --json"]
_TIMEOUT_S = 1800
_MB = 1_000_000


def measure() -> Iterator[dict[str, Any]]:
    """Yield the figures; takes a minute or more and needs git, make and a package index.

    Raises NameplateError where there is no checkout, and when the clone or its demo fails.
    """
    root = device_root()
    if not (root / ".git").exists():
        raise NameplateError(
            "this is not a checkout, so there is nothing to clone", "run it in a git checkout"
        )
    with tempfile.TemporaryDirectory(prefix="nameplate-clone-") as folder:
        clone = Path(folder) / "nameplate"
        started = time.monotonic()
        _run(["git", "clone", "--quiet", root.as_uri(), str(clone)], Path(folder))
        cloned = time.monotonic()
        _check(_run(_DEMO, clone))
        first = time.monotonic()
        _check(_run(_DEMO, clone))
        second = time.monotonic()
        yield figure(
            "clone to the end of the demo, its first verified heartbeat included",
            first - started,
            "s",
            simulated=True,
            digits=1,
        )
        yield figure("of that time, the clone alone", cloned - started, "s", simulated=False, digits=1)
        yield figure("the demo a second time", second - first, "s", simulated=True, digits=1)
        sizes = {
            "of that, history and sources": _size(clone) - _size(clone / ".venv") - _size(clone / ".build"),
            "of that, the environment (.venv)": _size(clone / ".venv"),
            "of that, what was built (.build)": _size(clone / ".build"),
        }
        yield figure(
            "clone with all that the demo needs, on disk", sum(sizes.values()) / _MB, "MB", simulated=False
        )
        for metric, size in sizes.items():
            yield figure(metric, size / _MB, "MB", simulated=False)


def _run(command: list[str], folder: Path) -> str:
    """Its standard output. The environment is this one's, without what this one's Python and pip brought along."""
    ours = ("VIRTUAL_ENV", "PYTHONPATH", "PYTHON", "MAKEFLAGS", "MAKELEVEL", "MFLAGS", "ARGS")
    environment = {name: value for name, value in os.environ.items() if name not in ours}
    environment["PIP_NO_CACHE_DIR"] = "1"
    try:
        done = subprocess.run(
            command,
            cwd=folder,
            env=environment,
            check=False,
            capture_output=True,
            text=True,
            timeout=_TIMEOUT_S,
        )
    except FileNotFoundError as error:
        raise NameplateError(f"{command[0]} is not installed", f"install {command[0]}") from error
    if done.returncode != 0:
        words = (done.stderr.strip() or done.stdout.strip()).splitlines()
        raise NameplateError(
            f"`{' '.join(command[:2])}` ended with {done.returncode}: {' / '.join(words[-2:])}",
            "run it by hand in a fresh clone",
        )
    return done.stdout


def _check(told: str) -> None:
    """The demo's last line must say that everything came true."""
    try:
        summary = json.loads(told.splitlines()[-1])
        if summary["came_true"] is True and summary["verdicts"]["genuine"] > 0:
            return
    except (ValueError, KeyError, IndexError, TypeError):
        pass
    raise NameplateError(
        "the clone's demo did not say that its story came true", "run it by hand in a fresh clone"
    )


def _size(folder: Path) -> int:
    """Bytes of the files below, each counted once however many names it has."""
    seen = {}
    for path in folder.rglob("*"):
        if path.is_file() and not path.is_symlink():
            status = path.stat()
            seen[status.st_dev, status.st_ino] = status.st_size
    return sum(seen.values())


if __name__ == "__main__":
    for row in measure():
        sys.stdout.write(json.dumps(row) + "\n")
