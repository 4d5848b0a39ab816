"""The serial carrier on the real interpreter: over a pty, under a flood, and with nobody reading."""

import json
import os
import pty
import select
import subprocess
import time
import tty

import pytest

from host_tests.conftest import ROOT, micropython_command
from host_tests.firmware.simulated_time import PRELUDE

AGENT = """
import sys
sys.path.insert(0, ROOT)
import asyncio
from host_tests.firmware import fakes
from firmware.console.serial import SerialConsole
appliance = fakes.Appliance(journal=[b"started"])
console = SerialConsole(appliance.view, sys.stdin.buffer, sys.stdout.buffer)
asyncio.run(console.run(lambda: None))
"""


class Terminal:
    """The other end of the line."""

    def __init__(self, script):
        self._end, port = pty.openpty()
        tty.setraw(port)
        self._process = subprocess.Popen(
            [*micropython_command(), "-X", "heapsize=320k", str(script)], stdin=port, stdout=port, stderr=port
        )
        os.close(port)
        os.set_blocking(self._end, False)
        self._rest = b""

    def send(self, data, until_ms=10000):
        """Write all of it, however slowly it is taken; False when it is not."""
        while data:
            if not select.select([], [self._end], [], until_ms / 1000)[1]:
                return False
            data = data[os.write(self._end, data) :]
        return True

    def line(self, timeout=10):
        while b"\r\n" not in self._rest:
            assert select.select([self._end], [], [], timeout)[0], f"silent after {self._rest!r}"
            self._rest += os.read(self._end, 4096)
        line, self._rest = self._rest.split(b"\r\n", 1)
        return line.decode()

    def close(self):
        self._process.kill()
        self._process.wait()
        os.close(self._end)


@pytest.fixture
def terminal(tmp_path):
    script = tmp_path / "agent.py"
    script.write_text(AGENT.replace("ROOT", repr(str(ROOT))))
    opened = Terminal(script)
    yield opened
    opened.close()


def test_a_dialogue_with_a_person_and_a_program(terminal):
    terminal.send(b"\nid\r")
    assert terminal.line() == "KF-320 fridge-freezer by Acme"
    assert terminal.line() == "serial    4F7-220918"
    for _ in range(4):
        terminal.line()
    request = b'{"jsonrpc":"2.0","id":"np-1","method":"read","params":{"nonce":"bm9uY2Utbm9uY2U"}}\n'
    for byte in request:
        terminal.send(bytes([byte]))
    answer = json.loads(terminal.line())
    assert answer["id"] == "np-1"
    assert set(answer["result"]) == {"binding", "identity", "reply"}
    terminal.send(b"\xc3\n\x00\xff\n{\n" + b"y" * 3000 + b"\n")
    assert terminal.line() == "? plain letters only: try help"
    assert terminal.line() == "? plain letters only: try help"
    assert json.loads(terminal.line())["error"]["code"] == -32700
    assert terminal.line() == "? line longer than 512 bytes: ignored"


def test_nobody_reads_and_the_console_lives(terminal):
    """Far more answers than the line holds, none of them read for longer than the console's patience."""
    end = "A line that starts with { is JSON-RPC 2.0."
    assert terminal.send(b"help\n" * 2000)
    time.sleep(2.5)
    assert terminal.send(b"\n" + b'{"jsonrpc":"2.0","id":"last","method":"version"}\n')
    answers = 0
    while '"last"' not in (line := terminal.line()):
        answers += line.endswith(end)
    assert 1 <= answers < 2000
    assert json.loads(line[line.index("{") :])["result"]["firmware"] == "0.1.0"


def test_a_flood_gets_a_fair_share_of_the_loop_and_no_more(micropython):
    printed = micropython("""
import asyncio, io
from host_tests.firmware import fakes
from firmware.console import serial
serial.SerialConsole.ready = lambda self, poll: True  # polling a stand-in sleeps for a millisecond each time
class Flood(io.IOBase):
    def __init__(self, data):
        self.data = data
        self.taken = 0
        self.written = 0
        self.most = 0
    def ioctl(self, request, arg):
        return arg & (1 | 4) if request == 3 else -1
    def read(self, count):
        self.taken += count
        return self.data[self.taken % len(self.data) :][:1]
    def write(self, data):
        self.written += len(data)
        self.most = max(self.most, len(data))
        return len(data)
async def main(data):
    line = Flood(data)
    appliance = fakes.Appliance()
    console = serial.SerialConsole(appliance.view, line, line, line)
    signs = []
    task = asyncio.create_task(console.run(lambda: signs.append(1)))
    worst = 0
    for _ in range(300):
        before = line.taken + line.written
        await asyncio.sleep_ms(0)
        worst = max(worst, line.taken + line.written - before)
    task.cancel()
    print(worst <= 128, worst > 0, line.most <= 64, len(signs) > 100, console.session.failures)
for data in (b"x" * 97, b"help\\n", b"\\n", b"\\xff\\n", b'{"jsonrpc":"2.0","id":1,"method":"help"}\\n', b"[" * 400 + b"\\n"):
    asyncio.run(main(data))
""")
    assert printed.splitlines() == ["True True True True 0"] * 6


def test_nobody_reading_drops_the_answer_and_later_ones_do_not_wait(micropython):
    printed = micropython(
        PRELUDE
        + """
import io
from host_tests.firmware import fakes
from firmware.console import serial
class Line(io.IOBase):
    def __init__(self):
        self.data = b"id\\nversion\\nhelp\\n"
        self.open = False
        self.got = b""
    def ioctl(self, request, arg):
        if request != 3:
            return -1  # no file descriptor: ask again with 3
        return (arg & 1 if self.data else 0) | (arg & 4 if self.open else 0)
    def read(self, count):
        byte, self.data = self.data[:1], self.data[1:]
        return byte
    def write(self, data):
        self.got += bytes(data)
        return len(data)
async def main():
    line = Line()
    signs = []
    console = serial.SerialConsole(fakes.Appliance().view, line, line, line)
    started = time.ticks_ms()
    task = asyncio.create_task(console.run(lambda: signs.append(1)))
    while not console.session or console.session.dropped < 3:
        await asyncio.sleep_ms(5)
    took = time.ticks_diff(time.ticks_ms(), started)
    print(console.session.dropped, 2000 <= took < 2 * 2000, len(signs) > 20, line.got)
    line.open = True
    line.data = b"version\\n"
    while not line.got.endswith(b"\\r\\n"):
        await asyncio.sleep_ms(5)
    print(line.got[:9], console.session.failures)
    task.cancel()
asyncio.run(main())
"""
    )
    assert printed.splitlines() == ["3 True True b''", "b'nameplate' 0"]


def test_a_closed_or_broken_line_ends_nothing(micropython):
    printed = micropython("""
import asyncio, io
from host_tests.firmware import fakes
from firmware.console import serial
class Line(io.IOBase):
    def __init__(self):
        self.data = b"id\\n"
        self.reads = 0
    def ioctl(self, request, arg):
        return arg & 5 if request == 3 else -1
    def read(self, count):
        self.reads += 1
        byte, self.data = self.data[:1], self.data[1:]
        return byte
    def write(self, data):
        raise OSError(5)
async def main():
    line = Line()
    console = serial.SerialConsole(fakes.Appliance().view, line, line, line)
    task = asyncio.create_task(console.run(lambda: None))
    await asyncio.sleep_ms(300)
    print(task.done(), console.session.dropped, console.session.failures, line.reads <= 6)
    task.cancel()
asyncio.run(main())
""")
    assert printed.splitlines() == ["False 1 0 True"]
