"""The virtual board boots what is in its flash, as main.c of the port does, on a heap as large as the chip's."""

import os
import time
from pathlib import Path

import pytest

from host_tests.tools.flash_images import flash_image
from host_tests.tools.sim_board import kinds, printed, running
from nameplate.errors import NameplateError
from nameplate.sim.board import VirtualBoard
from nameplate.sim.chips import CHIPS


def test_boot_noise_then_boot_then_main(tmp_path: Path) -> None:
    main = "import os, machine\nprint('main', os.listdir('/'), machine.reset_cause())\n"
    with running(tmp_path, main, files={"/boot.py": "print('boot')\n"}) as board:
        board.run(100)
        text = board.transcript
        assert text.index("rst:0x1 (POWERON_RESET)") < text.index("boot\r\n") < text.index("main [")
        assert printed(board)[:2] == ["boot", "main ['a', 'boot.py', 'main.py'] 1"]


def test_the_pseudo_terminal_carries_both_ways(tmp_path: Path) -> None:
    main = "import sys\nwhile True: print('got', sys.stdin.readline().strip())\n"
    with running(tmp_path, main, speed=1.0) as board:
        line = os.open(board.port.removeprefix("pty:"), os.O_RDWR | os.O_NONBLOCK | os.O_NOCTTY)
        os.write(line, b"hello\n")
        text, end = b"", time.monotonic() + 10
        while b"got hello\r\n" not in text and time.monotonic() < end:
            try:
                text += os.read(line, 4096)
            except BlockingIOError:
                time.sleep(0.005)
        os.close(line)
        assert b"got hello\r\n" in text


@pytest.mark.parametrize("chip", list(CHIPS))
def test_the_heap_is_the_chips_in_objects_twice_as_large(tmp_path: Path, chip: str) -> None:
    main = "import gc\nprint(gc.mem_free())\ntry: bytearray(600000)\nexcept MemoryError: print('no room')\n"
    with running(tmp_path, main, chip=chip) as board:
        board.run(100)
        free, room = printed(board)[:2]
        assert abs(int(free) / (2 * CHIPS[chip].free_heap) - 1) < 0.05  # main.py's own text is in it
        started = next(event.detail for event in board.events if event.kind == "started")
        assert abs(int(started.split()[0]) / (2 * CHIPS[chip].free_heap) - 1) < 0.01
        assert room == "no room"


def test_when_main_ends_the_chip_is_at_its_prompt(tmp_path: Path) -> None:
    with running(tmp_path, "x = 20\n") as board:
        board.run(100)
        assert kinds(board) == ["boot power", "prompt"]
        assert "MicroPython v1.23.0; Generic ESP32 module with ESP32\r\n" in board.transcript
        board.send(b"print(x + 1)\r")
        assert board.wait(lambda board: "\r\n21\r\n>>> " in board.transcript, 3000)
        board.send(b"\x04")
        assert board.wait(lambda board: "boot soft" in kinds(board), 3000)


def test_an_exception_is_printed_and_leaves_the_prompt(tmp_path: Path) -> None:
    with running(tmp_path, "1 / 0\n") as board:
        board.run(100)
        assert "ZeroDivisionError: divide by zero" in printed(board)
        assert "prompt" in kinds(board)


def test_an_exit_is_a_soft_reset(tmp_path: Path) -> None:
    main = "import machine, sys\nprint(machine.reset_cause())\nif machine.reset_cause() != 5: sys.exit()\n"
    with running(tmp_path, main) as board:
        board.run(100)
        assert kinds(board) == ["boot power", "boot soft", "prompt"]
        assert printed(board)[0] == "5"


def test_an_empty_file_system_is_made_and_a_damaged_one_stops_the_start(tmp_path: Path) -> None:
    image = flash_image(tmp_path / "unit.bin", {"/main.py": "print('never')"})
    raw = bytearray(image.read_bytes())
    raw[0x200000:] = b"\xff" * 0x200000
    image.write_bytes(raw)
    with VirtualBoard(image, speed=None, stepped=True, register=False) as board:
        board.run(60_000)
        assert printed(board)[0] == "Performing initial setup"
    raw[0x200000:] = bytes(0x200000)
    image.write_bytes(raw)
    with VirtualBoard(image, speed=None, stepped=True, register=False) as board:
        board.run(10_000)
        assert printed(board).count("The filesystem appears to be corrupted.") == 4


