"""The loop at the foot of everything: a poll that fails stops no task, and one that keeps failing ends in a reset. What
the heap leaves to others."""

import pytest

SCRIPT = """
import asyncio, asyncio.core, gc, sys, time

class Module: pass

class Board:
    def __init__(self): self.wifi = self
    nvs = None
    def reserve(self, settings): pass
    def grow_heap(self, spare): Board.spare = spare

class Settings:
    broker_url = sys.argv[2]
    def __init__(self, nvs): pass

class Agent:
    notes = []
    steps = 0
    def note(self, text): self.notes.append(text)
    async def run(self):
        while True:
            await asyncio.sleep_ms(1)
            self.steps += 1
            if self.steps == 20:
                raise SystemExit

agent = Agent()
def module(name, **members):
    made = sys.modules[name] = Module()
    for member in members:
        setattr(made, member, members[member])
    return made
module("firmware.board", Board=Board)
module("firmware.settings", Settings=Settings)
build = module("firmware.build", build=lambda board, settings, reason: agent, ONCE=("firmware.build",))
module("time", sleep_ms=lambda milliseconds: None)
import firmware
firmware.build = build

class Failing:
    # Stands for the poll below all tasks.
    def __init__(self, times): self.times = times
    def wait_io_event(self, wait):
        if self.times:
            self.times -= 1
            raise OSError(5)
        time.sleep_ms(max(0, wait))

from firmware import app
asyncio.core._io_queue = Failing(int(sys.argv[1]))
try:
    app.main("")
    print("returned", agent.steps, len(agent.notes))
except SystemExit:
    print("ran on", agent.steps, len(agent.notes), agent.notes[:1])
"""


@pytest.mark.parametrize(
    ("failures", "ended"),
    [
        (0, "ran on 20 0 []"),
        (3, "ran on 20 3 ['poll failed: OSError(5,)']"),
        (1000, "returned 0 50"),  # and main.py resets
    ],
)
def test_a_poll_that_fails_stops_no_task(micropython, failures, ended):
    assert micropython(SCRIPT, str(failures), "mqtt://10.0.0.2").strip() == ended


@pytest.mark.parametrize(
    ("url", "spare"), [("", 18432), ("mqtt://10.0.0.2", 18432), ("mqtts://10.0.0.2", 45056)]
)
def test_the_heap_leaves_a_tls_session_its_memory(micropython, url, spare):
    assert micropython(SCRIPT + "print(Board.spare)", "0", url).split()[-1] == str(spare)
