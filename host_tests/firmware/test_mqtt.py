"""One MQTT connection: a real broker, and one that misbehaves. Every wait ends, and its end has a plain word.

On the real interpreter; simulated time runs while nothing arrives, so a deadline of ten seconds costs half of one.
"""

import pytest

from host_tests.firmware.scripted_broker import PINGRESP, Connection, ScriptedBroker, body, message, packet_id
from nameplate.broker import EmbeddedBroker

# A real broker


def test_with_a_real_broker_a_message_makes_the_round(ours):
    with EmbeddedBroker() as broker:
        out = ours(
            """
async def body():
    it = await opened(PORT)
    for number in range(3):
        await it.publish(b"cmd", b"message %d" % number)
    await it.publish(b"c/d", b"x" * 1500, True)
    await it.ping()
    for _ in range(50):
        if len(messages) == 3:
            break
        await asyncio.sleep_ms(100)
    print(messages)
    await it.close()
""",
            broker.port,
        )
    assert out[0] == str([(b"cmd", b"message %d" % number) for number in range(3)])


def test_a_real_broker_turns_a_wrong_secret_away(ours):
    with EmbeddedBroker(users={"unit": "right"}) as broker:
        out = ours(
            """
async def body():
    it = link(b"unit", b"right")
    await mqtt_connect.begin(it, lambda: stream(PORT), b"will", b"gone", b"cmd")
    print("in")
    await it.close()
    it = link(b"unit", b"wrong")
    try:
        await mqtt_connect.begin(it, lambda: stream(PORT), b"will", b"gone", b"cmd")
    finally:
        await it.close()
""",
            broker.port,
        )
    assert out[0] == "in"
    assert out[1] in ("LinkError: bad broker user or secret", "LinkError: not authorised by broker")


# One that misbehaves

OPEN_ONLY = """
async def body():
    it = link()
    try:
        await mqtt_connect.begin(it, lambda: stream(PORT), b"will", b"gone", b"cmd")
    finally:
        await it.close()
"""


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (1, "broker refuses MQTT 3.1.1"),
        (2, "broker refuses this client id"),
        (3, "broker not available"),
        (4, "bad broker user or secret"),
        (5, "not authorised by broker"),
        (77, "broker refuses (77)"),
    ],
)
def test_a_refusal_is_told_in_words(ours, code, words):
    with ScriptedBroker(lambda connection: connection.accept(code)) as broker:
        out = ours(OPEN_ONLY, broker.port)
    assert out[0] == f"LinkError: {words}"


def test_nobody_at_the_port(ours):
    with ScriptedBroker() as broker:
        port = broker.port
    out = ours(OPEN_ONLY, port)
    assert out[0].startswith("LinkError: broker not reached")


def test_a_broker_that_never_answers_connect(ours):
    with ScriptedBroker(Connection.end) as broker:
        out = ours(OPEN_ONLY, broker.port)
    assert out == ["LinkError: broker went silent", "after 10 s"]


def test_a_broker_that_closes(ours):
    with ScriptedBroker(lambda connection: connection.packet(1)) as broker:
        out = ours(OPEN_ONLY, broker.port)
    assert out[0] == "LinkError: broker closed the connection"


def test_a_publish_is_one_write_and_waits_for_its_own_acknowledgement(ours):
    def script(connection: Connection) -> None:
        connection.welcome()
        packet = connection.packet(3)
        connection.send(b"\x40\x02" + (packet_id(packet) + 1).to_bytes(2, "big"))  # somebody else's
        connection.send(message(b"t", b"between"))
        connection.acknowledge(packet)
        connection.end()

    with ScriptedBroker(script) as broker:
        out = ours(
            """
class Spy:
    def __init__(self, stream):
        self.stream = stream
        self.writes = []
        self.drain = stream.drain
        self.readexactly = stream.readexactly
        self.close = stream.close
        self.wait_closed = stream.wait_closed
    def write(self, data):
        self.writes.append(len(data))
        self.stream.write(data)
async def body():
    it = await opened(PORT)
    it._stream = spy = Spy(it._stream)
    await it.publish(b"a/b", b"x" * 700)
    print(spy.writes, messages)
    await it.close()
""",
            broker.port,
        )
    assert out[0] == f"[{3 + 2 + 3 + 2 + 700}] [(b't', b'between')]"


def test_a_broker_that_never_acknowledges_is_left(ours):
    def script(connection: Connection) -> None:
        connection.welcome()
        connection.end()

    with ScriptedBroker(script) as broker:
        out = ours(
            """
async def body():
    it = await opened(PORT)
    try:
        await it.publish(b"a/b", b"token")
    finally:
        await it.close()
""",
            broker.port,
        )
        assert [packet[0] >> 4 for packet in broker.connections[0].received] == [1, 8, 3]
    assert out == ["LinkError: broker went silent", "after 10 s"]


def test_a_ping_without_answer_ends_the_connection(ours):
    def script(connection: Connection) -> None:
        connection.welcome()
        connection.packet(12)
        connection.send(PINGRESP)
        connection.packet(12)
        connection.end()

    with ScriptedBroker(script) as broker:
        out = ours(
            """
async def body():
    it = await opened(PORT)
    await it.ping()
    print("answered")
    try:
        await it.ping()
    finally:
        await it.close()
""",
            broker.port,
        )
    assert out == ["answered", "LinkError: broker went silent", "after 10 s"]


