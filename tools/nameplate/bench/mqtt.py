"""A publish at QoS 1 and its acknowledgement on loopback: ours, and umqtt.simple as it comes, in turns.

umqtt writes a packet in five pieces, of which each but the first waits until TCP has acknowledged the one before, and the
other side holds that back for some 40 ms. Ours is one piece. The broker is a real nats-server.
`python -m nameplate.bench.mqtt` prints the figures alone.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from typing import Any

from nameplate.bench import script
from nameplate.bench.figure import figure, percentile
from nameplate.broker import EmbeddedBroker
from nameplate.sim import frozen

LIMIT_MS = 3.0
RATIO_LIMIT = 0.2
_COUNT = 50


def measure(quick: bool = False) -> Iterator[dict[str, Any]]:
    """Yield the figures of one run of some three seconds. Raises NameplateError when interpreter or broker cannot run."""
    with EmbeddedBroker() as broker:
        words = [str(frozen.pinned()), str(broker.port), str(10 if quick else _COUNT)]
        times = script.run("mqtt", "MQTT", *words)
    ours, bare = [percentile(times[name], 50) / 1000 for name in ("ours", "bare")]
    yield figure("QoS 1 round trip, p50", ours, "ms", LIMIT_MS, simulated=False)
    yield figure("QoS 1 round trip, p99", percentile(times["ours"], 99) / 1000, "ms", simulated=False)
    yield figure("QoS 1 round trip of umqtt.simple 1.3.4 as it comes, p50", bare, "ms", simulated=False)
    yield figure("ours to umqtt.simple", ours / bare, "round trips", RATIO_LIMIT, simulated=False)


if __name__ == "__main__":
    for row in measure("--quick" in sys.argv):
        sys.stdout.write(json.dumps(row) + "\n")
