"""Pins, converter, timers, panel and console of the virtual board, from programs that use them as on the chip."""

from pathlib import Path

import pytest

from host_tests.tools.sim_board import kinds, printed, profile_of, running
from nameplate.sim.board import VirtualBoard
from nameplate.sim.physics import thermistors


def lines(board: VirtualBoard, count: int, timeout_ms: int = 5000) -> list[str]:
    """The first lines the program printed, once there are so many."""
    assert board.wait(lambda board: len(printed(board)) >= count, timeout_ms), board.transcript
    return printed(board)[:count]


def test_an_edge_interrupts_between_two_byte_codes(tmp_path: Path) -> None:
    main = """
import machine, time
seen = []
button = machine.Pin(4, machine.Pin.IN, machine.Pin.PULL_UP)
button.irq(lambda pin: seen.append((pin.value(), time.ticks_ms())), machine.Pin.IRQ_FALLING | machine.Pin.IRQ_RISING)
print(button.value())
while len(seen) < 2: time.sleep_ms(500)
print(seen[0][0], seen[1][0], seen[1][1] - seen[0][1])
"""
    with running(tmp_path, main) as board:
        board.run(100)
        board.set("button", "pressed")
        board.run(70)
        board.set("button", "released")
        assert lines(board, 2)[0] == "1"
        pressed, released, between = lines(board, 2)[1].split()
        assert (pressed, released) == ("0", "1")
        assert 68 <= int(between) <= 72


def test_only_the_edges_asked_for_interrupt(tmp_path: Path) -> None:
    main = """
import machine, time
seen = []
button = machine.Pin(4, machine.Pin.IN, machine.Pin.PULL_UP)
irq = button.irq(seen.append, trigger=machine.Pin.IRQ_RISING)
time.sleep(1)
button.irq(None)
time.sleep(1)
print(len(seen))
"""
    with running(tmp_path, main) as board:
        for at_ms, value in ((100, "pressed"), (200, "released"), (1100, "pressed"), (1200, "released")):
            board.at(at_ms, "button", value)
        assert lines(board, 1) == ["1"]


def test_with_interrupts_off_an_edge_waits(tmp_path: Path) -> None:
    main = """
import machine, time
seen = []
button = machine.Pin(4, machine.Pin.IN, machine.Pin.PULL_UP)
button.irq(lambda pin: seen.append(1))
state = machine.disable_irq()
time.sleep_ms(200)
before = len(seen)
machine.enable_irq(state)
time.sleep_ms(1)
print(before, len(seen))
"""
    with running(tmp_path, main) as board:
        board.at(100, "button", "pressed")
        assert lines(board, 1) == ["0 1"]


def test_a_handler_may_not_allocate_when_the_heap_is_locked(tmp_path: Path) -> None:
    main = """
import machine, micropython, time
def handler(pin):
    micropython.heap_lock()
    try: seen[1] = [pin]
    except MemoryError: seen[0] = 1
    micropython.heap_unlock()
seen = [0, 0]
machine.Pin(4, machine.Pin.IN, machine.Pin.PULL_UP).irq(handler)
time.sleep_ms(300)
print(seen)
"""
    with running(tmp_path, main) as board:
        board.at(100, "button", "pressed")
        assert lines(board, 1) == ["[1, 0]"]


def test_a_wrong_pin_is_refused_as_the_port_does(tmp_path: Path) -> None:
    main = """
import machine
for attempt in (
    lambda: machine.Pin(99), lambda: machine.Pin(34, machine.Pin.OUT), lambda: machine.ADC(23),
    lambda: machine.Timer(9), lambda: machine.WDT(id=1), lambda: machine.Timer(0, period=1, hard=True),
):
    try: print("got", attempt())
    except ValueError as error: print(error)
"""
    with running(tmp_path, main) as board:
        assert lines(board, 3) == ["invalid pin", "pin can only be input", "invalid pin"]
        assert "got" not in board.transcript


