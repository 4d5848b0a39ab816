"""The faults of umqtt.simple, each shown on the bare library and then on ours, against the same broker.

Bare is 1.3.4 as it comes, on a blocking socket, as its own examples use it. What hangs is ended by this file half a second
after it said that it waits. Ours runs in simulated time. docs/uplink.md has the table of them.
"""

import subprocess
import threading

import pytest

from host_tests.conftest import micropython_command
from host_tests.firmware.scripted_broker import (
    PINGRESP,
    Connection,
    ScriptedBroker,
    message,
    packet_id,
)
from host_tests.firmware.simulated_time import PRELUDE
from host_tests.firmware.test_mqtt import SETUP
from host_tests.firmware.test_uplink import SETUP as UPLINK
from nameplate.broker import EmbeddedBroker

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
        setup = prelude + SETUP.replace("{umqtt!r}", repr(str(umqtt)))
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


def test_the_harness_knows_what_does_not_hang(hangs):
    def script(connection: Connection) -> None:
        connection.accept()
        connection.acknowledge(connection.packet(3))
        connection.end()

    with ScriptedBroker(script) as broker:
        assert not hangs(
            "client = connected()\nprint('waiting')\nclient.publish(b't', b'm', False, 1)", broker.port
        )


# Short writes: what a socket with a deadline did not take is left out, and the next packet follows all the same.


@pytest.mark.parametrize("deadline", ["setblocking(False)", "settimeout(0.02)"])
def test_short_writes_bare(bare, tmp_path, deadline):
    found: list[bytes] = []

    def script(connection: Connection) -> None:
        connection.accept()
        while not (tmp_path / "written").exists():
            threading.Event().wait(0.01)
        found.append(connection.packet(3))
        connection.end()

    with ScriptedBroker(script, narrow=True) as broker:
        out = bare(
            f"""
client = connected()
narrow(client.sock)
client.sock.{deadline}
try:
    client.publish(b"t", b"a" * 40000)
    print("published")
except OSError:
    print("out of time")
open("written", "w").close()
client.sock.setblocking(True)
client.publish(b"t", b"b" * 40000)
client.sock.close()
""",
            broker.port,
        )
    assert out == ["published" if "False" in deadline else "out of time"]
    assert found[0].count(b"a") < 40000
    assert b"b" in found[0]  # one message, out of the pieces of two


def test_short_writes_ours(ours):
    found = []

    def script(connection: Connection) -> None:
        connection.welcome()
        threading.Event().wait(0.1)
        for _ in range(4):
            found.append(connection.packet(3))
            connection.acknowledge(found[-1])
        connection.end()

    with ScriptedBroker(script, narrow=True) as broker:
        out = ours(
            """
async def body():
    it = await opened(PORT)
    it._stream.s.setsockopt(1, 7, 4096)
    for letter in b"abcd":
        await it.publish(b"t", bytes((letter,)) * 40000)
    print("published")
    await it.close()
""",
            broker.port,
        )
    assert out[0] == "published"
    assert [packet[9:] for packet in found] == [letter * 40000 for letter in (b"a", b"b", b"c", b"d")]


# Lost deadlines: wait_msg makes the socket block again, whatever time-out it was given.

# To block is to have no time-out: so says the documentation, and so it is on a chip. The unix port keeps the time-out.
AS_ON_A_CHIP = """
class Socket:
    def __init__(self, sock):
        self.read = sock.read
        self.write = sock.write
        self.settimeout = sock.settimeout
    def setblocking(self, on):
        self.settimeout(None if on else 0)
"""


@pytest.mark.parametrize(
    ("sock", "deadline"), [("client.sock", "setblocking(False)"), ("Socket(client.sock)", "settimeout(0.02)")]
)
def test_a_deadline_is_lost_bare(hangs, sock, deadline):
    with ScriptedBroker(one_answer) as broker:
        assert hangs(
            f"""
{AS_ON_A_CHIP}
client = connected()
client.ping()
time.sleep_ms(50)
client.sock = {sock}
client.sock.{deadline}
client.wait_msg()
print("waiting")
try:
    client.wait_msg()
except OSError:
    pass
""",
            broker.port,
        )


