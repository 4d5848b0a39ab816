"""Simulated time: an hour in seconds, the same run twice, ticks that wrap, and time at the pace one asks for."""

import time
from pathlib import Path

import pytest

from host_tests.tools.sim_board import kinds, printed, running
from nameplate.sim.clock import SimClock

HOUR = """
import asyncio, machine, time
pan = machine.ADC(34)
samples = 0
async def sample():
    global samples
    while True:
        pan.read_uv()
        samples += 1
        await asyncio.sleep_ms(100)
async def beat():
    while True:
        await asyncio.sleep(60)
        print(time.ticks_ms() // 1000, samples)
async def main():
    asyncio.create_task(beat())
    await sample()
asyncio.run(main())
"""


def test_an_hour_passes_in_seconds(tmp_path: Path) -> None:
    with running(tmp_path, HOUR) as board:
        board.run(3_600_500)
        assert board.now_ms == 3_600_500
        lines = printed(board)
        assert len(lines) == 60
        seconds, samples = map(int, lines[-1].split())
        assert 3600 <= seconds <= 3601
        assert 35_500 <= samples <= 36_001


def test_a_free_running_board_needs_nobody_to_let_time_pass(tmp_path: Path) -> None:
    with running(tmp_path, HOUR, stepped=False) as board:
        assert board.wait(lambda board: len(printed(board)) >= 5, 3_600_000)


NOISY = """
import machine, os, time, network
adc = machine.ADC(34)
wlan = network.WLAN()
wlan.active(True)
wlan.connect("kitchen", "secret")
for i in range(50):
    print(time.ticks_us(), adc.read_uv(), os.urandom(4), wlan.status())
    with open("/log", "a") as file: file.write("x" * i)
    time.sleep_ms(77)
"""


def transcript(folder: Path, seed: int) -> tuple[list[str], list[tuple[int, str]], dict[str, int]]:
    folder.mkdir(exist_ok=True)
    with running(folder, NOISY, seed=seed) as board:
        board.at(700, "leak", "wet")
        assert board.wait(lambda board: "prompt" in kinds(board), 60_000)
        events = [(event.at_ms, event.kind) for event in board.events if event.kind != "started"]
        return printed(board)[:50], events, board.flash_counts()


def test_a_seed_repeats_a_run_to_the_microsecond_and_another_does_not(tmp_path: Path) -> None:
    first = transcript(tmp_path, 1)
    assert transcript(tmp_path, 1) == first
    assert transcript(tmp_path, 2) != first


def test_ticks_wrap_after_twelve_days_and_asyncio_goes_on(tmp_path: Path) -> None:
    main = """
import asyncio, time
async def main():
    before = time.ticks_ms()
    for i in range(14):
        await asyncio.sleep_ms(86400000)
        now = time.ticks_ms()
        print(time.ticks_diff(now, before), now < 1 << 30)
        before = now
asyncio.run(main())
"""
    with running(tmp_path, main) as board:
        assert board.wait(lambda board: len(printed(board)) >= 14, 15 * 86_400_000)
        assert printed(board)[:14] == ["86400000 True"] * 14
        assert board.now_ms > 1 << 30


def test_tasks_run_in_the_order_of_their_time_across_the_wrap(tmp_path: Path) -> None:
    main = """
import asyncio, time
time.sleep_ms((1 << 30) - 50)
order = []
async def one(ms):
    await asyncio.sleep_ms(ms)
    order.append(ms)
async def main():
    tasks = [asyncio.create_task(one(ms)) for ms in (90, 10, 60, 40, 70, 20)]
    for task in tasks: await task
    print(order, time.ticks_ms() < 1000)
asyncio.run(main())
"""
    with running(tmp_path, main) as board:
        assert board.wait(lambda board: len(printed(board)) >= 1, 13 * 86_400_000)
        assert printed(board)[0] == "[10, 20, 40, 60, 70, 90] True"


def test_asyncio_as_it_is_upstream(tmp_path: Path) -> None:
    main = """
import asyncio
async def value(ms, result):
    await asyncio.sleep_ms(ms)
    if result is None: raise ValueError("none")
    return result
async def main():
    print(await asyncio.gather(value(20, "b"), value(10, "a"), value(5, None), return_exceptions=True))
    try: await asyncio.wait_for_ms(value(1000, 1), 10)
    except asyncio.TimeoutError: print("late")
    task = asyncio.create_task(value(1000, 1))
    await asyncio.sleep_ms(1)
    print(task.done(), task.cancel())
    try: await task
    except asyncio.CancelledError: print("cancelled", task.done(), task.cancel())
    event = asyncio.Event()
    waiter = asyncio.create_task(event.wait())
    await asyncio.sleep_ms(0)
    event.set()
    print(await waiter)
    lock = asyncio.Lock()
    async with lock: print(lock.locked())
    try: await asyncio.create_task(value(1, None))
    except ValueError as error: print("raised", error)
    try: asyncio.current_task().cancel()
    except RuntimeError as error: print(error)
asyncio.run(main())
"""
    with running(tmp_path, main) as board:
        assert board.wait(lambda board: "prompt" in kinds(board), 60_000)
        assert printed(board)[:8] == [
            "['b', 'a', ValueError('none',)]",
            "late",
            "False True",
            "cancelled True False",
            "True",
            "True",
            "raised none",
            "can't cancel self",
        ]


def test_a_busy_task_does_not_starve_one_that_is_due(tmp_path: Path) -> None:
    main = """
import asyncio, time
async def busy():
    while True: await asyncio.sleep_ms(0)
async def main():
    asyncio.create_task(busy())
    for i in range(3):
        await asyncio.sleep_ms(50)
        print(time.ticks_ms() // 10)
asyncio.run(main())
"""
    with running(tmp_path, main) as board:
        assert board.wait(lambda board: len(printed(board)) >= 3, 60_000)
        assert [int(line) for line in printed(board)[:3]] == [5, 10, 15]


@pytest.mark.parametrize("speed", [1.0, 20.0])
def test_time_goes_at_the_speed_asked_for(tmp_path: Path, speed: float) -> None:
    with running(
        tmp_path, "import time\ntime.sleep(1)\nprint('over', time.ticks_ms())\n", speed=speed
    ) as board:
        started = time.monotonic()
        assert board.wait(lambda board: printed(board) != [], 30_000)
        took = time.monotonic() - started
        assert took >= 0.9 / speed  # a loaded machine may take longer, never shorter
        assert int(printed(board)[0].split()[1]) >= 1000


def test_a_world_planned_ahead(tmp_path: Path) -> None:
    main = "import machine, time\na = machine.ADC(34)\nwhile True:\n print(a.read_uv() < 1000000)\n time.sleep(1)\n"
    with running(tmp_path, main) as board:
        board.at(2500, "leak", "wet")
        board.at(4500, "leak", "dry")
        board.run(6500)
        assert printed(board) == ["False", "False", "False", "True", "True", "False", "False"]


def test_a_clock_that_stands_is_moved_by_hand() -> None:
    clock = SimClock(None)
    seen: list[str] = []
    clock.at(20, lambda: seen.append("late"))
    clock.at(10, lambda: seen.append("early"))
    clock.at(15, lambda: seen.append("never")).cancel()
    assert not clock.run_due()
    clock.advance(50)
    while clock.run_due():
        pass
    assert seen == ["early", "late"]
    clock.advance(10)
    assert clock.now_us() == 50
    with pytest.raises(ValueError, match="speed"):
        SimClock(0)
