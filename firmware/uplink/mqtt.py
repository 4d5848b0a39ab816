"""One MQTT connection over an asyncio stream.

The codec (umqtt over memory) makes and reads packets; here they are framed, bounded and moved. One task reads; the
owner's task writes, one packet a write, and waits for each answer. Every wait has a deadline, and whatever goes wrong
ends the connection with a LinkError whose text says it in plain words.
"""

import asyncio
import time

from micropython import const

from lib.mqtt_memory import CONNACK, PINGRESP, PUBACK, PUBLISH, SUBACK, MqttError

_ANSWER_MS = const(10000)
_WRITE_MS = const(10000)
_RETRIES = const(2)
_PAYLOAD_BYTES = const(1024)
_PACKET_BYTES = const(1024 + 2 + 128)
_DRAIN_BYTES = const(128)

# CONNACK return codes, MQTT 3.1.1 table 3.1.
_REFUSALS = {
    1: "broker refuses MQTT 3.1.1",
    2: "broker refuses this client id",
    3: "broker not available",
    4: "bad broker user or secret",
    5: "not authorised by broker",
}


class LinkError(Exception):
    """The connection is over; the text says why."""


class Link:
    """`on_message(topic, payload)` is called for each message within bounds; `refused.count(reason)` for the others."""

    def __init__(self, codec, on_message, refused, ticks=time):
        self._codec = codec
        self._on_message = on_message
        self._refused = refused
        self._ticks = ticks
        self._stream = None
        self._reader = None
        self._open = False
        self._packet_id = 0
        self._wanted = None
        self._answer = None
        self._answered = asyncio.Event()
        self.failure = None
        self.last_heard = ticks.ticks_ms()

    async def open(self, connect, will_topic, will):
        """Connect to the broker over what `await connect()` gives. LinkError if that fails or it will not have us."""
        self._stream = await connect()
        self._reader = asyncio.create_task(self._read())
        answer = await self._ask(self._codec.connect(will_topic, will), (CONNACK,))
        if answer[1]:
            raise LinkError(_REFUSALS.get(answer[1], f"broker refuses ({answer[1]})"))
        self._open = True

    async def publish(self, topic, payload, retain=False):
        """Publish at QoS 1; returns once the broker has acknowledged."""
        packet_id = self._next_id()
        packet = self._codec.publish(topic, payload, packet_id, retain)
        for attempt in range(_RETRIES):
            answer = await self._ask(packet, (PUBACK, packet_id), attempt + 1 == _RETRIES)
            if answer:
                return
            packet = self._codec.publish(topic, payload, packet_id, retain, True)

    async def subscribe(self, topic):
        """Subscribe at QoS 0."""
        packet_id = self._next_id()
        answer = await self._ask(self._codec.subscribe(topic, packet_id), (SUBACK, packet_id))
        if answer[2] == 0x80:
            raise self._fail("broker refuses the subscription")

    async def ping(self):
        """Ask the broker for a sign of life."""
        await self._ask(self._codec.ping(), (PINGRESP,))

    async def leave(self):
        """Say goodbye, so that the broker does not publish the last will."""
        await self._send(self._codec.disconnect())

    async def close(self):
        """Let go of the socket. Never raises; may be called at any time, more than once."""
        self._fail("closed")
        if self._reader:
            self._reader.cancel()
            try:
                await self._reader
            except asyncio.CancelledError:
                pass
            self._reader = None
        if self._stream:
            try:
                self._stream.close()
                await self._stream.wait_closed()
            except OSError:
                pass
            self._stream = None

    def check(self):
        """LinkError if the connection has ended meanwhile."""
        if self.failure:
            raise LinkError(self.failure)

    # Writing

    def _next_id(self):
        self._packet_id = self._packet_id % 65535 + 1
        return self._packet_id

    async def _ask(self, packet, wanted, last=True):
        # Send a packet and wait for its answer; None after a time-out that is not the last try.
        self._wanted = wanted
        self._answer = None
        self._answered.clear()
        try:
            await self._send(packet)
            await asyncio.wait_for_ms(self._answered.wait(), _ANSWER_MS)
        except asyncio.TimeoutError:  # noqa: UP041 - MicroPython has no other
            if last:
                raise self._fail("broker went silent")
            return None
        finally:
            self._wanted = None
        if self._answer is None:  # a broker that refuses closes at once: its answer counts, not the close
            self.check()
        return self._answer

    async def _send(self, packet):
        self.check()
        try:
            self._stream.write(packet)
            await asyncio.wait_for_ms(self._stream.drain(), _WRITE_MS)
        except asyncio.TimeoutError:  # noqa: UP041 - MicroPython has no other
            raise self._fail("broker takes no more bytes")
        except OSError as error:
            raise self._fail(self._lost(error))

    def _lost(self, error):
        return f"{'connection lost' if self._open else 'broker not reached'} ({_code(error)})"

    def _fail(self, why):
        self.failure = self.failure or why
        self._answered.set()
        return LinkError(self.failure)

    # Reading

    async def _read(self):
        try:
            while True:
                packet, body = await self._next_packet()
                self.last_heard = self._ticks.ticks_ms()
                if packet:
                    self._take(self._codec.decode(packet, body))
        except MqttError as error:
            self._refused.count("malformed")
            self._fail(f"malformed packet ({error})")
        except EOFError:
            self._fail("broker closed the connection")
        except OSError as error:
            self._fail(self._lost(error))
        except Exception as error:  # noqa: BLE001 - whatever it was, nobody reads any more
            self._fail(f"reading failed ({error!r})")

    async def _next_packet(self):
        """(packet, where its body starts); (None, 0) for one that was too long and thrown away."""
        stream = self._stream
        head = await stream.readexactly(1)
        length = shift = 0
        while True:
            byte = await stream.readexactly(1)
            head += byte
            length |= (byte[0] & 0x7F) << shift
            if not byte[0] & 0x80:
                break
            shift += 7
            if shift > 21:
                raise MqttError("length")
        if length > _PACKET_BYTES:
            self._refused.count("oversize")
            while length:
                length -= len(await stream.readexactly(min(length, _DRAIN_BYTES)))
            return None, 0
        return head + await stream.readexactly(length) if length else head, len(head)

    def _take(self, message):
        if message[0] == PUBLISH:
            if len(message[2]) > _PAYLOAD_BYTES:
                self._refused.count("oversize")
            else:
                self._on_message(message[1], message[2])
        elif self._wanted == message[: len(self._wanted or message)]:
            self._answer = message
            self._answered.set()
        elif message[0] != PUBACK:
            # A late PUBACK after a time-out is no fault of the broker's; anything else was not asked for.
            raise MqttError("unasked")


def _code(error):
    return error.args[0] if error.args else "?"