@pytest.mark.parametrize("code", [b"\x80", b"\x01"], ids=["failure", "a QoS that was not asked for"])
def test_a_refused_subscription(ours, code):
    def script(connection: Connection) -> None:
        connection.accept()
        packet = connection.packet(8)
        connection.send(b"\x90\x03" + body(packet)[:2] + code)
        connection.end()

    with ScriptedBroker(script) as broker:
        out = ours(OPEN_ONLY, broker.port)
    assert out[0] == "LinkError: broker refuses the subscription"


def test_packet_identifiers_run_from_1_to_65535_and_start_again(ours):
    numbers = []

    def script(connection: Connection) -> None:
        connection.welcome()
        for _ in range(3):
            numbers.append(connection.acknowledge(connection.packet(3)))
        connection.end()

    with ScriptedBroker(script) as broker:
        ours(
            """
async def body():
    it = await opened(PORT)
    it.codec.client.pid = 65533
    for _ in range(3):
        await it.publish(b"a", b"b")
    await it.close()
""",
            broker.port,
        )
    assert numbers == [65534, 65535, 1]


WAIT_FOR_THE_END = """
async def body():
    it = await opened(PORT)
    for _ in range(240):
        if it.failure or len(messages) == 2:
            break
        await asyncio.sleep_ms(100)
    print(it.failure, refused.by, [(topic, len(payload)) for topic, payload in messages])
    await it.close()
"""


def after_subscription(*packets: bytes):
    def script(connection: Connection) -> None:
        connection.welcome()
        for packet in packets:
            connection.send(packet)
        connection.end()

    return script


def test_messages_that_are_too_long_are_thrown_away_and_counted(ours):
    packets = [
        message(b"cmd", b"first"),
        message(b"cmd", b"x" * 1025),
        message(b"cmd", b"x" * 2000),
        message(b"cmd", b"x" * 300000),
        message(b"cmd", b"x" * 1024),
    ]
    with ScriptedBroker(after_subscription(*packets)) as broker:
        out = ours(WAIT_FOR_THE_END, broker.port)
    assert out[0] == "None {'oversize': 3} [(b'cmd', 5), (b'cmd', 1024)]"


@pytest.mark.parametrize(
    "packet",
    [
        b"\x30\x02\x00\x09",
        message(b"cmd", b"\x00\x01hello", first=0x32),
        b"\x30\xff\xff\xff\xff\x01",
        b"\x90\x03\x00\x63\x00",
        b"\x20\x02\x00\x00",
        b"\x40\x00",
        b"\x40\x03\x00\x01\x00",
        b"\x41\x02\x00\x01",
        b"\x10\x00",
        b"\xd0\x00",
        b"\xf0\x00",
        b"HTTP/1.1 400 Bad Request\r\n" + b"X: " + b"x" * 100,
    ],
    ids=[
        "cut topic",
        "QoS 1",
        "endless length",
        "SUBACK",
        "CONNACK",
        "short PUBACK",
        "long PUBACK",
        "PUBACK with flags",
        "CONNECT",
        "PINGRESP",
        "reserved",
        "HTTP",
    ],
)
def test_a_packet_that_makes_no_sense_is_counted_and_ends_the_connection(ours, packet):
    with ScriptedBroker(after_subscription(packet)) as broker:
        out = ours(WAIT_FOR_THE_END, broker.port)
    assert out[0].startswith("malformed packet")
    assert "{'malformed': 1}" in out[0]


def test_a_packet_in_single_bytes_is_one_packet(ours):
    packets = [bytes([byte]) for byte in message(b"cmd", b"p" * 200)] + [message(b"cmd", b"second")]
    with ScriptedBroker(after_subscription(*packets)) as broker:
        out = ours(WAIT_FOR_THE_END, broker.port)
    assert out[0] == "None {} [(b'cmd', 200), (b'cmd', 6)]"


def refused(connection: Connection) -> None:
    connection.accept(5)


def used(connection: Connection) -> None:
    connection.welcome()
    connection.send(message(b"cmd", b"hello"))
    connection.acknowledge(connection.packet(3))
    connection.end()


@pytest.mark.parametrize("script", [refused, used])
def test_connections_leave_no_heap_behind(ours, script):
    with ScriptedBroker(*[script] * 250) as broker:
        out = ours(
            """
import gc
from lib import rare
del mqtt_connect
async def once():
    from firmware.uplink import mqtt_connect
    it = link()
    try:
        await mqtt_connect.begin(it, lambda: stream(PORT), b"will", b"gone", b"cmd")
        await it.publish(b"t", b"m" * 700)
    except LinkError:
        pass
    await it.close()
    messages.clear()
    rare.forget(("firmware.uplink.mqtt_connect",))  # as the uplink does; what it left anywhere would keep it
async def body():
    for _ in range(10):
        await once()
    gc.collect()
    before = gc.mem_free()
    for _ in range(240):
        await once()
    gc.collect()
    print(before - gc.mem_free())
""",
            broker.port,
        )
    assert int(out[0]) <= 2500  # the last one may still be held; not sixty of them


def test_any_bytes_at_all_end_a_connection_with_a_reason(ours):
    out = ours(
        """
import os
class Stream:
    def __init__(self, data):
        self.data = data
    async def readexactly(self, size):
        if size > len(self.data):
            raise EOFError
        found = self.data[:size]
        self.data = self.data[size:]
        return found
async def body():
    ends = set()
    for size in range(400):
        it = link()
        it._stream = Stream(b"\\x30" * (size % 2) + os.urandom(size))
        it._limit = 64
        it._wanted = b"\\x40\\x02\\x00\\x01"
        await it._read()
        ends.add(it.failure)
    print(sorted(ends))
""",
        1,
    )
    assert out[0] == "['broker closed the connection', 'malformed packet']"
