"""How a link begins: CONNECT, SUBSCRIBE, and what a broker says to them. Needed once for each, and forgotten after."""

import umqtt.simple as umqtt
from micropython import const

from lib.mqtt_memory import Memory

_PAYLOAD_BYTES = const(1024)

# CONNACK return codes, MQTT 3.1.1 table 3.1.
_REFUSALS = (
    "broker refuses MQTT 3.1.1",
    "broker refuses this client id",
    "broker not available",
    "bad broker user or secret",
    "not authorised by broker",
)


class _Network(Memory):
    """Stands for the module `socket` as well, while umqtt connects."""

    def socket(self):
        return self

    def getaddrinfo(self, host, port):
        return ((None,),)

    def settimeout(self, timeout):
        pass

    connect = settimeout


async def begin(link, connect, will_topic, will, topic, ahead=0):
    """Over the stream that `await connect()` gives: CONNECT, clean session, with a retained last will at QoS 1; SUBSCRIBE at QoS 0.

    So many bytes of it have gone `ahead`. LinkError if either is refused or goes wrong.
    """
    codec = link.codec
    link.start(await connect(), _PAYLOAD_BYTES + 2 + len(topic))
    code = (await link.ask(_connect(codec.client, will_topic, will)[ahead:], b"\x20\x02"))[3]
    if code:
        _refuse(link, _REFUSALS[code - 1] if code <= len(_REFUSALS) else f"broker refuses ({code})")
    link.lost = "connection lost"
    if (await link.ask(*_subscribe(codec, topic)))[4]:
        _refuse(link, "broker refuses the subscription")


def _refuse(link, words):
    link.failure = words  # in place of the close that may have followed
    link.check()


def _connect(client, will_topic, will):
    network = _Network()
    client.sock = None  # newer ones close an old socket
    client.set_last_will(will_topic, will, True, 1)
    module, umqtt.socket = umqtt.socket, network
    try:
        client.connect(True)
    except IndexError:
        pass  # no answer in the buffer
    finally:
        umqtt.socket = module
        client.sock = None
        client.set_last_will(b"-", b"", False, 0)  # else it would be held for as long as the connection
    return network.getvalue()


def _subscribe(codec, topic):
    # The fixed header is written anew: umqtt before 1.8 has one byte for a length that may need two.
    body = codec.made(codec.client.subscribe, topic, 0)[-len(topic) - 5 :]
    length = len(body)
    head = bytearray(b"\x82")
    while length > 127:
        head.append(length & 127 | 128)
        length >>= 7
    head.append(length)
    return head + body, b"\x90\x03" + body[:2]
