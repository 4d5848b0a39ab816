"""MQTT 3.1.1 packets made and read by umqtt.simple, with no socket.

umqtt writes to and reads from a buffer in memory; whoever owns the network moves the bytes, one write a packet.
Its calls that wait for an answer find that answer already in the buffer. What umqtt leaves unchecked (lengths,
packet identifiers, unknown types) is checked here first. Works with umqtt.simple 1.3.4 and later.
"""

import umqtt.simple as _umqtt
from micropython import const

CONNACK = const(0x20)
PUBLISH = const(0x30)
PUBACK = const(0x40)
SUBACK = const(0x90)
PINGRESP = const(0xD0)

_DUP = const(0x08)


class MqttError(Exception):
    """A packet that MQTT 3.1.1 does not allow, or that this client did not ask for."""


class _Memory:
    """Stands where umqtt has its socket, and where it has the module `socket`."""

    def __init__(self):
        self._out = bytearray()
        self._in = b""
        self._at = 0

    def load(self, data):
        self._in = data
        self._at = 0

    def take(self):
        out = self._out
        self._out = bytearray()
        return out

    def write(self, data, length=None):
        self._out += data if length is None else data[:length]
        return len(data) if length is None else length

    def read(self, length):
        chunk = self._in[self._at : self._at + length]
        self._at += length
        return chunk

    def socket(self, *args):
        return self

    def getaddrinfo(self, host, port, *args):
        return ((0, 0, 0, "", (host, port)),)

    def close(self, *args):
        pass

    connect = setblocking = settimeout = close


class Codec:
    """Encodes what this client sends, decodes whole packets that it received. All text is bytes."""

    def __init__(self, client_id, user=None, password=None, keepalive=0):
        self._memory = _Memory()
        self._message = None
        self._client = _umqtt.MQTTClient(client_id, "memory", 1, user, password, keepalive)
        self._client.sock = self._memory
        self._client.set_callback(self._received)

    def connect(self, will_topic, will):
        """CONNECT, clean session, with a retained last will at QoS 1."""
        _umqtt.socket = self._memory
        self._client.set_last_will(will_topic, will, True, 1)
        self._memory.load(b"\x20\x02\x00\x00")
        self._client.connect(True)
        return self._memory.take()

    def publish(self, topic, payload, packet_id, retain=False, duplicate=False):
        """PUBLISH at QoS 1."""
        self._client.pid = packet_id - 1
        self._memory.load(bytes((PUBACK, 2, packet_id >> 8, packet_id & 255)))
        self._client.publish(topic, payload, retain, 1)
        packet = self._memory.take()
        if duplicate:
            packet[0] |= _DUP
        return packet

    def subscribe(self, topic, packet_id):
        """SUBSCRIBE at QoS 0."""
        self._client.pid = packet_id - 1
        self._memory.load(bytes((SUBACK, 3, packet_id >> 8, packet_id & 255, 0)))
        self._client.subscribe(topic, 0)
        return self._memory.take()

    def ping(self):
        self._client.ping()
        return self._memory.take()

    def disconnect(self):
        self._client.disconnect()
        return self._memory.take()

    def decode(self, packet, body):
        """Read one whole packet whose remaining part starts at `body`.

        Returns (CONNACK, code), (PUBACK, packet id), (SUBACK, packet id, code), (PINGRESP,) or (PUBLISH, topic, payload).
        """
        kind = packet[0] & 0xF0
        length = len(packet) - body
        if kind == PUBLISH:
            # QoS 0 is all that this client subscribes to.
            if packet[0] & 0x06 or length < 2 or length < 2 + (packet[body] << 8 | packet[body + 1]):
                raise MqttError("publish")
            self._memory.load(packet)
            self._client.wait_msg()
            message = self._message
            self._message = None
            return PUBLISH, message[0], message[1]
        wanted = {CONNACK: 2, PUBACK: 2, SUBACK: 3, PINGRESP: 0}.get(kind)
        if length != wanted or packet[0] & 0x0F or body != 2:
            raise MqttError(f"type {kind >> 4}")
        self._memory.load(packet)
        self._client.wait_msg()
        if kind == CONNACK:
            return CONNACK, packet[3]
        if kind == PINGRESP:
            return (PINGRESP,)
        packet_id = packet[2] << 8 | packet[3]
        return (PUBACK, packet_id) if kind == PUBACK else (SUBACK, packet_id, packet[4])

    def _received(self, topic, payload):
        self._message = (topic, payload)
