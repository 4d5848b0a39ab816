"""Thousands of random signatures against the `cryptography` package, both ways, on three interpreters.

Ours must equal the other's deterministic signature bit for bit; the other's random ones must verify; altered ones
must get the other's verdict.
"""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from host_tests.lib import p256_batch, p256_cases

ROOT = Path(__file__).resolve().parents[2]
MODULES = ("__init__", "base64url", "p256", "p256_sign", "p256_verify")
PACKAGE = ROOT / "node_modules" / "@micropython" / "micropython-webassembly-pyscript"


def write_cases(path, count, seed, keys):
    """Write `count` rounds of three cases each and return what the script prints when all are right."""
    lines = p256_cases.cases(count, seed, keys)
    assert len(lines) == 3 * count
    assert {line.split()[-1] for line in lines if line.startswith("verify")} == {"0", "1"}
    path.write_text("\n".join(lines) + "\n")
    return ["right:", str(3 * count)]


def test_on_cpython(comb_path, tmp_path, capsys):
    expected = write_cases(tmp_path / "cases", 2000, seed=1, keys=64)
    p256_batch.main(comb_path, tmp_path / "cases")
    assert capsys.readouterr().out.split() == expected


def test_on_micropython(micropython, comb_path, tmp_path):
    expected = write_cases(tmp_path / "cases", 500, seed=2, keys=25)
    script = p256_cases.SCRIPT + "main(*sys.argv[1:])"
    # A board's heap: 64 KiB of 32-bit objects are about 128 KiB here.
    assert micropython(script, str(comb_path), str(tmp_path / "cases"), heap="128k").split() == expected


def test_on_32_bit_micropython(comb_path, tmp_path):
    if not (shutil.which("node") and PACKAGE.is_dir()):
        missing = "no 32-bit MicroPython here: it needs node, and `npm ci` in the checkout"
        if os.environ.get("CI"):
            pytest.fail(missing)
        pytest.skip(missing)
    expected = write_cases(tmp_path / "cases", 200, seed=3, keys=10)
    (tmp_path / "script.py").write_text(
        "import sys\nassert sys.maxsize == 2**31 - 1\nsys.path.insert(0, '/n')\n"
        + p256_cases.SCRIPT
        + "main('/n/comb.bin', '/n/cases')\n"
    )
    files = [f"{ROOT / 'lib' / name}.py=/n/lib/{name}.py" for name in MODULES]
    files += [f"{comb_path}=/n/comb.bin", f"{tmp_path / 'cases'}=/n/cases"]
    done = subprocess.run(
        ["node", ROOT / "host_tests/lib/micropython32.mjs", PACKAGE, tmp_path / "script.py", *files],
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == expected
