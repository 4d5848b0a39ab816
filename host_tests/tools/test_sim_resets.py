"""Resets and what survives them: the watchdog bites a hung program, RTC memory outlives a reset but not the supply."""

from pathlib import Path

import pytest

from host_tests.tools.sim_board import kinds, printed, running

CAUSE = "import machine, time\ncause = machine.reset_cause()\nmemory = machine.RTC().memory()\nprint(cause, memory)\n"


def test_a_reset_gives_cause_2_and_memory_survives(tmp_path: Path) -> None:
    main = CAUSE + "if cause == 1:\n machine.RTC().memory(b'crumb')\n machine.reset()\n"
    with running(tmp_path, main) as board:
        board.run(100)
        assert kinds(board) == ["boot power", "off hard", "boot hard", "prompt"]
        assert printed(board)[0] == "2 b'crumb'"
        assert "rst:0xc (SW_CPU_RESET)" in board.transcript


def test_memory_does_not_survive_the_supply(tmp_path: Path) -> None:
    with running(tmp_path, CAUSE + "machine.RTC().memory(b'crumb')\ntime.sleep(1000)\n") as board:
        board.run(100)
        board.kill()
        board.run(100)
        assert not board.powered
        board.set("power", "on")
        board.run(100)
        assert printed(board)[0] == "1 b''"


def test_the_reset_button_is_power_on_to_the_program(tmp_path: Path) -> None:
    with running(tmp_path, CAUSE + "machine.RTC().memory(b'crumb')\ntime.sleep(1000)\n") as board:
        board.run(100)
        board.press_reset()
        board.run(100)
        assert kinds(board)[-2:] == ["off power", "boot power"]
        assert printed(board)[0] == "1 b''"


@pytest.mark.parametrize(
    "hang", ["while True: pass", "while True: time.sleep(1)", "while True: time.ticks_ms()"]
)
def test_the_watchdog_bites_a_hung_program(tmp_path: Path, hang: str) -> None:
    main = CAUSE + f"if cause == 1:\n machine.RTC().memory(b'in it')\n machine.WDT(timeout=1000)\n {hang}\n"
    with running(tmp_path, main) as board:
        assert board.wait(lambda board: "boot watchdog" in kinds(board), 5000)
        board.run(100)
        assert printed(board)[0] == "3 b'in it'"


def test_the_watchdog_bites_in_simulated_time(tmp_path: Path) -> None:
    main = (
        CAUSE
        + "dog = machine.WDT(timeout=2000)\nfor i in range(5):\n time.sleep(1)\n dog.feed()\ntime.sleep(60)\n"
    )
    with running(tmp_path, main) as board:
        assert board.wait(lambda board: "watchdog" in kinds(board), 20_000)
        bitten = next(event.at_ms for event in board.events if event.kind == "watchdog")
        assert 6900 <= bitten <= 7200


def test_the_watchdog_goes_on_at_the_prompt(tmp_path: Path) -> None:
    with running(tmp_path, CAUSE + "if cause == 1: machine.WDT(timeout=300)\n") as board:
        assert board.wait(lambda board: "boot watchdog" in kinds(board), 3000)


def test_a_soft_reset_leaves_radio_clock_and_watchdog_alone(tmp_path: Path) -> None:
    main = """
import machine, network, time
wlan = network.WLAN(network.STA_IF)
print(machine.reset_cause(), wlan.isconnected(), time.time())
if machine.reset_cause() == 1:
    machine.WDT(timeout=8000)
    wlan.active(True)
    wlan.connect("kitchen", "secret")
    time.sleep(3)
    machine.soft_reset()
time.sleep(100)
"""
    with running(tmp_path, main) as board:
        board.run(3500)
        assert printed(board)[0] == "5 True 3"
        assert board.wait(lambda board: "watchdog" in kinds(board), 8000)


def test_deep_sleep_wakes_after_its_time(tmp_path: Path) -> None:
    with running(tmp_path, CAUSE + "if cause == 1: machine.deepsleep(5000)\n") as board:
        board.run(4000)
        assert not board.powered
        board.run(2000)
        assert printed(board)[0] == "4 b''"


def test_the_clock_starts_at_2000_and_outlives_a_reset(tmp_path: Path) -> None:
    main = """
import machine, time
print(time.gmtime()[:6], time.gmtime(0)[:6], type(time.time()))
if machine.reset_cause() == 1:
    machine.RTC().datetime((2026, 11, 24, 1, 9, 30, 0, 0))
    print(machine.RTC().datetime()[:7])
    machine.reset()
"""
    with running(tmp_path, main) as board:
        board.run(100)
        assert "(2000, 1, 1, 0, 0, 0) (2000, 1, 1, 0, 0, 0) <class 'int'>" in board.transcript
        assert "(2026, 11, 24, 1, 9, 30, 0)" in board.transcript
        assert printed(board)[0].startswith("(2026, 11, 24, 9, 30, 0)")
        board.kill()
        board.set("power", "on")
        board.run(100)
        assert "(2000, 1, 1, 0, 0, 0)" in printed(board)[0]


def test_ticks_start_at_a_reset(tmp_path: Path) -> None:
    main = "import machine, time\nprint(time.ticks_ms() < 10)\ntime.sleep(5)\nmachine.reset()\n"
    with running(tmp_path, main) as board:
        board.run(12_000)
        assert printed(board) == ["True"]
        assert kinds(board).count("boot hard") == 2


def test_a_crash_of_the_interpreter_starts_it_again(tmp_path: Path) -> None:
    main = CAUSE + "if cause == 1:\n while True: time.sleep(1)\n"
    with running(tmp_path, main) as board:
        board.run(100)
        assert board.engine.interpreter is not None
        import os
        import signal

        os.kill(board.engine.interpreter.pid, signal.SIGKILL)
        assert board.wait(lambda board: "boot hard" in kinds(board), 60_000)
        assert any(event.kind == "crash" for event in board.events)
