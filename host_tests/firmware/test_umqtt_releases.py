"""What ours relies on in umqtt.simple is what 1.3.4, 1.4 (in MicroPython 1.23) and 1.8 have in common, and nothing else.

`NAMEPLATE_UMQTT=FOLDER` runs every test that uses umqtt with another release; docs/uplink.md says with which that was done.
"""

import pytest

from host_tests.firmware.scripted_broker import PINGRESP, Connection, ScriptedBroker, message

# What those releases have, alike: attributes, and positional arguments with the values that mean the same in each.
CALLS = {
    "__init__": 6,  # client_id, server, port, user, password, keepalive; then `ssl`, a bool at first, a context later
    "set_callback": 1,
    "set_last_will": 4,
    "connect": 1,  # clean_session; a time-out comes later
    "publish": 4,
    "subscribe": 2,
    "ping": 0,
    "wait_msg": 0,  # returns nothing at first, the kind of a packet later
}
DATA = {"sock", "pid"}

# Stands for the client of umqtt, and notes whatever is asked of it.
NOTED = """
import umqtt.simple
Client = umqtt.simple.MQTTClient
noted = set()
class Noted:
    def __init__(self, *args):
        noted.add(("__init__", len(args)))
        real.append(Client(*args))
    def __getattr__(self, name):
        value = getattr(real[-1], name)
        if not callable(value):
            noted.add((name, None))
            return value
        def call(*args):
            noted.add((name, len(args)))
            value(*args)  # and what it returns is not passed on
        return call
    def __setattr__(self, name, value):
        noted.add((name, None))
        setattr(real[-1], name, value)
real = []
umqtt.simple.MQTTClient = Noted
"""

# What 1.8 does that 1.3.4 does not, as far as a client without TLS can tell.
LATER = """
import umqtt.simple
Client = umqtt.simple.MQTTClient
sockets = []
class Later(Client):
    def __init__(self, client_id, server, port=0, user=None, password=None, keepalive=0, ssl=None, ssl_params={}):
        super().__init__(client_id, server, port, user, password, keepalive)
        self.ssl = ssl  # a context, or true for what ssl_params say
        self.ssl_params = ssl_params
    def connect(self, clean_session=True, timeout=None):
        if self.sock:
            self.sock.close()
        self.sock = umqtt.simple.socket.socket()
        self.sock.settimeout(timeout)
        self.sock = None
        return super().connect(clean_session)
    def wait_msg(self):
        super().wait_msg()
        return 0x30
umqtt.simple.MQTTClient = Later
"""

LIFE = """
async def body():
    for _ in range(2):
        it = await opened(PORT)
        await it.publish(b"t", b"m", True)
        await it.ping()
        while len(messages) < 1:
            await asyncio.sleep_ms(10)
        print(messages.pop())
        await it.close()
    print(sorted(noted) if "noted" in globals() else "")
"""


def life(connection: Connection) -> None:
    connection.welcome()
    connection.acknowledge(connection.packet(3))
    connection.packet(12)
    connection.send(PINGRESP)
    connection.send(message(b"cmd", b"hello"))
    connection.end()


@pytest.fixture
def lived(ours, umqtt):
    """What is said and printed while a link is opened, used and closed, twice, with this in the place of umqtt's client."""

    def run(instead: str) -> tuple[list[list[bytes]], list[str]]:
        with ScriptedBroker(life, life) as broker:
            out = ours(LIFE, broker.port, prelude=f"sys.path.append({str(umqtt)!r})\n{instead}")
        return [connection.received for connection in broker.connections], out

    return run


def test_nothing_else_is_asked_of_umqtt(lived):
    _, out = lived(NOTED)
    assert out[:2] == ["(b'cmd', b'hello')"] * 2
    noted = set(eval(out[2]))
    assert noted == {*CALLS.items(), *((name, None) for name in DATA)}


def test_what_a_later_release_does_otherwise_changes_no_byte(lived):
    said, out = lived("")
    said_later, out_later = lived(LATER)
    assert out_later == out
    assert said_later == said
    assert [[packet[0] >> 4 for packet in connection] for connection in said] == [[1, 8, 3, 12]] * 2
