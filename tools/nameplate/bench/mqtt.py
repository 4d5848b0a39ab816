"""A publish at QoS 1 and its acknowledgement on loopback: ours, and umqtt.simple as it comes, in turns.

umqtt writes a packet in five pieces, of which each but the first waits until TCP has acknowledged the one before, and the
other side holds that back for some 40 ms. Ours is one piece. The broker is a real nats-server.
`python -m nameplate.bench.mqtt` prints the figures alone.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from nameplate.bench.figure import figure, percentile
from nameplate.broker import EmbeddedBroker
from nameplate.errors import NameplateError
from nameplate.factory.sources import device_root
from nameplate.sim import frozen
from nameplate.sim.interpreter import command

LIMIT_MS = 3.0
RATIO_LIMIT = 0.2
_COUNT = 50
_SCRIPT = Path(__file__).parent / "device" / "mqtt.py"


def measure(quick: bool = False) -> Iterator[dict[str, Any]]:
    """Yield the figures of one run of some three seconds. Raises NameplateError when interpreter or broker cannot run."""
    with EmbeddedBroker() as broker:
        words = [str(device_root()), str(frozen.pinned()), str(broker.port), str(10 if quick else _COUNT)]
        done = subprocess.run(
            [command(), "-X", "heapsize=320k", str(_SCRIPT), *words],
            check=False,
            capture_output=True,
            text=True,
            timeout=60,
        )
    if done.returncode != 0:
        raise NameplateError(
            f"the MQTT benchmark failed on MicroPython: {done.stderr.strip() or done.stdout.strip()}",
            "try another interpreter: NAMEPLATE_MICROPYTHON=/path/to/micropython",
        )
    times = json.loads(done.stdout)
    ours, bare = [percentile(times[name], 50) / 1000 for name in ("ours", "bare")]
    yield figure("QoS 1 round trip, p50", ours, "ms", LIMIT_MS, simulated=False)
    yield figure("QoS 1 round trip, p99", percentile(times["ours"], 99) / 1000, "ms", simulated=False)
    yield figure("QoS 1 round trip of umqtt.simple 1.3.4 as it comes, p50", bare, "ms", simulated=False)
    yield figure("ours to umqtt.simple", ours / bare, "round trips", RATIO_LIMIT, simulated=False)


if __name__ == "__main__":
    for row in measure("--quick" in sys.argv):
        sys.stdout.write(json.dumps(row) + "\n")
