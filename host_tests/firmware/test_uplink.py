"""The way out, whole: what is said at connect and in what order, what stays in the outbox, and how trouble is told.

On the real interpreter in simulated time, against a real broker or one that does what a test tells it.
"""

import json
import threading
import time

import paho.mqtt.client as paho
import pytest

from host_tests.firmware.scripted_broker import PINGRESP, Connection, ScriptedBroker, body, message
from host_tests.firmware.simulated_time import PRELUDE
from nameplate.broker import EmbeddedBroker

ROOT = "nameplate/1/32473/AQIDBAUGBwgJCgsMDQ4PEBE/"

SETUP = (
    PRELUDE
    + """
sys.path.append({umqtt!r})
from lib.mqtt_memory import Codec
from firmware.clock import Clock
from firmware.uplink.dns import Resolver
from firmware.uplink.refused import Refused
from firmware.uplink.status import LinkStatus
from firmware.uplink.uplink import Uplink

class Unit:
    ueid = "AQIDBAUGBwgJCgsMDQ4PEBE"
    oemid = 32473
    binding = b"the binding"
    broker_user, broker_secret = "user", "secret"
class Settings:
    consent = "full"
    broker_url = "mqtt://127.0.0.1:" + str(PORT)
class Network:
    room = asyncio.Lock()
    up = True
    state = "Wi-Fi: no access point"
class Outbox:
    def __init__(self):
        self.tokens = []
        self.gone = []
    @property
    def waiting(self):
        return len(self.tokens)
    def next(self):
        return self.tokens[0] if self.tokens else None
    def done(self, number):
        self.tokens = [token for token in self.tokens if token[0] != number]
        self.gone.append(number)
class Signer:
    async def sign(self, typ, payload):
        return payload
class Commands:
    waiting = False
    offered = []
    def offer(self, payload):
        self.offered.append(payload)
        self.waiting = True
    async def answer(self):
        self.waiting = False
        return b"reply to " + self.offered[-1]

class Nvs:
    blobs = {}
    def get_blob(self, key, limit):
        return self.blobs.get(key)
class Watch:
    suspected = False
    faults = []
    def active(self):
        return self.faults

unit, settings, network, outbox, commands, refused = Unit(), Settings(), Network(), Outbox(), Commands(), Refused()
clock = Clock(1795478400)
status = LinkStatus(network, clock.uptime_s)
codec = Codec(unit.ueid.encode(), b"user", b"secret", 60)
uplink = Uplink(unit, settings, clock, 7, network, status, outbox, Signer(), commands, codec, refused,
    (Resolver(lambda: None), Nvs(), clock, Watch()))
longest = [0, time.ticks_ms()]
def alive():
    now = time.ticks_ms()
    longest[0] = max(longest[0], time.ticks_diff(now, longest[1]))
    longest[1] = now
async def until(condition, seconds=60):
    for _ in range(seconds * 10):
        if condition():
            return True
        await asyncio.sleep_ms(100)
    return False
def run(body):
    async def guarded():
        task = asyncio.create_task(uplink.run(alive))
        await body()
        task.cancel()
        try:
            await task
        except asyncio.CancelledError:
            pass
    asyncio.run(guarded())
    print("no wait over 30 s:", longest[0] <= 30000)
"""
)


@pytest.fixture
def uplinked(micropython, umqtt):
    """Run a script body (a coroutine `body`) with an uplink to a port; what it printed, line by line."""

    def run(script: str, port: int) -> list[str]:
        setup = f"PORT = {port}\n" + SETUP.replace("{umqtt!r}", repr(str(umqtt)))
        out = micropython(f"{setup}\n{script}\nrun(body)\n").split("\n")[:-1]
        assert out.pop() == "no wait over 30 s: True"
        return out

    return run


class Listener:
    """A subscriber of the real broker."""

    def __init__(self, port: int) -> None:
        self.messages: list[tuple[str, bytes, bool]] = []
        ready = threading.Event()
        self._client = paho.Client(paho.CallbackAPIVersion.VERSION2)
        self._client.on_connect = lambda client, *_: client.subscribe("nameplate/#", qos=1)
        self._client.on_subscribe = lambda *_: ready.set()
        self._client.on_message = lambda client, user, found: self.messages.append(
            (found.topic, found.payload, found.retain)
        )
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()
        assert ready.wait(10)

    def publish(self, topic: str, payload: bytes) -> None:
        self._client.publish(topic, payload).wait_for_publish(5)

    def wait(self, count: int) -> None:
        for _ in range(500):
            if len(self.messages) >= count:
                return
            time.sleep(0.01)
        raise AssertionError(self.messages)

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


@pytest.fixture
def broker():
    with EmbeddedBroker() as running:
        yield running


@pytest.fixture
def listener(broker):
    made = Listener(broker.port)
    yield made
    made.close()


