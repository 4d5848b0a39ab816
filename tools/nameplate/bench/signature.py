"""What a signature costs on MicroPython, in empty loops of the same run: machines differ, this ratio hardly does.

`python -m nameplate.bench.signature` prints the figures alone.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from nameplate.errors import NameplateError
from nameplate.factory import comb
from nameplate.factory.sources import device_root
from nameplate.sim.interpreter import command

_SCRIPT = Path(__file__).parent / "device" / "signature.py"


def measure() -> Iterator[dict[str, Any]]:
    """Yield the figures of one run of about a second. Raises NameplateError when the interpreter cannot run."""
    with tempfile.TemporaryDirectory() as folder:
        table = comb.write(Path(folder) / "p256_comb.bin")
        size = table.stat().st_size
        done = subprocess.run(
            [command(), "-X", "heapsize=320k", str(_SCRIPT), str(device_root()), str(table)],
            check=False,
            capture_output=True,
            text=True,
            timeout=120,
        )
    if done.returncode != 0:
        raise NameplateError(
            f"the signature benchmark failed on MicroPython: {done.stderr.strip() or done.stdout.strip()}",
            "try another interpreter: NAMEPLATE_MICROPYTHON=/path/to/micropython",
        )
    run = json.loads(done.stdout)
    sign_us = run["sign_ns"] / 1000
    slices = run["sign_slices_us"]
    yield _figure("signature cost", sign_us / run["loop_us"], "empty loops of 100,000", 0.4)
    yield _figure("signature time on this machine", sign_us, "us", None)
    yield _figure("largest slice of a signature", max(slices) / sum(slices), "signatures", 0.2)
    for work, name in (("verification", "verify"), ("key's preparation", "prepare")):
        longest = max(run[f"{name}_slices_us"]) / sum(slices)
        yield _figure(f"largest slice of a {work}", longest, "signatures", 0.2)
    # Of any key, the first time as the hundredth: what is kept between two is nothing.
    yield _figure("verification cost", run["verify_ns"] / run["sign_ns"], "signatures", 4)
    yield _figure(
        "preparation of a key, once in its life", run["prepare_ns"] / run["sign_ns"], "signatures", None
    )
    for work, name in (("signature", "sign"), ("verification", "verify"), ("key's preparation", "prepare")):
        yield _figure(f"live in a {work}, 64-bit objects", run[f"{name}_bytes"], "bytes", None)
    yield _figure("comb table", size, "bytes", 65536)


def _figure(metric: str, value: float, unit: str, limit: float | None) -> dict[str, Any]:
    return {
        "metric": metric,
        "value": round(value, 3),
        "unit": unit,
        "limit": limit,
        "ratio": None if limit is None else round(value / limit, 3),
        "simulated": False,
    }


if __name__ == "__main__":
    for figure in measure():
        sys.stdout.write(json.dumps(figure) + "\n")
