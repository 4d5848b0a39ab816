"""How many heartbeats one core verifies, against what OpenSSL itself can do in the same run.

`python -m nameplate.bench.verify` prints the figure alone.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from typing import Any

from nameplate.bench.figure import figure
from nameplate.errors import NameplateError
from nameplate.token.model import EPOCH, Manufacturer, ModelUnit
from nameplate.token.verifier import Verifier

UNITS = 20
TOKENS_PER_UNIT = 200
ROUNDS = 3
_READINGS = [
    {"n": "pan", "vb": False},
    {"n": "fridge", "u": "Cel", "v": 4.812},
    {"n": "freezer", "u": "Cel", "v": -18.062},
    {"n": "door", "vb": False},
]


def measure() -> Iterator[dict[str, Any]]:
    """Yield the figures of one run of a few seconds. Raises NameplateError when openssl is missing or unreadable.

    The limit is OpenSSL's own number of P-256 verifications a second: no verifier on this machine can pass it, and the
    ratio says how much of it is left for everything else a verdict takes.
    """
    openssl = openssl_verifications()
    rate = max(verified_per_second() for _ in range(ROUNDS))
    yield figure("verified heartbeats, one core", round(rate), "1/s", round(openssl), simulated=False)


def verified_per_second() -> float:
    """The rate over new heartbeats of several units, four readings each, topics, order and clocks checked."""
    maker = Manufacturer()
    verifier = Verifier(maker.trust(), lambda: EPOCH + 60)
    stream = []
    for _ in range(UNITS):
        unit = ModelUnit()
        unit.boot()
        verifier.binding(maker.binding(unit))
        topic = unit.topic("heartbeat")
        beats = (unit.heartbeat(clock="set", iat=EPOCH, senml=_READINGS) for _ in range(TOKENS_PER_UNIT))
        stream += [(beat.encode(), topic) for beat in beats]
    started = time.perf_counter()
    genuine = sum(verifier.check(token, topic=topic).verdict == "genuine" for token, topic in stream)
    passed = time.perf_counter() - started
    assert genuine == len(stream)
    return genuine / passed


def openssl_verifications() -> float:
    """Verifications a second by `openssl speed ecdsap256`. Raises NameplateError."""
    program = shutil.which("openssl")
    if program is None:
        raise NameplateError("openssl is not installed", "on Debian: sudo apt-get install openssl")
    command = [program, "speed", "-seconds", "1", "ecdsap256"]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)
    found = re.search(r"\(nistp256\)\s+\S+s\s+\S+s\s+([0-9.]+)\s+([0-9.]+)", done.stdout)
    if done.returncode != 0 or not found:
        raise NameplateError("openssl speed gave no figure for ecdsap256", "run: openssl speed ecdsap256")
    return float(found[2])


if __name__ == "__main__":
    for found in measure():
        print(json.dumps(found))