def test_every_wait_has_its_deadline_ours(ours):
    def script(connection: Connection) -> None:
        connection.welcome()
        connection.packet(12)
        connection.send(PINGRESP)
        connection.send(message(b"cmd", b"hello"))
        connection.acknowledge(connection.packet(3))
        connection.end()

    with ScriptedBroker(script) as broker:
        out = ours(
            """
async def body():
    it = await opened(PORT)
    await it.ping()
    await it.publish(b"t", b"m")
    print(messages)
    try:
        await it.ping()
    finally:
        await it.close()
""",
            broker.port,
        )
    assert out == ["[(b'cmd', b'hello')]", "LinkError: broker went silent", "after 10 s"]


def test_connect_waits_for_ever_bare(hangs):
    with ScriptedBroker(Connection.end) as broker:
        assert hangs("print('waiting')\nconnected()", broker.port)


def test_connect_waits_ten_seconds_ours(ours):
    with ScriptedBroker(Connection.end) as broker:
        out = ours("async def body():\n    await opened(PORT)", broker.port)
    assert out == ["LinkError: broker went silent", "after 10 s"]


# PINGRESP: an answer and no answer look alike.


def test_pingresp_is_not_told_from_silence_bare(bare):
    with ScriptedBroker(one_answer) as broker:
        out = bare(
            """
client = connected()
client.ping()
answered = client.wait_msg()
client.ping()
time.sleep_ms(50)
print(answered, client.check_msg())
""",
            broker.port,
        )
    assert out == ["None None"]


def test_pingresp_is_told_from_silence_ours(ours):
    with ScriptedBroker(one_answer) as broker:
        out = ours(
            """
async def body():
    it = await opened(PORT)
    await it.ping()
    print("answered")
    await it.ping()
""",
            broker.port,
        )
    assert out == ["answered", "LinkError: broker went silent", "after 10 s"]


# A broker that takes no more bytes: ping and disconnect write to a socket that blocks.


@pytest.mark.parametrize("call", ["ping", "disconnect"])
def test_a_full_socket_hangs_bare(hangs, call):
    over = threading.Event()
    with ScriptedBroker(lambda connection: deaf(connection, False, over), narrow=True) as broker:
        try:
            assert hangs(
                f"""
{FILL}
client = connected()
client.sock.setblocking(False)
fill(client.sock, time.sleep_ms)
client.check_msg()  # which makes it block again
print("waiting")
client.{call}()
""",
                broker.port,
            )
        finally:
            over.set()


@pytest.mark.parametrize("call", ["ping", "close"])
def test_a_full_socket_is_left_ours(ours, call):
    over = threading.Event()
    with ScriptedBroker(lambda connection: deaf(connection, True, over), narrow=True) as broker:
        try:
            out = ours(
                f"""
{FILL}
async def body():
    it = await opened(PORT)
    fill(it._stream.s, _time.sleep_ms)
    try:
        await it.{call}()
    finally:
        await it.close()
    print("closed")
""",
                broker.port,
            )
        finally:
            over.set()
    assert out == (
        ["closed", "after 0 s"]
        if call == "close"
        else ["LinkError: broker takes no more bytes", "after 10 s"]
    )


# Keep-alive: promised to the broker, and left to whoever calls. In simulated time; the bare library asks for none.


def test_keep_alive_is_not_kept_bare(bare):
    with ScriptedBroker(silent) as broker:
        out = bare(
            """
client = connected(60)
for _ in range(200):
    time.stand_still(1000)
    client.check_msg()
print("200 s")
client.sock.close()
""",
            broker.port,
            "import sys\n" + PRELUDE,
        )
    assert out == ["200 s"]
    assert [packet[0] >> 4 for packet in broker.connections[0].received] == [1]


KEPT_ALIVE = """
sys.path.append({umqtt!r})
async def body():
    await until(lambda: status.word == "online")
    start = time.ticks_ms()
    while status.word == "online":
        await asyncio.sleep_ms(50)
    print(status.word, time.ticks_diff(time.ticks_ms(), start) // 1000)
    network.up = False
"""