def test_timers_fire_on_simulated_time(tmp_path: Path) -> None:
    main = """
import machine, time
ticks = []
timer = machine.Timer(0)
timer.init(period=100, mode=machine.Timer.PERIODIC, callback=lambda t: ticks.append(time.ticks_ms()))
once = machine.Timer(1, period=250, mode=machine.Timer.ONE_SHOT, callback=lambda t: ticks.append("once"))
time.sleep_ms(560)
timer.deinit()
time.sleep_ms(500)
print(ticks.count("once"), [tick for tick in ticks if tick != "once"])
"""
    with running(tmp_path, main) as board:
        once, times = lines(board, 1)[0].split(" ", 1)
        assert once == "1"
        found = [int(part) for part in times.strip("[]").split(",")]
        assert len(found) == 5
        assert all(99 <= b - a <= 101 for a, b in zip(found, found[1:], strict=False))


LEAK = """
import machine, time
adc = machine.ADC(machine.Pin(34), atten=machine.ADC.ATTN_11DB)
while True:
    print(sum(adc.read_uv() for _ in range(16)) // 16)
    time.sleep_ms(100)
"""


def last(board: VirtualBoard) -> int:
    board.run(250)
    return int(printed(board)[-1])


def test_the_leak_probe_is_a_divider(tmp_path: Path) -> None:
    with running(tmp_path, LEAK) as board:
        assert abs(last(board) - 1_650_000) < 5_000
        board.set("leak", "wet")
        wet = 3.3e6 * (47 * 12 / 59) / (47 + 47 * 12 / 59)
        assert abs(last(board) - wet) < 5_000
        board.set("water_ohm", "3000")
        assert last(board) < wet / 2
        board.set("leak", "open")
        assert last(board) > 3_000_000
        board.set("leak", "short")
        assert last(board) < 160_000


def test_an_esp32_reads_142_millivolts_at_ground_and_a_c3_saturates_below_3_volts(tmp_path: Path) -> None:
    with running(tmp_path, LEAK, world={"leak": "short"}) as board:
        assert 142_000 <= last(board) < 150_000
    with running(tmp_path, LEAK.replace("34", "0"), chip="esp32c3", world={"leak": "short"}) as board:
        assert last(board) < 5_000
        board.set("leak", "open")
        assert 2_900_000 < last(board) < 3_000_000


def test_the_thermistor_follows_the_air_and_fails_in_its_own_ways(tmp_path: Path) -> None:
    spec = next(sensor for sensor in profile_of("kf320")["sensors"] if sensor["name"] == "fridge")
    with running(tmp_path, LEAK.replace("34", "35"), world={"fridge_c": "25"}) as board:
        assert abs(last(board) - 3.3e6 * 10_000 / (10_000 + spec["pull_up_ohm"])) < 5_000
        board.set("fridge_c", "4.5")
        cold = last(board)
        ohm = thermistors.resistance(spec, 4.5)
        assert abs(cold - 3.3e6 * ohm / (ohm + spec["pull_up_ohm"])) < 5_000
        board.set("fridge", "open")
        assert last(board) > 3_000_000
        board.set("fridge", "short")
        assert last(board) < 160_000


def test_a_raw_reading_has_the_scale_of_its_bits(tmp_path: Path) -> None:
    main = "import machine\na = machine.ADC(34)\nprint(a.read(), a.read_u16())\na.atten(machine.ADC.ATTN_0DB)\nprint(a.read())\n"
    with running(tmp_path, main) as board:
        first, second = lines(board, 2)
        raw, wide = map(int, first.split())
        assert abs(raw - (1650 - 142) * 4095 / (3140 - 142)) < 15
        assert abs(wide / 16 - raw) < 15
        assert second == "4095"  # 1.65 V is beyond the scale


PANEL = """
import machine, time
bus = machine.I2C(0, scl=machine.Pin(22), sda=machine.Pin(21), freq=400000)
print(bus.scan())
try: bus.writeto(0x20, b"x")
except OSError as error: print(error.args[0])
try: machine.I2C(1, scl=machine.Pin(18), sda=machine.Pin(19)).writeto(0x27, b"x")
except OSError as error: print(error.args[0])
from lib.lcd import Lcd
lcd = Lcd(bus)
lcd.start()
while lcd.show(["KF-320", "second", "third row of glass!!", "fourth"]): pass
print("shown")
time.sleep(100)
"""


