"""A benchmark's script on the device interpreter: run to its end, and what it printed."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

from nameplate.errors import NameplateError
from nameplate.factory.sources import device_root
from nameplate.sim.interpreter import command

_SCRIPTS = Path(__file__).parent / "device"


def run(name: str, what: str, *words: str, heap: str = "320k", timeout_s: float = 60) -> Any:
    """The JSON that `device/<name>.py` prints when it is given the device sources and these words.

    `what` is the benchmark for people; `heap` is as the interpreter takes it, in its own objects. Raises NameplateError
    when there is no interpreter, or the script fails on it.
    """
    done = subprocess.run(
        [command(), "-X", f"heapsize={heap}", str(_SCRIPTS / f"{name}.py"), str(device_root()), *words],
        check=False,
        capture_output=True,
        text=True,
        timeout=timeout_s,
    )
    if done.returncode != 0:
        raise NameplateError(
            f"the {what} benchmark failed on MicroPython: {done.stderr.strip() or done.stdout.strip()}",
            "try another interpreter: NAMEPLATE_MICROPYTHON=/path/to/micropython",
        )
    return json.loads(done.stdout)
