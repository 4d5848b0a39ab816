"""The supervisor: what may happen to a task, and what follows. On the real interpreter, in simulated time."""

import pytest

from host_tests.firmware.simulated_time import PRELUDE

SETUP = (
    PRELUDE
    + """
from firmware.supervisor import Supervisor

log, resets = [], []
class Watchdog:
    last = time.ticks_ms()
    hunger = 0
    def feed(self):
        now = time.ticks_ms()
        self.hunger = max(self.hunger, time.ticks_diff(now, self.last))
        self.last = now
dog = Watchdog()
def reset(reason):
    resets.append(reason)
supervisor = Supervisor(dog.feed, log.append, reset)

async def well(alive):
    while True:
        alive()
        await asyncio.sleep_ms(100)

def run(seconds, *between):
    async def body():
        asyncio.get_event_loop().set_exception_handler(supervisor.stray)
        asyncio.create_task(supervisor.run())
        for step in between:
            await asyncio.sleep_ms(0)
            step()
        await asyncio.sleep(seconds)
    start = time.ticks_ms()
    asyncio.run(body())
    return start

def longest_hunger():
    return max(dog.hunger, time.ticks_diff(time.ticks_ms(), dog.last))
"""
)


@pytest.fixture
def supervised(micropython):
    return lambda script: micropython(SETUP + script).split("\n")[:-1]


def test_the_watchdog_is_fed_while_every_task_is_alive(supervised):
    out = supervised("""
supervisor.add("a", well, 1000)
supervisor.add("b", well, 5000)
run(600)
print(longest_hunger() <= 1000, log, resets, supervisor.deaths())
""")
    assert out == ["True [] [] {}"]


def test_a_task_that_dies_is_logged_and_started_again_with_growing_pauses(supervised):
    out = supervised("""
starts = []
async def dies(alive):
    starts.append(time.ticks_ms())
    raise ValueError("boom")
supervisor.add("dies", dies, 1000)
supervisor.add("well", well, 1000)
run(480)
pauses = [round(time.ticks_diff(starts[i + 1], starts[i]) / 250) for i in range(len(starts) - 1)]
print(pauses)
print(supervisor.deaths()["dies"] == len(starts), len(log) == len(starts))
print(log[0])
print(longest_hunger() <= 1000, resets)
""")
    assert out[0] == str([1, 2, 4, 8, 16, 32, 64, 128] + [240] * 6)
    assert out[1] == "True True"
    assert out[2].startswith("task dies: ValueError('boom',) at ")
    assert out[3] == "True []"


def test_a_task_that_returns_counts_as_dead(supervised):
    out = supervised("""
async def ends(alive):
    pass
supervisor.add("ends", ends, 1000)
run(1)
print(log[0])
""")
    assert out == ["task ends: ended"]


def test_a_good_run_makes_the_next_pause_short_again(supervised):
    out = supervised("""
starts = []
async def dies_late(alive):
    starts.append(time.ticks_ms())
    for _ in range(70):
        alive()
        await asyncio.sleep(1)
    raise OSError(5)
supervisor.add("late", dies_late, 2000)
run(1000)
print([round(time.ticks_diff(starts[i + 1], starts[i]) / 1000) for i in range(5)])
""")
    assert out == ["[70, 70, 70, 70, 70]"]


def test_a_task_that_hangs_in_an_await_is_cancelled_and_started_again(supervised):
    out = supervised("""
starts = []
async def hangs(alive):
    starts.append(time.ticks_ms())
    await asyncio.Event().wait()
supervisor.add("hangs", hangs, 3000)
run(30)
print(len(starts) > 2, log[0])
print(longest_hunger() <= 1000, resets)
""")
    assert out == ["True task hangs: no sign of life for 3000 ms", "True []"]


def test_a_task_that_will_not_even_be_cancelled_starves_the_watchdog(supervised):
    out = supervised("""
async def stubborn(alive):
    while True:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            pass
supervisor.add("stubborn", stubborn, 3000)
supervisor.add("well", well, 1000)
run(60)
print(longest_hunger() > 30000)
""")
    assert out == ["True"]


def test_a_loop_that_stands_still_does_not_feed_and_is_measured(supervised):
    out = supervised("""
async def blocks(alive):
    await asyncio.sleep(2)
    time.stand_still(40000)
    while True:
        alive()
        await asyncio.sleep_ms(50)
supervisor.add("blocks", blocks, 60000)
run(50)
print(longest_hunger() >= 40000, supervisor.worst_lag >= 39900)
print(supervisor.lag() >= 39900, supervisor.lag())
""")
    assert out == ["True True", "True 0"]


def test_nobody_is_blamed_for_a_loop_that_stood_still(supervised):
    out = supervised("""
async def blocks(alive):
    for _ in range(3):
        await asyncio.sleep(2)
        alive()
        time.stand_still(20000)
    while True:
        alive()
        await asyncio.sleep_ms(50)
supervisor.add("quick", well, 1000)
supervisor.add("blocks", blocks, 3000)
supervisor.add("well", well, 1000)
run(90)
print(supervisor.deaths(), log, longest_hunger() <= 21000)
""")
    assert out == ["{} [] True"]


def test_the_lag_is_zero_when_nothing_holds_the_loop(supervised):
    out = supervised("""
supervisor.add("well", well, 1000)
run(20)
print(supervisor.lag())
""")
    assert out == ["0"]


def test_a_vital_task_that_keeps_dying_young_resets_the_board_and_says_why(supervised):
    out = supervised("""
async def dies(alive):
    raise ValueError("boom")
supervisor.add("vital", dies, 1000, vital=True)
run(60)
print(resets[0])
""")
    assert out[0].startswith("task vital: ValueError('boom',)")


def test_a_task_that_needs_a_network_never_resets_the_board(supervised):
    out = supervised("""
async def dies(alive):
    raise OSError(113)
supervisor.add("uplink", dies, 1000)
run(1800)
print(resets, longest_hunger() <= 1000)
""")
    assert out == ["[] True"]


def test_a_stray_task_is_logged_and_counted(supervised):
    out = supervised("""
async def stray():
    raise KeyError("lost")
supervisor.add("well", well, 1000)
run(5, lambda: asyncio.create_task(stray()))
print(supervisor.strays, log[0])
""")
    assert out[0].startswith("1 stray task: KeyError('lost',) at ")


def test_a_log_that_fails_takes_no_task_with_it(supervised):
    out = supervised("""
def broken(text):
    raise OSError(28)
supervisor = Supervisor(dog.feed, broken, reset)
async def dies(alive):
    raise ValueError("boom")
supervisor.add("dies", dies, 1000)
run(10)
print(supervisor.deaths()["dies"] > 3, longest_hunger() <= 1000)
""")
    assert out == ["True True"]