def test_birth_binding_and_what_waits_reach_a_real_broker(uplinked, broker, listener):
    out = uplinked(
        """
outbox.tokens = [(1, "event", b"event 1"), (2, "heartbeat", b"beat 1"), (3, "heartbeat", b"beat 2")]
async def body():
    print(await until(lambda: len(outbox.gone) == 3), outbox.waiting, status.state, status.reached_s())
    print(status.sent)
""",
        broker.port,
    )
    assert out == ["True 0 online 0", f"('{ROOT}heartbeat', b'beat 2')"]
    listener.wait(6)
    (binding, birth, *rest), will = listener.messages[:5], listener.messages[5]
    assert birth[0] == ROOT + "status"
    assert json.loads(birth[1]) == {
        "eat_profile": "urn:nameplate:1:status",
        "ueid": "AQIDBAUGBwgJCgsMDQ4PEBE",
        "state": "online",
        "bootcount": 7,
        "conn": 1,
        "uptime": 0,
        "clock": "floor",
    }
    assert binding[:2] == (ROOT + "identity", b"the binding")
    assert [found[:2] for found in rest] == [
        (ROOT + "event", b"event 1"),
        (ROOT + "heartbeat", b"beat 1"),
        (ROOT + "heartbeat", b"beat 2"),
    ]
    # The script ended without a goodbye: the broker publishes the will that it was given before.
    assert will[0] == ROOT + "status"
    assert json.loads(will[1])["state"] == "offline"
    assert json.loads(will[1])["conn"] == 1
    # Whoever comes later finds the binding and the last status.
    late = Listener(broker.port)
    late.wait(2)
    late.close()
    assert sorted((topic, retained) for topic, _, retained in late.messages) == [
        (ROOT + "identity", True),
        (ROOT + "status", True),
    ]


def test_memory_that_does_not_come_back_is_the_one_reason_to_start_again(uplinked, broker):
    out = uplinked(
        """
resets = []
uplink._reset = resets.append
async def body():
    for word in ["no memory (TLS)"] * 9 + ["no answer (TLS)"] * 30 + ["no memory (TLS)"] * 9:
        uplink._starve(word)
    print(resets)
    Watch.faults.append("L01")  # nobody silences the alarm for the network's sake
    uplink._starve("no memory (TLS)")
    print(resets)
    Watch.faults.clear()
    uplink._starve("no memory (TLS)")
    print(resets)
""",
        broker.port,
    )
    assert out == ["[]", "[]", "['no memory (TLS)']"]


def test_a_command_from_a_real_broker_is_answered(uplinked, broker, listener):
    answer = threading.Thread(
        target=lambda: (listener.wait(2), listener.publish(ROOT + "cmd", b"who are you"))
    )
    answer.start()
    uplinked(
        """
async def body():
    await until(lambda: commands.offered and not commands.waiting)
    await until(lambda: status.sent[0].endswith("reply") and status.reached_s() is not None)
    await asyncio.sleep(1)
""",
        broker.port,
    )
    answer.join()
    assert (ROOT + "reply", b"reply to who are you") in [found[:2] for found in listener.messages]


def accept(connection: Connection) -> None:
    """CONNECT, SUBSCRIBE, birth and binding, as a broker takes them."""
    connection.accept()
    subscribe = connection.packet(8)
    connection.send(b"\x90\x03" + body(subscribe)[:2] + b"\x00")
    connection.acknowledge(connection.packet(3))
    connection.acknowledge(connection.packet(3))


def test_a_token_leaves_the_outbox_only_when_it_is_acknowledged(uplinked):
    def first(connection: Connection) -> None:
        accept(connection)
        connection.packet(3)  # and then the line is cut

    def second(connection: Connection) -> None:
        accept(connection)
        connection.acknowledge(connection.packet(3))
        connection.end()

    with ScriptedBroker(first, second) as broker:
        out = uplinked(
            """
outbox.tokens = [(1, "heartbeat", b"beat 1")]
async def body():
    print(await until(lambda: status.word == "broker closed the connection"), outbox.gone)
    print(await until(lambda: outbox.gone), status.word)
""",
            broker.port,
        )
        assert broker.connections[0].received[-1][-6:] == broker.connections[1].received[-1][-6:] == b"beat 1"
    assert out == ["True []", "True online"]


def test_while_the_broker_is_down_nothing_is_lost_and_the_pauses_grow(uplinked):
    with ScriptedBroker() as broker:
        port = broker.port
    out = uplinked(
        """
outbox.tokens = [(number, "heartbeat", b"beat") for number in range(5)]
tries = []
real = uplink._session
def counted(*args):
    tries.append(time.ticks_ms())
    return real(*args)
uplink._session = counted
async def body():
    await asyncio.sleep(900)
    gaps = [time.ticks_diff(tries[i + 1], tries[i]) // 1000 for i in range(len(tries) - 1)]
    print(max(gaps) <= 61, gaps[0] <= 1, gaps[-1] >= 29, len(tries) < 40)
    print(outbox.waiting, status.state.split(" (")[0])
""",
        port,
    )
    assert out == ["True True True True", "5 broker not reached"]