def test_what_is_no_image_is_told(tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.bin"
    wrong.write_bytes(b"\xff" * 0x400000)
    with pytest.raises(NameplateError, match="partition table"):
        VirtualBoard(wrong)
    with pytest.raises(NameplateError, match="No such file"):
        VirtualBoard(tmp_path / "absent.bin")
    with pytest.raises(NameplateError, match="esp9"):
        VirtualBoard(wrong, chip="esp9")


def test_umqtt_is_frozen_in_and_goes_when_frozen_is_taken_off_the_path(tmp_path: Path) -> None:
    main = """
import sys
from umqtt.simple import MQTTClient
print(MQTTClient.__name__)
for name in ("umqtt", "umqtt.simple"): del sys.modules[name]
sys.path.remove(".frozen")
try: import umqtt.simple
except ImportError as error: print(error)
"""
    with running(tmp_path, main) as board:
        board.run(100)
        assert printed(board)[:2] == ["MQTTClient", "no module named 'umqtt.simple'"]


def test_a_slot_at_the_head_of_the_path_is_where_modules_come_from(tmp_path: Path) -> None:
    main = "import sys\nsys.path = ['/b', '.frozen']\nimport thing\nprint(thing.where, sys.path)\n"
    files = {"/a/thing.py": "where = 'a'", "/b/thing.py": "where = 'b'", "/lib/thing.py": "where = 'lib'"}
    with running(tmp_path, main, files=files) as board:
        board.run(100)
        assert printed(board)[0] == "b ['/b', '.frozen']"


def test_the_raw_prompt_that_tools_use_and_a_soft_reset_from_it(tmp_path: Path) -> None:
    with running(tmp_path, "print('main runs')\nx = 20\n") as board:
        board.run(100)
        board.send(b"\x01")
        assert board.wait(lambda board: board.transcript.endswith("raw REPL; CTRL-B to exit\r\n>"), 3000)
        board.send(b"print(x + 1)\x04")
        assert board.wait(lambda board: board.transcript.endswith(">OK21\r\n\x04\x04>"), 3000)
        board.send(b"\x04")
        assert board.wait(lambda board: "boot soft" in kinds(board), 3000)
        assert board.wait(lambda board: board.transcript.endswith("raw REPL; CTRL-B to exit\r\n>"), 3000)
        assert board.transcript.count("main runs") == 1  # in raw mode the port starts no main.py
        board.send(b"\x02")
        assert board.wait(lambda board: board.transcript.endswith(">>> "), 3000)
        assert board.transcript.count("MicroPython v1.23.0") == 2


def test_a_raw_prompt_asked_for_while_the_program_still_ends_is_one_too(tmp_path: Path) -> None:
    """As mpremote does it: Ctrl-C and, without waiting for the prompt, Ctrl-A."""
    main = """
import time
print("main runs")
try:
    while True: time.sleep(1)
finally:
    time.sleep_ms(50)
"""
    with running(tmp_path, main) as board:
        board.run(500)
        board.send(b"\r\x03\r\x01")
        greeting = "raw REPL; CTRL-B to exit\r\n>"
        assert board.wait(lambda board: board.transcript.endswith(greeting), 3000)
        board.send(b"\x04")
        assert board.wait(lambda board: "boot soft" in kinds(board), 3000)
        assert board.wait(lambda board: board.transcript.endswith(greeting), 3000)
        assert board.transcript.count("main runs") == 1


def test_a_ctrl_c_that_the_prompt_has_read_interrupts_nothing_that_comes_after_it(tmp_path: Path) -> None:
    with running(tmp_path, "pass\n") as board:
        board.run(100)
        board.send(b"\x03import time; time.sleep_ms(200); print('not', 'interrupted')\r12 * 12\r")
        assert board.wait(lambda board: board.transcript.endswith("144\r\n>>> "), 5000)
        assert "\r\nnot interrupted\r\n" in board.transcript


def test_a_ctrl_c_while_a_line_of_the_prompt_runs_interrupts_it(tmp_path: Path) -> None:
    with running(tmp_path, "pass\n") as board:
        board.run(100)
        board.send(b"import time; time.sleep(60)\r")
        board.run(500)
        board.send(b"\x03")
        assert board.wait(lambda board: "KeyboardInterrupt" in board.transcript, 5000)


def test_a_ctrl_c_never_takes_an_answer_from_the_line(tmp_path: Path) -> None:
    """The host's interpreter raises in the middle of whatever it does; what reads the line may not be cut in two."""
    main = """
import time, machine
pin = machine.Pin(2, machine.Pin.OUT)
caught = 0
print("begin")
while caught < 12:
    try:
        while True:
            pin.value(1)
            time.ticks_ms()
    except KeyboardInterrupt:
        caught += 1
        print("caught", caught)
print("reading", pin.value(), len(machine.unique_id()))
"""
    with running(tmp_path, main, speed=20.0) as board:
        assert board.wait(lambda board: "begin" in board.transcript, 20_000)
        for number in range(1, 13):
            board.send(b"\x03")
            word = f"caught {number}\r\n"
            assert board.wait(lambda board, word=word: word in board.transcript, 60_000)
            board.run(5000)  # the host's interpreter takes no two at once
        assert board.wait(lambda board: "reading 1 6\r\n" in board.transcript, 60_000)


def test_a_ctrl_c_ends_a_program_that_looks_at_nothing(tmp_path: Path) -> None:
    main = (
        "print('busy')\ntry:\n    while True: pass\nexcept KeyboardInterrupt: print('heard')\nprint('once')\n"
    )
    with running(tmp_path, main, speed=20.0) as board:
        assert board.wait(lambda board: "busy" in board.transcript, 20_000)
        board.send(b"\x03")
        assert board.wait(lambda board: "heard\r\nonce\r\n" in board.transcript, 60_000)
        assert board.wait(lambda board: board.transcript.endswith(">>> "), 20_000)
        assert "Traceback" not in board.transcript
