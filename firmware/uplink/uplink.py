"""The way out: one MQTT connection at a time, held for as long as there is a network and consent.

What waits in the outbox goes out oldest first, events before heartbeats, and leaves it only once the broker has
acknowledged. A broker that is down, silent or unwilling costs a pause that grows to a minute, and nothing else.
When consent ends, the connection is dropped without a word: nothing more leaves, and the broker publishes the
last will that it has held since the connection began.
"""

import asyncio
import gc
import time

from micropython import const

from firmware.uplink.mqtt import Link, LinkError
from firmware.uplink.wifi import jitter
from lib import rare

_POLL_MS = const(50)
_PING_MS = const(25000)
KEEPALIVE_S = const(60)
_FIRST_PAUSE_MS = const(1000)
_LONGEST_PAUSE_MS = const(60000)
_STEADY_MS = const(60000)
_STARVED = const(10)
_RARE = (
    "firmware.uplink.opening", "firmware.uplink.mqtt_connect", "firmware.uplink.transport", "firmware.uplink.address",
)  # fmt: skip


class Uplink:
    """`told`: the LinkStatus kept up to date; `codec`: lib.mqtt_memory's, or None on a build without umqtt.

    `way`: what `transport.connect` needs beside the URL: a Resolver, the NVS, the clock, the Watch and what memory is left.
    The names without an underscore are what firmware.uplink.opening uses.

    The one thing that ends in a `reset(reason)`: memory that TLS needs and that has not come back in ten attempts, three
    minutes or so, for Python's heap has it and does not give it back. Not while a fault stands.
    """

    def __init__(
        self, unit, settings, clock, bootcount, network, told, outbox, signer, commands, codec, refused, way,
        reset=None, ticks=time,
    ):  # fmt: skip
        self.unit = unit
        self.clock = clock
        self.bootcount = bootcount
        self.told = told
        self.signer = signer
        self.root = f"nameplate/1/{unit.oemid}/{unit.ueid}/"
        self.connections = 0
        self._settings = settings
        self._network = network
        self._outbox = outbox
        self._commands = commands
        self._codec = codec
        self._refused = refused
        self._way = way
        self._ticks = ticks
        self._failing = False
        self._starved = 0  # attempts in a row that found no memory
        self._reset = reset
        told.refused = refused.by

    async def run(self, alive):
        """Connect, serve, and connect again, for ever."""
        pause = _FIRST_PAUSE_MS
        while True:
            alive()
            if not self._network.up:
                pause = _FIRST_PAUSE_MS
                await asyncio.sleep_ms(_POLL_MS)
                continue
            started = self._ticks.ticks_ms()
            try:
                if self._codec is None:
                    raise LinkError("this build has no umqtt")
                await self._session(self._settings.broker_url, alive)
                self.told.word = "between connections"
            except (LinkError, ValueError) as error:
                self.told.word = str(error)
                self._failing = True
                self._starve(self.told.word)
            gc.collect()  # a connection that failed half way leaves its socket to the collector
            if self._ticks.ticks_diff(self._ticks.ticks_ms(), started) > _STEADY_MS:
                pause = _FIRST_PAUSE_MS
            left = jitter(pause)
            while left > 0 and self._network.up:
                alive()
                await asyncio.sleep_ms(min(left, 500))
                left -= 500
            pause = min(2 * pause, _LONGEST_PAUSE_MS)

    def _starve(self, word):
        self._starved = self._starved + 1 if word.startswith("no memory") else 0
        if self._reset and self._starved >= _STARVED and not self._way[3].active():
            self._reset(word)

    def _wanted(self):
        return self._network.up and self._settings.consent != "off"

    async def _session(self, url, alive):
        if not self._failing:  # the last failure stays in sight until it is overcome
            self.told.word = "connecting"
        self.connections += 1
        link = Link(self._codec, self._message, self._refused, self._ticks)
        try:
            await self._open(link, url, alive)
            self.told.word = "online"
            self._failing = False
            self._starved = 0
            await self._serve(link, url, alive)
        finally:
            await link.close()

    async def _open(self, link, url, alive):
        async with self._network.room:
            from firmware.uplink import opening

            try:
                await opening.introduce(self, link, url, self._way, alive)
            finally:
                rare.forget(_RARE)

    async def _serve(self, link, url, alive):
        while self._wanted() and url == self._settings.broker_url:
            alive()
            link.check()
            if self._commands.waiting:
                reply = await self._commands.answer()
                alive()
                if reply and self._wanted():
                    await self.publish(link, "reply", reply)
            elif self._outbox.waiting and await self._send_next(link):
                pass
            elif self._ticks.ticks_diff(self._ticks.ticks_ms(), link.last_heard) > _PING_MS:
                await link.ping()
                self.told.reached()
            else:
                await asyncio.sleep_ms(_POLL_MS)

    async def _send_next(self, link):
        found = self._outbox.next()
        if found is None:
            return False
        number, kind, token = found
        await self.publish(link, kind, token)
        self._outbox.done(number)
        return True

    async def publish(self, link, leaf, token, retain=False):
        """Publish under this unit's topic; returns once the broker has acknowledged."""
        topic = self.root + leaf
        self.told.sent = (topic, token)
        await link.publish(topic.encode(), token, retain)
        self.told.reached()

    def _message(self, topic, payload):
        if topic == (self.root + "cmd").encode():
            self._commands.offer(payload)
        else:
            self._refused.count("topic")
