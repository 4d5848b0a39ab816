"""The largest heartbeat that is likely: heartbeat.py DEVICE_ROOT COMB_FILE. Prints one JSON object, bytes by token.

The agent's own chain and signer make the tokens; only what they are told is made up: a fridge in a hot room or a deep
defrost, after 9,999 starts, at the end of a boot of nearly two years. `longest`: the profile's longest sensor names too.
"""

import asyncio
import json
import sys

sys.path.insert(0, sys.argv[1])

from firmware.claims import heartbeat_claims
from firmware.first_token import first_claims
from firmware.heartbeat import Chain
from lib.jws import Curve, Signer

BOOTCOUNT = 9999
SEQ = 999999  # one a minute
UPTIME_S = 60000000
UNIX = 4294967295
LAG_MS = 1500  # a TLS handshake
LOSSES = 8


class Unit:
    ueid = "AQIDBAUGBwgJCgsMDQ4PEBE"
    oemid = 32473
    hwmodel = "S0YtMzIw"
    hwversion = ["C"]
    dev = False


class Clock:
    quality = "trusted"

    def uptime_s(self):
        return UPTIME_S

    def unix(self):
        return UNIX


class Outbox:
    """Stores nothing, but has a token before this one, and perhaps losses."""

    def __init__(self):
        self.losses = []

    def lost(self):
        return self.losses

    def last_hash(self):
        return b"\xff" * 12

    def put(self, kind, bootcount, seq, token, lost):
        pass


class Reading:
    quality = "ok"
    unit = "Cel"
    state = None
    milli = None

    def __init__(self, name, milli=None, state=None):
        self.name = name
        self.milli = milli
        self.state = state


READINGS = [
    Reading("pan", state=False),
    Reading("fridge", 42125),
    Reading("freezer", -32875),
    Reading("evaporator", -39375),
]
LONGEST = [Reading("temperature" + letter, -39375) for letter in "abcd"]


async def main(comb):
    outbox = Outbox()
    signer = Signer(Curve(comb), bytes(range(1, 33)))
    first = first_claims(Unit, "10.20.30", "deepsleep")
    chain = Chain(signer, outbox, Unit, Clock(), BOOTCOUNT, first)
    claims = heartbeat_claims(READINGS, LAG_MS, "broker")
    sizes = {"first": len(await chain.emit("heartbeat", claims))}
    chain.seq = SEQ
    sizes["longest"] = len(await chain.emit("heartbeat", heartbeat_claims(LONGEST, LAG_MS, "broker")))
    sizes["usual"] = len(await chain.emit("heartbeat", claims))
    outbox.losses = [(BOOTCOUNT - at, SEQ - 1000, SEQ, "storage") for at in range(LOSSES)]
    sizes["losses"] = len(await chain.emit("heartbeat", claims))
    print(json.dumps(sizes))


asyncio.run(main(sys.argv[2]))
