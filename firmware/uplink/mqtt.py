"""One MQTT connection over an asyncio stream.

The codec (umqtt over memory) makes and reads packets; here they are framed, bounded and moved. One task reads; the
owner's task writes, one packet a write, and waits for each answer. Every wait has a deadline, and whatever goes wrong
ends the connection with a LinkError whose text says it in plain words.
"""

import asyncio
import time

from micropython import const

_WAIT_MS = const(10000)
_DRAIN_BYTES = const(128)


class LinkError(Exception):
    """The connection is over; the text says why."""


class Link:
    """`on_message(topic, payload)` gets each message within bounds; `refused.count(reason)` is told of the others.

    firmware.uplink.mqtt_connect begins it. `failure` is why it has ended, or None; `last_heard` when the broker last gave
    an answer that was asked for.
    """

    def __init__(self, codec, on_message, refused, ticks=time):
        codec.client.set_callback(on_message)
        self.codec = codec
        self._refused = refused
        self._ticks = ticks
        self._stream = self._reader = self._wanted = self._answer = self.failure = None
        self._answered = asyncio.Event()
        self.lost = "broker not reached"
        self.last_heard = ticks.ticks_ms()

    def start(self, stream, limit):
        """Read from now on; what is longer than `limit` is thrown away. The rest of the beginning is mqtt_connect's."""
        self._stream = stream
        self._limit = limit
        self._reader = asyncio.create_task(self._read())

    async def publish(self, topic, payload, retain=False):
        """Publish at QoS 1; returns once the broker has acknowledged."""
        packet, wanted = self.codec.publish(topic, payload, retain)
        await self.ask(packet, wanted)

    async def ping(self):
        """Ask the broker for a sign of life."""
        codec = self.codec
        await self.ask(codec.made(codec.client.ping), b"\xd0\x00")

    async def close(self):
        """Let go of the socket without a word: the broker publishes the last will. Never raises."""
        self.fail("closed")
        if self._stream:
            self._reader.cancel()
            try:
                self._stream.close()
                await self._stream.wait_closed()
            except OSError:
                pass

    def check(self):
        """LinkError if the connection has ended meanwhile."""
        if self.failure:
            raise LinkError(self.failure)

    def fail(self, why):
        """The connection is over, for this reason or an earlier one."""
        self.failure = self.failure or why
        self._answered.set()

    async def ask(self, packet, wanted):
        """Send a packet; returns the answer, which is to begin with `wanted`. LinkError if it does not come."""
        self.check()
        self._wanted = wanted
        self._answer = None
        self._answered.clear()
        why = "broker takes no more bytes"
        try:
            self._stream.write(packet)
            await asyncio.wait_for_ms(self._stream.drain(), _WAIT_MS)
            why = "broker went silent"
            await asyncio.wait_for_ms(self._answered.wait(), _WAIT_MS)
        except asyncio.TimeoutError:  # noqa: UP041 - MicroPython has no other
            self.fail(why)
        except OSError as error:
            self._lose(error)
        self._wanted = None
        if not self._answer:  # a broker that refuses closes at once: its answer counts, not the close
            self.check()
        self.last_heard = self._ticks.ticks_ms()
        return self._answer

    def _lose(self, error):
        self.fail(f"{self.lost} ({error.args[0] if error.args else '?'})")

    async def _read(self):
        try:
            while True:
                await self._take()
        except EOFError:
            self.fail("broker closed the connection")
        except ValueError:
            self._refused.count("malformed")
            self.fail("malformed packet")
        except Exception as error:  # noqa: BLE001 - whatever it was, nobody reads any more
            self._lose(error)

    async def _take(self):
        read = self._stream.readexactly
        packet = await read(2)
        length = shift = 0
        while True:
            length |= (packet[-1] & 127) << shift
            if packet[-1] < 128:
                break
            shift += 7
            if shift > 21:
                raise ValueError
            packet += await read(1)
        body = len(packet)
        if length > self._limit:
            self._refused.count("oversize")
            while length > 0:
                length -= len(await read(min(length, _DRAIN_BYTES)))
            return
        if length:
            packet += await read(length)
        if packet[0] & 0xF0 == 0x30:
            self.codec.read(packet, body)
        elif self._wanted and packet.startswith(self._wanted):
            self._answer = packet
            self._answered.set()
        elif packet[0] != 0x40 or length != 2:  # a late PUBACK is no fault; anything else was not asked for
            raise ValueError
