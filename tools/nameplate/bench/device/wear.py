"""For MicroPython: how much flash the outbox and the journal wear. Prints one JSON object of counts.

Arguments: the folder of the device sources, the scenario.
The disk is the product's own (2 MiB of littlefs, 900 KiB of it taken by the program), in RAM.
"""

import json
import os
import sys

from ram_flash import BLOCK, RamFlash

BLOCKS = 512
PROGRAM_BLOCKS = 225
TOKEN = bytes(640)  # a heartbeat of four readings


def disk():
    flash = RamFlash(BLOCKS)
    flash.mount("/flash", True)
    with open("/flash/program", "wb") as file:
        file.write(bytes(PROGRAM_BLOCKS * BLOCK))
    os.mkdir("/flash/data")
    return flash


def start(flash):
    flash.erases = flash.programs = flash.programmed = 0
    for block in range(BLOCKS):
        flash.wear[block] = 0


def figures(flash, **more):
    more["erases"] = flash.erases
    more["programs"] = flash.programs
    more["programmed"] = flash.programmed
    more["most_worn"] = max(flash.wear)
    return more


def heartbeats(count, online):
    from firmware.outbox import HEARTBEAT, Outbox

    flash = disk()
    outbox = Outbox("/flash/data/outbox")
    if not online:  # so long offline that each new heartbeat costs an old one
        seq = 0
        while not outbox.dropped:
            outbox.put(HEARTBEAT, 1, seq, TOKEN)
            seq += 1
    start(flash)
    for seq in range(count):
        outbox.put(HEARTBEAT, 2, seq, TOKEN, outbox.lost())
        if online:
            outbox.done(outbox.next()[0])
    return figures(flash, count=count, waiting=outbox.waiting, dropped=outbox.dropped)


def lines(count, in_a_flush):
    from firmware.journal import Journal

    flash = disk()
    journal = Journal("/flash/data/log")
    start(flash)
    for number in range(count):
        journal.append(b"%8d s: fault L01 confirmed: water in the base pan" % number)
        if number % in_a_flush == in_a_flush - 1:
            journal.flush()
    return figures(flash, count=count)


SCENARIOS = {
    "online": lambda: heartbeats(20000, True),
    "offline": lambda: heartbeats(3000, False),
    "line": lambda: lines(1000, 1),
    "lines": lambda: lines(1000, 10),
}
sys.path.insert(0, sys.argv[1])
print(json.dumps(SCENARIOS[sys.argv[2]]()))