def test_the_panel_shows_what_is_written_over_the_bus(tmp_path: Path) -> None:
    lcd = (Path(__file__).parents[2] / "lib/lcd.py").read_text()
    files = {"/a/lib/lcd.py": lcd, "/a/lib/__init__.py": ""}
    with running(tmp_path, "import sys\nsys.path.insert(0, '/a')\n" + PANEL, files=files) as board:
        assert lines(board, 4) == ["[39]", "19", "19", "shown"]
        assert board.panel == [
            "KF-320".ljust(20),
            "second".ljust(20),
            "third row of glass!!",
            "fourth".ljust(20),
        ]
        board.kill()
        assert board.panel == [" " * 20] * 4


def test_an_absent_panel_does_not_answer(tmp_path: Path) -> None:
    main = "import machine\nprint(machine.I2C(0, scl=machine.Pin(22), sda=machine.Pin(21)).scan())\n"
    with running(tmp_path, main, world={"panel": "absent"}) as board:
        assert lines(board, 1) == ["[]"]


def test_the_alarm_output_is_an_event(tmp_path: Path) -> None:
    main = "import machine, time\npin = machine.Pin(25, machine.Pin.OUT, value=0)\npin.on()\ntime.sleep(1)\npin.off()\ntime.sleep(9)\n"
    with running(tmp_path, main) as board:
        board.run(2000)
        found = [(event.detail, event.at_ms) for event in board.events if event.kind == "alarm"]
        assert [word for word, _ in found] == ["on", "off"]
        assert 999 <= found[1][1] - found[0][1] <= 1002


ECHO = """
import sys, asyncio
async def main():
    reader = asyncio.StreamReader(sys.stdin.buffer)
    while True:
        data = await reader.read(1)
        sys.stdout.buffer.write(b"<" + data + b">")
asyncio.run(main())
"""


def test_the_console_is_polled_byte_by_byte_and_written_raw(tmp_path: Path) -> None:
    with running(tmp_path, ECHO) as board:
        board.run(50)
        board.send(b"a\n\r\x00\xff")
        board.run(100)
        assert board.transcript.encode(errors="surrogateescape").endswith(
            "<a><\n><\r><\x00><\N{REPLACEMENT CHARACTER}>".encode()
        )


def test_printed_lines_end_as_a_terminal_wants_and_nothing_of_the_host_shows(tmp_path: Path) -> None:
    main = "import sys, socket\nsys.stdout.write('a\\n')\nprint('b')\nsocket.getaddrinfo('x', 1)\n"
    with running(tmp_path, main) as board:
        board.run(100)
        assert "a\r\nb\r\nTraceback (most recent call last):\r\n" in board.transcript
        assert 'File "main.py", line 4, in <module>\r\nOSError: -202' in board.transcript
        assert "shims" not in board.transcript


def test_bytes_come_at_115200_baud(tmp_path: Path) -> None:
    main = """
import sys, time
sys.stdin.buffer.read(1)
start = time.ticks_ms()
sys.stdin.buffer.read(1152)
print(time.ticks_diff(time.ticks_ms(), start))
"""
    with running(tmp_path, main) as board:
        board.run(50)
        board.send(b"x" * 1153)
        assert 95 <= int(lines(board, 1)[0]) <= 105


def test_a_program_that_does_not_read_loses_bytes_on_a_uart_but_not_on_usb(tmp_path: Path) -> None:
    main = (
        "import sys, time\ntime.sleep(1)\nn = 0\nwhile sys.stdin.buffer.read(1) != b'\\n': n += 1\nprint(n)\n"
    )
    with running(tmp_path, main) as board:
        board.run(50)
        board.send(b"x" * 600)
        board.run(1500)
        board.send(b"\n")
        assert lines(board, 1) == ["259"]
        assert any(event.kind == "overrun" for event in board.events)
    with running(tmp_path, main, chip="esp32c3") as board:
        board.run(50)
        board.send(b"x" * 600 + b"\n")
        assert lines(board, 1) == ["600"]


