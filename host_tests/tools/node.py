"""Programs on Node that some tests use. Where Node is missing the tests say so aloud, and fail in CI."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def need_node(package: str) -> str:
    """The node program, when it and the package are there; otherwise the test is skipped aloud, or fails in CI."""
    node = shutil.which("node")
    if node and (ROOT / "node_modules" / package).is_dir():
        return node
    missing = f"needs node and {package}: install Node, then `npm ci` in the checkout"
    if os.environ.get("CI"):
        pytest.fail(f"CI {missing}")
    print(f"\nNOT TESTED: {missing}", file=sys.__stderr__)
    pytest.skip(missing)


def run_node(package: str, script: str, *args: str, timeout: float = 60) -> subprocess.CompletedProcess[str]:
    """Run a script of the checkout on Node."""
    command = [need_node(package), str(ROOT / script), *args]
    return subprocess.run(command, capture_output=True, text=True, timeout=timeout, cwd=ROOT)
