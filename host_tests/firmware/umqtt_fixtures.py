"""Runs scripts on the bare umqtt.simple and on our link, and the brokers that both meet.

Bare is 1.3.4 as it comes, on a blocking socket, as its own examples use it. What hangs is ended half a second after it
said that it waits. Ours runs in simulated time.
"""

import subprocess
import threading

import pytest

from host_tests.conftest import micropython_command
from host_tests.firmware.scripted_broker import PINGRESP, Connection
from host_tests.firmware.simulated_time import PRELUDE

HANGS_S = 0.5

BARE = """
sys.path.append({umqtt!r})
import time
from umqtt.simple import MQTTClient
messages = []
def connected(keepalive=0):
    client = MQTTClient(b"unit", "127.0.0.1", PORT, keepalive=keepalive)
    client.set_callback(lambda topic, message: messages.append((topic, message)))
    client.connect()
    return client
def narrow(sock):
    sock.setsockopt(1, 7, 4096)  # SOL_SOCKET, SO_SNDBUF, of Linux: few bytes on their way are enough to fill it
"""

OURS = (
    PRELUDE
    + """
sys.path.append({umqtt!r})
from lib.mqtt_memory import Codec
from firmware.uplink import mqtt_connect
from firmware.uplink.mqtt import Link, LinkError
from firmware.uplink.refused import Refused

refused = Refused()
messages = []
def link(user=None, secret=None):
    return Link(Codec(b"unit", user, secret, 60), lambda topic, payload: messages.append((topic, payload)), refused)

def run(body):
    strays = []
    async def guarded():
        asyncio.get_event_loop().set_exception_handler(lambda loop, context: strays.append(context["exception"]))
        start = time.ticks_ms()
        try:
            await body()
        except LinkError as error:
            print("LinkError:", error)
        await asyncio.sleep_ms(100)
        for stray in strays:
            sys.print_exception(stray)
        print("after", time.ticks_diff(time.ticks_ms(), start) // 1000, "s")
    asyncio.run(guarded())

async def stream(port):
    return (await asyncio.open_connection("127.0.0.1", port))[0]

async def opened(port):
    it = link()
    await mqtt_connect.begin(it, lambda: stream(port), b"will", b"gone", b"cmd")
    return it
"""
)

FILL = """
def fill(sock, sleep_ms):
    sock.setsockopt(1, 7, 4096)
    quiet = 0
    while quiet < 4:
        if sock.write(b"\\xc0\\x00" * 500):
            quiet = 0
        else:
            quiet += 1
            sleep_ms(30)
"""


@pytest.fixture
def bare(micropython, bare_umqtt):
    """Run a script on the bare library against a port; what it printed, line by line."""

    def run(script: str, port: int, prelude: str = "", heap: str = "320k") -> list[str]:
        setup = f"PORT = {port}\n" + prelude + BARE.replace("{umqtt!r}", repr(str(bare_umqtt)))
        return micropython(setup + script, heap=heap).split("\n")[:-1]

    return run


@pytest.fixture
def hangs(tmp_path, bare_umqtt):
    """Run a script on the bare library that is still at work half a second after it printed "waiting"."""

    def run(script: str, port: int) -> bool:
        path = tmp_path / "hangs.py"
        setup = BARE.replace("{umqtt!r}", repr(str(bare_umqtt)))
        path.write_text(f"import sys\nPORT = {port}\n{setup}\n{script}\nprint('done')\n")
        with subprocess.Popen(
            [*micropython_command(), "-X", "heapsize=320k", str(path)], stdout=subprocess.PIPE, text=True
        ) as process:
            assert process.stdout is not None
            try:
                while (line := process.stdout.readline()) != "waiting\n":
                    assert line, "it ended before it had anything to wait for"
                process.wait(HANGS_S)
            except subprocess.TimeoutExpired:
                return True
            finally:
                process.kill()
            assert (
                process.stdout.read() == "done\n"
            )  # not an exception: that would be no hang, and no success either
        return False

    return run


@pytest.fixture
def ours(micropython, umqtt):
    """Run a script body (a coroutine `body`) with our link to a port; what it printed, line by line."""

    def run(script: str, port: int, heap: str = "320k", prelude: str = "") -> list[str]:
        setup = prelude + OURS.replace("{umqtt!r}", repr(str(umqtt)))
        return micropython(f"{setup}\nPORT = {port}\n{script}\nrun(body)\n", heap=heap).split("\n")[:-1]

    return run


def silent(connection: Connection) -> None:
    """Grants what is asked at the beginning, and never says anything after it."""
    connection.accept()
    try:
        while (packet := connection.packet())[0] == 0x82:
            grant(connection, packet)
    except EOFError:
        return
    connection.end()


def grant(connection: Connection, subscribe: bytes) -> None:
    connection.send(b"\x90\x03" + subscribe[2:4] + b"\x00")


def one_answer(connection: Connection) -> None:
    connection.accept()
    if connection.packet()[0] == 0x82:
        grant(connection, connection.received[-1])
        connection.packet(12)
    connection.send(PINGRESP)
    connection.end()


def deaf(connection: Connection, welcome: bool, until: threading.Event) -> None:
    """Reads no more after the beginning, until it is told to."""
    connection.welcome() if welcome else connection.accept()
    until.wait(30)


def acknowledging(connection: Connection) -> None:
    connection.accept()
    try:
        while True:
            packet = connection.packet()
            if packet[0] >> 4 == 3:
                connection.acknowledge(packet)
            else:
                grant(connection, packet)
    except (EOFError, ConnectionError):
        pass
