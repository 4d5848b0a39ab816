"""What every test may ask for: the repository root and the real MicroPython interpreter."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytest_plugins = ["host_tests.factory_fixtures"]

ROOT = Path(__file__).resolve().parent.parent


def micropython_command() -> list[str]:
    """The interpreter under test: NAMEPLATE_MICROPYTHON, else the one beside this Python, else PATH."""
    named = os.environ.get("NAMEPLATE_MICROPYTHON")
    beside = Path(sys.executable).with_name("micropython")
    found = named or (str(beside) if beside.exists() else shutil.which("micropython"))
    if not found:
        raise RuntimeError("no MicroPython interpreter: run `make test`, or set NAMEPLATE_MICROPYTHON")
    return [found]


@pytest.fixture
def micropython(tmp_path):
    """Run a script on the real interpreter with the device sources importable; returns what it printed."""

    def run(script: str, *args: str, heap: str = "320k", timeout: float = 60, check: bool = True) -> str:
        path = tmp_path / "script.py"
        path.write_text(f"import sys\nsys.path.insert(0, {str(ROOT)!r})\n{script}")
        done = subprocess.run(
            [*micropython_command(), "-X", f"heapsize={heap}", str(path), *args],
            capture_output=True,
            text=True,
            timeout=timeout,
            cwd=tmp_path,
        )
        if check and done.returncode != 0:
            raise AssertionError(f"MicroPython exited {done.returncode}:\n{done.stdout}\n{done.stderr}")
        return done.stdout

    return run