def test_writing_a_long_answer_holds_the_program_on_a_uart(tmp_path: Path) -> None:
    main = """
import sys, time
time.sleep_ms(100)
start = time.ticks_ms()
sys.stdout.buffer.write(b"." * 1152)
took = time.ticks_diff(time.ticks_ms(), start)
print("\\n", took)
"""
    with running(tmp_path, main) as board:
        board.run(1000)
        assert 80 <= int(printed(board)[1]) <= 95  # 100 ms less what the transmitter holds
    with running(tmp_path, main, chip="esp32c3") as board:
        board.run(1000)
        assert int(printed(board)[1]) <= 1


INTERRUPTED = """
import micropython, time
%s
try:
    while True: time.sleep_ms(10)
except KeyboardInterrupt:
    print("interrupted")
"""


def test_ctrl_c_interrupts_until_the_program_says_no(tmp_path: Path) -> None:
    with running(tmp_path, INTERRUPTED % "", speed=20.0) as board:
        board.wait(lambda board: "started" in [event.kind for event in board.events], 10_000)
        board.run(2000)
        board.send(b"\x03")
        assert lines(board, 1, 60_000) == ["interrupted"]
    with running(tmp_path, INTERRUPTED % "micropython.kbd_intr(-1)", speed=20.0) as board:
        board.run(4000)
        board.send(b"\x03")
        board.run(4000)
        assert "interrupted" not in board.transcript
        assert "prompt" not in kinds(board)


def test_ctrl_c_is_heard_again_when_main_starts_whatever_boot_said(tmp_path: Path) -> None:
    boot = "import micropython\nmicropython.kbd_intr(-1)\n"
    with running(tmp_path, INTERRUPTED % "", files={"/boot.py": boot}, speed=20.0) as board:
        board.run(4000)
        board.send(b"\x03")
        assert lines(board, 1, 60_000) == ["interrupted"]


def test_asyncio_wakes_from_an_interrupt_by_a_thread_safe_flag(tmp_path: Path) -> None:
    main = """
import asyncio, machine, time
flag = asyncio.ThreadSafeFlag()
machine.Pin(4, machine.Pin.IN, machine.Pin.PULL_UP).irq(lambda pin: flag.set())
async def main():
    await flag.wait()
    print("woken", time.ticks_ms())
asyncio.run(main())
"""
    with running(tmp_path, main) as board:
        board.at(700, "button", "pressed")
        word, at_ms = lines(board, 1)[0].split()
        assert word == "woken"
        assert 699 <= int(at_ms) <= 703


@pytest.mark.parametrize("value", ["1", "x" * 2049])
def test_rtc_memory_holds_2048_bytes(tmp_path: Path, value: str) -> None:
    main = f"import machine\ntry: machine.RTC().memory({value!r}.encode())\nexcept ValueError as e: print(e)\nelse: print('ok')\n"
    with running(tmp_path, main) as board:
        assert lines(board, 1) == ["ok" if len(value) == 1 else "buffer too long"]


def test_a_ctrl_c_in_the_middle_of_a_call_leaves_the_next_answers_right(tmp_path: Path) -> None:
    main = """
import machine, time
pin = machine.Pin(25, machine.Pin.OUT)
rtc = machine.RTC()
caught = wrong = number = 0
print("begin")
while caught < 25:
    number += 1
    try:
        said = b"%d" % number
        rtc.memory(said)
        pin.value(number & 1)
        time.sleep_ms(1)
        if pin.value() != number & 1 or rtc.memory() != said: wrong += 1
    except KeyboardInterrupt:
        caught += 1
        said = b"after %d" % caught
        rtc.memory(said)
        pin.value(caught & 1)
        if pin.value() != caught & 1 or rtc.memory() != said: wrong += 1
        print("caught", caught)
print("wrong", wrong)
"""
    with running(tmp_path, main, speed=1.0) as board:
        assert lines(board, 1) == ["begin"]
        for count in range(1, 26):
            # Real time on purpose: a signal of the host's is to meet the call wherever it is.
            board.wait(lambda board: False, 210 + count % 7)
            board.send(b"\x03")
            assert board.wait(lambda board, count=count: f"caught {count}" in printed(board), 4000), (
                board.transcript[-300:]
            )
        assert board.wait(lambda board: "wrong 0" in printed(board), 4000), board.transcript[-300:]