def introduced(connection: Connection) -> None:
    connection.welcome()
    connection.acknowledge(connection.packet(3))
    connection.acknowledge(connection.packet(3))


def fallen_silent(connection: Connection) -> None:
    introduced(connection)
    connection.end()


def talking_past(connection: Connection) -> None:
    introduced(connection)
    over = threading.Event()

    def talk() -> None:
        while not over.wait(0.02):
            try:
                connection.send(message(b"cmd/else", b"and another thing"))
            except OSError:
                return

    talker = threading.Thread(target=talk)
    talker.start()
    connection.end()
    over.set()
    talker.join()


@pytest.mark.parametrize("script", [fallen_silent, talking_past])
def test_a_silent_broker_is_noticed_within_the_keep_alive_ours(micropython, umqtt, script):
    with ScriptedBroker(script) as broker:
        setup = f"PORT = {broker.port}\n" + (UPLINK + KEPT_ALIVE).replace("{umqtt!r}", repr(str(umqtt)))
        out = micropython(f"{setup}\nrun(body)\n").split("\n")
    words, _, seconds = out[0].rpartition(" ")
    assert words == "broker went silent"
    assert 25 <= int(seconds) < 60
    assert [packet[0] >> 4 for packet in broker.connections[0].received] == [1, 8, 3, 3, 12]


# QoS 1: an acknowledgement that never comes.


def test_qos_1_waits_for_ever_bare(hangs):
    with ScriptedBroker(silent) as broker:
        assert hangs(
            "client = connected()\nprint('waiting')\nclient.publish(b't', b'm', False, 1)", broker.port
        )


def test_qos_1_waits_ten_seconds_ours(ours):
    with ScriptedBroker(silent) as broker:
        out = ours(
            "async def body():\n    it = await opened(PORT)\n    await it.publish(b't', b'm')", broker.port
        )
    assert out == ["LinkError: broker went silent", "after 10 s"]


# The message number: 65,536 is sent as 0, and 0 is no answer to 65,536.


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


def numbers(broker: ScriptedBroker) -> list[int]:
    return [packet_id(packet) for packet in broker.connections[0].received if packet[0] >> 4 == 3]


def test_message_65536_hangs_bare(hangs):
    with ScriptedBroker(acknowledging) as broker:
        assert hangs(
            """
client = connected()
client.pid = 65534
client.publish(b"t", b"m", False, 1)
print("waiting")
client.publish(b"t", b"m", False, 1)
""",
            broker.port,
        )
    assert numbers(broker) == [65535, 0]


def test_message_65536_is_number_1_ours(ours):
    with ScriptedBroker(acknowledging) as broker:
        out = ours(
            """
async def body():
    it = await opened(PORT)
    it._codec.client.pid = 65534
    await it.publish(b"t", b"m")
    await it.publish(b"t", b"m")
    print("published")
    await it.close()
""",
            broker.port,
        )
    assert out[0] == "published"
    assert numbers(broker) == [65535, 1]


# Oversize input: what a broker announces is what is allocated.


def talkative(connection: Connection) -> None:
    silent_after = [message(b"cmd", b"x" * 100000), message(b"cmd", b"short")]
    connection.accept()
    packet = connection.packet()
    if packet[0] == 0x82:
        grant(connection, packet)
    for packet in silent_after:
        connection.send(packet)
    connection.end()


def test_oversize_input_takes_the_heap_bare(bare):
    with ScriptedBroker(talkative) as broker:
        out = bare(
            """
client = connected()
client.ping()
try:
    client.wait_msg()
except MemoryError:
    print("MemoryError")
print(client.wait_msg(), messages)  # and the rest of it is taken for packets
""",
            broker.port,
            heap="128k",
        )
    assert out == ["MemoryError", "120 []"]


def test_oversize_input_is_thrown_away_ours(ours):
    with ScriptedBroker(talkative) as broker:
        out = ours(
            """
async def body():
    it = await opened(PORT)
    for _ in range(60):
        if messages:
            break
        await asyncio.sleep_ms(100)
    print(messages, refused.by, it.failure)
    await it.close()
""",
            broker.port,
            heap="128k",
        )
    assert out[0] == "[(b'cmd', b'short')] {'oversize': 1} None"


