"""What a signature costs on MicroPython, in empty loops of the same run: machines differ, this ratio hardly does.

`python -m nameplate.bench.signature` prints the figures alone.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from nameplate.bench import script
from nameplate.bench.figure import figure
from nameplate.factory import comb


def measure() -> Iterator[dict[str, Any]]:
    """Yield the figures of one run of about a second. Raises NameplateError when the interpreter cannot run."""
    with tempfile.TemporaryDirectory() as folder:
        table = comb.write(Path(folder) / "p256_comb.bin")
        size = table.stat().st_size
        run = script.run("signature", "signature", str(table), timeout_s=120)
    sign_us = run["sign_ns"] / 1000
    slices = run["sign_slices_us"]
    yield figure("signature cost", sign_us / run["loop_us"], "empty loops of 100,000", 0.4, simulated=False)
    yield figure("signature time on this machine", sign_us, "us", simulated=False)
    yield figure(
        "largest slice of a signature", max(slices) / sum(slices), "signatures", 0.2, simulated=False
    )
    for work, name in (("verification", "verify"), ("key's preparation", "prepare")):
        longest = max(run[f"{name}_slices_us"]) / sum(slices)
        yield figure(f"largest slice of a {work}", longest, "signatures", 0.2, simulated=False)
    # Of any key, the first time as the hundredth: what is kept between two is nothing.
    yield figure("verification cost", run["verify_ns"] / run["sign_ns"], "signatures", 4, simulated=False)
    yield figure(
        "preparation of a key, once in its life",
        run["prepare_ns"] / run["sign_ns"],
        "signatures",
        simulated=False,
    )
    for work, name in (("signature", "sign"), ("verification", "verify"), ("key's preparation", "prepare")):
        yield figure(f"live in a {work}, 64-bit objects", run[f"{name}_bytes"], "bytes", simulated=False)
    yield figure("comb table", size, "bytes", 65536, simulated=False)


if __name__ == "__main__":
    for row in measure():
        sys.stdout.write(json.dumps(row) + "\n")
