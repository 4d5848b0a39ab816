"""Device sources to `.mpy` 6.3 bytecode, the same bytes on every machine."""

from __future__ import annotations

import re
import subprocess

from mpy_cross_v6_3 import MPY_CROSS_PATH

from nameplate.factory.refused import Refused

# The chips are 32-bit: a small integer there has 31 bits, and a constant compiled for 63 would not load.
SMALL_INT_BITS = 31
# Level 2 drops `assert` (device code must never let one carry a check) and keeps line numbers: a crash on a
# shipped board has to name its line. Level 3 would drop those too.
OPTIMISATION = 2
# 'M', version 6, no native code, 31-bit small integers.
MPY_HEADER = bytes([0x4D, 6, 0, SMALL_INT_BITS])


def compile_module(source: bytes, shown: str) -> bytes:
    """The bytecode of one module; `shown` is what a traceback calls it.

    Raises Refused with the compiler's own words when the source does not compile, or asks for native code.
    """
    done = subprocess.run(
        [MPY_CROSS_PATH, f"-O{OPTIMISATION}", f"-msmall-int-bits={SMALL_INT_BITS}", "-s", shown, "-"],
        input=source,
        capture_output=True,
        check=False,
    )
    if done.returncode != 0:
        said = done.stderr.decode("utf-8", "replace").strip() or "no reason given"
        line = re.search(r"line (\d+)", said)
        where = f"{shown} line {line.group(1)}" if line else shown
        raise Refused(
            f"{where} does not compile: {said.splitlines()[-1].strip()}",
            "mend it, then build the image again",
        )
    if done.stdout[:4] != MPY_HEADER:
        raise Refused(
            f"{shown} compiles to code for one chip only",
            "remove @micropython.native and @micropython.viper: one image runs on every chip",
        )
    return done.stdout
