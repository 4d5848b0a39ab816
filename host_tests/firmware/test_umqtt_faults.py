"""The faults of umqtt.simple in what it sends and takes in, each on the bare library and then on ours, with the same broker.

Those in how it waits are in test_umqtt_waits.py; docs/uplink.md has the table of them.
"""

import threading

import pytest

from host_tests.firmware.scripted_broker import Connection, ScriptedBroker, message, packet_id
from host_tests.firmware.umqtt_fixtures import acknowledging, grant
from nameplate.broker import EmbeddedBroker

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


# The message number: 65,536 is sent as 0, and 0 is no answer to 65,536.


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
    it.codec.client.pid = 65534
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
    await mqtt_connect.begin(it, lambda: stream(PORT), b"will", b"gone", {TOPIC!r})
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
    await mqtt_connect.begin(it, counted, b"will", b"gone", b"cmd")
    print(Counted.writes)
    await it.publish(b"t", b"m" * 700)
    print(Counted.writes)
    await it.close()
""",
            broker.port,
        )
    assert out[:2] == ["2", "3"]  # CONNECT, SUBSCRIBE; PUBLISH