# Stripped asserts: at optimisation level 3 nothing of what a broker says is checked.

STRIPPED = "import micropython\nmicropython.opt_level(3)\n"


def no_connack(connection: Connection) -> None:
    connection.packet(1)
    connection.send(b"\x90\x02\x00\x00")
    connection.end()


def wrong_suback(connection: Connection) -> None:
    connection.accept()
    packet = connection.packet(8)
    connection.send(b"\x90\x03" + bytes([packet[2] ^ 1, packet[3] ^ 1]) + b"\x00")
    connection.end()


@pytest.mark.parametrize("script", [no_connack, wrong_suback])
@pytest.mark.parametrize(("prelude", "said"), [("", "AssertionError"), (STRIPPED, "all is well")])
def test_asserts_are_all_its_checks_bare(bare, script, prelude, said):
    with ScriptedBroker(script) as broker:
        out = bare(
            """
try:
    connected().subscribe(b"t") if SUBSCRIBE else connected()
    print("all is well")
except AssertionError:
    print("AssertionError")
""",
            broker.port,
            f"{prelude}SUBSCRIBE = {script is wrong_suback}\n",
        )
    assert out == [said]


@pytest.mark.parametrize("script", [no_connack, wrong_suback])
@pytest.mark.parametrize("prelude", ["", STRIPPED])
def test_wrong_answers_end_the_connection_ours(ours, script, prelude):
    with ScriptedBroker(script) as broker:
        out = ours("async def body():\n    await opened(PORT)", broker.port, prelude=prelude)
    assert out[0] == "LinkError: malformed packet"


# A long SUBSCRIBE: one byte for a length that needs two. A real broker does not understand it.

TOPIC = b"long/" + b"t" * 130


def test_a_long_subscribe_is_not_understood_bare(bare):
    with EmbeddedBroker() as broker:
        out = bare(
            f"""
client = connected()
client.sock.settimeout(1)
try:
    client.subscribe({TOPIC!r})
    print("subscribed")
except OSError:
    print("the broker has closed")
""",
            broker.port,
        )
    assert out == ["the broker has closed"]


def test_a_long_subscribe_is_understood_ours(ours):
    with EmbeddedBroker() as broker:
        out = ours(
            f"""
async def body():
    it = link()
    await it.open(lambda: stream(PORT), b"will", b"gone", {TOPIC!r})
    await it.publish({TOPIC!r}, b"through")
    for _ in range(50):
        if messages:
            break
        await asyncio.sleep_ms(100)
    print(messages[0][0] == {TOPIC!r}, messages[0][1])
    await it.close()
""",
            broker.port,
        )
    assert out[0] == "True b'through'"


# One write a packet: several small ones wait for each other's acknowledgement by TCP (`nameplate bench mqtt` has the times).

SPY = """
class Spy:
    def __init__(self, socket):
        self._socket = socket
        self.read = socket.read
        self.setblocking = socket.setblocking
        self.writes = 0
    def write(self, *data):
        self.writes += 1
        return self._socket.write(*data)
"""


def test_a_publish_is_five_writes_bare(bare):
    with ScriptedBroker(acknowledging) as broker:
        out = bare(
            SPY
            + """
client = connected()
client.sock = spy = Spy(client.sock)
client.publish(b"t", b"m", False, 1)
print(spy.writes)
""",
            broker.port,
        )
    assert out == ["5"]


def test_every_packet_is_one_write_ours(ours):
    with ScriptedBroker(acknowledging) as broker:
        out = ours(
            """
class Counted(asyncio.StreamWriter):
    writes = 0
    def write(self, data):
        Counted.writes += 1
        super().write(data)
async def counted():
    return Counted((await stream(PORT)).s)
async def body():
    it = link()
    await it.open(counted, b"will", b"gone", b"cmd")
    print(Counted.writes)
    await it.publish(b"t", b"m" * 700)
    print(Counted.writes)
    await it.close()
""",
            broker.port,
        )
    assert out[:2] == ["2", "3"]  # CONNECT, SUBSCRIBE; PUBLISH
