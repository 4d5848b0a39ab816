"""The faults of umqtt.simple in how it waits, each on the bare library and then on ours, with the same broker.

Those in what it sends and takes in are in test_umqtt_faults.py; docs/uplink.md has the table of them.
"""

import threading

import pytest

from host_tests.firmware.scripted_broker import PINGRESP, Connection, ScriptedBroker, message
from host_tests.firmware.simulated_time import PRELUDE
from host_tests.firmware.test_uplink import SETUP as UPLINK
from host_tests.firmware.umqtt_fixtures import FILL, deaf, one_answer, silent


def test_the_harness_knows_what_does_not_hang(hangs):
    def script(connection: Connection) -> None:
        connection.accept()
        connection.acknowledge(connection.packet(3))
        connection.end()

    with ScriptedBroker(script) as broker:
        assert not hangs(
            "client = connected()\nprint('waiting')\nclient.publish(b't', b'm', False, 1)", broker.port
        )


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
