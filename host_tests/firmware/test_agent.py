"""Housekeeping: the journal reaches flash twice a minute, but neither in the midst of a suspected leak nor right after a token."""

from host_tests.firmware.simulated_time import PRELUDE

SETUP = (
    PRELUDE
    + """
from firmware.agent import Agent

class Part: pass
flushed = []
start = time.ticks_ms()
class Journal:
    def flush(self): flushed.append(time.ticks_diff(time.ticks_ms(), start) // 1000)
clock, board, watch = Part(), Part(), Part()
clock.uptime_s = lambda: time.ticks_diff(time.ticks_ms(), start) // 1000
board.clear_breadcrumb = lambda: None
watch.suspected = False
agent = Agent(board, clock, Journal())
agent.watch = watch

async def live(seconds, *others):
    tasks = [asyncio.create_task(other) for other in (agent.housekeeping(lambda: None),) + others]
    await asyncio.sleep(seconds)
    for task in tasks:
        task.cancel()
"""
)


def test_the_journal_reaches_flash_twice_a_minute(micropython):
    assert micropython(SETUP + "asyncio.run(live(100))\nprint(flushed)") == "[30, 60, 90]\n"


def test_an_erase_waits_for_a_suspected_leak_but_not_for_ever(micropython):
    script = """
async def suspect():
    await asyncio.sleep_ms(29500)
    watch.suspected = True
    await asyncio.sleep_ms(1000)
    watch.suspected = False
    await asyncio.sleep_ms(25000)
    watch.suspected = True
asyncio.run(live(100, suspect()))
print(flushed)
"""
    assert micropython(SETUP + script) == "[31, 63, 95]\n"


def test_a_token_too_waits_for_a_suspected_leak_but_not_for_ever(micropython):
    script = """
from firmware.heartbeat import Chain
class Signer:
    async def sign(self, typ, payload):
        watch.suspected = True
        return b"token"
stored = []
outbox, unit = Part(), Part()
outbox.put = lambda *_: stored.append(time.ticks_diff(time.ticks_ms(), start))
outbox.lost, outbox.last_hash = lambda: [], lambda: None
unit.ueid, unit.dev, clock.quality, clock.unix = "u", False, "unknown", lambda: None
chain = Chain(Signer(), outbox, unit, clock, 1, "")
chain.watch = watch
async def confirm():
    await asyncio.sleep_ms(100)
    watch.suspected = False
async def speak():
    asyncio.create_task(confirm())
    await chain.emit("heartbeat", "")
    await chain.emit("heartbeat", "")
asyncio.run(speak())
print(stored)
"""
    assert micropython(SETUP + script) == "[100, 2100]\n"


def test_the_probe_is_looked_at_between_two_erases(micropython):
    # A token is signed in slices, and may be ready to be stored whenever the journal has just been flushed.
    script = """
from firmware.heartbeat import Chain
erases = 0
def erase(*_):
    global erases
    erases += 1
    time.stand_still(40)
Journal.flush = erase
class Signer:
    async def sign(self, typ, payload):
        for _ in range(40):
            await asyncio.sleep_ms(0)
            time.stand_still(1)
        return b"token"
outbox, unit = Part(), Part()
outbox.put, outbox.lost, outbox.last_hash = erase, lambda: [], lambda: None
unit.ueid, unit.dev, clock.quality, clock.unix = "u", False, "unknown", lambda: None
chain = Chain(Signer(), outbox, unit, clock, 1, "")
agent.writing = chain.writing
longest = 0
async def look():
    global longest
    before = time.ticks_ms()
    while True:
        await asyncio.sleep_ms(20)
        longest = max(longest, time.ticks_diff(time.ticks_ms(), before))
        before = time.ticks_ms()
async def speak():
    while True:
        assert await chain.emit("heartbeat", "") == b"token", chain.error
asyncio.run(live(1000, look(), speak()))
print(erases > 1000, 40 <= longest < 80, longest)
"""
    out = micropython(SETUP + script)
    assert out.startswith("True True"), out