def test_without_a_network_there_is_no_attempt_and_the_network_says_why(uplinked):
    out = uplinked(
        """
network.up = False
async def body():
    await asyncio.sleep(600)
    print(status.state, status.sent, uplink.connections)
""",
        1,
    )
    assert out == ["Wi-Fi: no access point None 0"]


def test_consent_withdrawn_closes_the_line_without_another_word(uplinked):
    def script(connection: Connection) -> None:
        accept(connection)
        connection.acknowledge(connection.packet(3))
        connection.end()

    with ScriptedBroker(script) as broker:
        out = uplinked(
            """
outbox.tokens = [(1, "heartbeat", b"beat 1")]
async def body():
    await until(lambda: outbox.gone)
    settings.consent = "off"
    network.up = False
    network.state = "off: no consent"
    outbox.tokens = [(2, "heartbeat", b"beat 2")]
    await asyncio.sleep(60)
    print(status.state, outbox.waiting)
""",
            broker.port,
        )
        # CONNECT, SUBSCRIBE, birth, binding, one heartbeat: and no DISCONNECT, so that the will is published.
        assert [packet[0] >> 4 for packet in broker.connections[0].received] == [1, 8, 3, 3, 3]
    assert out == ["off: no consent 1"]


def test_an_idle_line_is_pinged_and_a_silent_one_left(uplinked):
    def script(connection: Connection) -> None:
        accept(connection)
        connection.packet(12)
        connection.send(PINGRESP)
        connection.packet(12)
        connection.end()

    with ScriptedBroker(script, Connection.end) as broker:
        out = uplinked(
            """
async def body():
    start = time.ticks_ms()
    await until(lambda: status.word == "broker went silent", 300)
    print(time.ticks_diff(time.ticks_ms(), start) // 1000)
""",
            broker.port,
        )
    assert 60 <= int(out[0]) <= 62  # twice 25 s of silence, then ten to answer


def test_a_message_on_another_topic_is_refused_and_counted(uplinked):
    def script(connection: Connection) -> None:
        accept(connection)
        connection.send(message(b"nameplate/1/32473/other/cmd", b"hello"))
        connection.end()

    with ScriptedBroker(script) as broker:
        out = uplinked(
            """
async def body():
    await until(lambda: sum(refused.by.values()))
    print(refused.by, commands.offered)
""",
            broker.port,
        )
    assert out == ["{'topic': 1} []"]


def test_each_connection_has_its_own_number(uplinked):
    seen = []

    def refuse(connection: Connection) -> None:
        seen.append(connection.accept(3))

    with ScriptedBroker(refuse, refuse, refuse) as broker:
        out = uplinked(
            """
async def body():
    await until(lambda: uplink.connections == 3 and status.word == "broker not available")
    print(status.word)
""",
            broker.port,
        )
    assert out == ["broker not available"]
    assert [b'"conn":%d' % number in packet for number, packet in enumerate(seen, 1)] == [True] * 3


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("", "no broker URL set"),
        ("http://10.0.0.1", "the broker URL must start with mqtt:// or mqtts://"),
        ("mqtt://:1883", "the broker URL has no host or a wrong port"),
        ("mqtt://10.0.0.1:x", "the broker URL has no host or a wrong port"),
        ("mqtt://10.0.0.1:70000", "the broker URL has no host or a wrong port"),
        ("mqtt://broker.example", "DNS: no name server"),
        ("mqtts://10.0.0.1", "no CA set (TLS)"),
    ],
)
def test_a_broker_that_cannot_be_used_is_told_plainly(uplinked, url, words):
    out = uplinked(
        f"""
settings.broker_url = {url!r}
async def body():
    await asyncio.sleep(5)
    print(status.state)
""",
        1,
    )
    assert out == [words]


@pytest.mark.parametrize(
    ("url", "where"),
    [
        ("mqtt://localhost", ("localhost", 1883, False)),
        ("mqtt://192.168.1.20:2883", ("192.168.1.20", 2883, False)),
        ("mqtts://broker.example", ("broker.example", 8883, True)),
        ("mqtts://broker.example:443", ("broker.example", 443, True)),
    ],
)
def test_addresses(url, where):
    from firmware.uplink import address

    assert address.parse(url) == where


def test_a_build_without_umqtt_says_so(uplinked):
    out = uplinked(
        """
uplink._codec = None
async def body():
    await asyncio.sleep(5)
    print(status.state)
""",
        1,
    )
    assert out == ["this build has no umqtt"]
