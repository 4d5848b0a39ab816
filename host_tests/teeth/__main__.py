"""Plants each bug of bugs.toml in a copy of the checkout, one at a time, and runs the tests that must notice: `make teeth`.

One JSON object a bug on standard output. A bug that no test noticed, or tests that could not run, end it with 1.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from host_tests.teeth.bugs import ROOT, Bug, Stale, bugs

_FAILED = 1  # pytest's exit code for a test that failed, and for nothing else
_LIMIT_S = 600


def main() -> int:
    parser = argparse.ArgumentParser(prog="make teeth", description=__doc__)
    parser.add_argument("names", nargs="*", help="some of the bugs; without one, all")
    parser.add_argument("--jobs", type=int, default=min(2, os.cpu_count() or 1))
    options = parser.parse_args()
    chosen = [bug for bug in bugs() if not options.names or bug.name in options.names]
    if not chosen:
        print(f"no such bug; there are: {', '.join(bug.name for bug in bugs())}", file=sys.stderr)
        return 2
    with ThreadPoolExecutor(options.jobs) as pool:
        noticed = 0
        for found in pool.map(_try, chosen):
            noticed += found["noticed"]
            print(json.dumps(found), flush=True)
    print(f"{noticed} of {len(chosen)} bugs were noticed", file=sys.stderr)
    return 0 if noticed == len(chosen) else 1


def _try(bug: Bug) -> dict[str, object]:
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="nameplate-teeth-") as name:
        root = Path(name) / "checkout"
        _copy(root)
        try:
            planted = bug.plant(root)
        except Stale as stale:
            return {"bug": bug.name, "noticed": False, "error": str(stale)}
        (root / bug.file).write_text(planted)
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *bug.tests],
            cwd=root,
            check=False,
            capture_output=True,
            text=True,
            timeout=_LIMIT_S,
            env={
                **os.environ,
                "PYTHONPATH": f"{root}{os.pathsep}{root / 'tools'}",
                "PYTHONDONTWRITEBYTECODE": "1",
            },
        )
    found: dict[str, object] = {
        "bug": bug.name,
        "noticed": done.returncode == _FAILED,
        "by": [line.split(" ")[1] for line in done.stdout.splitlines() if line.startswith("FAILED ")],
        "story": bug.story,
        "seconds": round(time.monotonic() - started, 1),
    }
    if done.returncode not in (0, _FAILED):
        found["error"] = (done.stdout + done.stderr).strip().splitlines()[-1:]
    return found


def _copy(root: Path) -> None:
    """What git knows of the checkout, as it is on disk now."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    for path in filter(None, listed.split("\0")):
        if (ROOT / path).is_file():
            target = root / path
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / path, target)
    for folder in (
        ".build",
        "node_modules",
    ):  # what setting up has made, and tests look for beside the sources
        if (ROOT / folder).is_dir():
            (root / folder).symlink_to(ROOT / folder)


if __name__ == "__main__":
    sys.exit(main())
