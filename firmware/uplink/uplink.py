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

_TYPE = "nameplate-status+jwt"
_POLL_MS = const(50)
_CONNECT_MS = const(10000)
_PING_MS = const(25000)
KEEPALIVE_S = const(60)
_FIRST_PAUSE_MS = const(1000)
_LONGEST_PAUSE_MS = const(60000)
_STEADY_MS = const(60000)


class Uplink:
    """`status`: the LinkStatus kept up to date; `codec`: lib.mqtt_memory's, or None on a build without umqtt."""

    def __init__(
        self,
        unit,
        settings,
        clock,
        bootcount,
        network,
        status,
        outbox,
        signer,
        commands,
        codec,
        refused,
        ticks=time,
    ):
        self._unit = unit
        self._settings = settings
        self._clock = clock
        self._bootcount = bootcount
        self._network = network
        self._told = status
        self._outbox = outbox
        self._signer = signer
        self._commands = commands
        self._codec = codec
        self._ticks = ticks
        self._root = f"nameplate/1/{unit.oemid}/{unit.ueid}/"
        self._connections = 0
        self._failing = False
        self._refused = refused
        status.refused = refused.by

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
                where = _parse(self._settings.broker_url)
                await self._session(where, alive)
                self._told.word = "between connections"
            except (LinkError, ValueError) as error:
                self._told.word = str(error)
                self._failing = True
            gc.collect()  # a connection that failed half way leaves its socket to the collector
            if self._ticks.ticks_diff(self._ticks.ticks_ms(), started) > _STEADY_MS:
                pause = _FIRST_PAUSE_MS
            await self._rest(pause, alive)
            pause = min(2 * pause, _LONGEST_PAUSE_MS)

    async def _rest(self, pause, alive):
        left = jitter(pause)
        while left > 0 and self._network.up:
            alive()
            await asyncio.sleep_ms(min(left, 500))
            left -= 500

    def _wanted(self):
        return self._network.up and self._settings.consent != "off"

    async def _session(self, where, alive):
        if not self._failing:  # the last failure stays in sight until it is overcome
            self._told.word = "connecting"
        self._connections += 1
        will = await self._status("offline")
        link = Link(self._codec, self._message, self._refused, self._ticks)
        try:
            topic = self._root + "status"
            await link.open(lambda: _connect(*where), topic.encode(), will, (self._root + "cmd").encode())
            self._told.sent = (topic, will)
            alive()
            # The binding first: without it nobody who has just met this unit can verify what follows.
            await self._publish(link, "identity", self._unit.binding, True)
            alive()
            await self._publish(link, "status", await self._status("online"), True)
            self._told.word = "online"
            self._failing = False
            await self._serve(link, self._settings.broker_url, alive)
        finally:
            await link.close()

    async def _serve(self, link, url, alive):
        while self._wanted() and url == self._settings.broker_url:
            alive()
            link.check()
            if self._commands.waiting:
                reply = await self._commands.answer()
                alive()
                if reply and self._wanted():
                    await self._publish(link, "reply", reply)
            elif self._outbox.waiting and await self._send_next(link):
                pass
            elif self._ticks.ticks_diff(self._ticks.ticks_ms(), link.last_heard) > _PING_MS:
                await link.ping()
                self._told.reached()
            else:
                await asyncio.sleep_ms(_POLL_MS)

    async def _send_next(self, link):
        found = self._outbox.next()
        if found is None:
            return False
        number, kind, token = found
        await self._publish(link, kind, token)
        self._outbox.done(number)
        return True

    async def _publish(self, link, leaf, token, retain=False):
        topic = self._root + leaf
        self._told.sent = (topic, token)
        await link.publish(topic.encode(), token, retain)
        self._told.reached()

    def _message(self, topic, payload):
        if topic == (self._root + "cmd").encode():
            self._commands.offer(payload)
        else:
            self._refused.count("topic")

    async def _status(self, state):
        now = self._clock.unix()
        text = (
            f'{{"eat_profile":"urn:nameplate:1:status","ueid":"{self._unit.ueid}","state":"{state}",'
            + f'"bootcount":{self._bootcount},"conn":{self._connections},"uptime":{self._clock.uptime_s()},'
            + f'"clock":"{self._clock.quality}"'
        )
        if now is not None:
            text += f',"iat":{now}'
        return await self._signer.sign(_TYPE, (text + "}").encode())


async def _connect(address, port):
    try:
        return (await asyncio.wait_for_ms(asyncio.open_connection(address, port), _CONNECT_MS))[0]
    except asyncio.TimeoutError:  # noqa: UP041 - MicroPython has no other
        raise LinkError("broker does not answer")
    except OSError as error:
        raise LinkError(f"broker not reached ({error.args[0] if error.args else '?'})")


def _parse(url):
    from firmware.uplink import address

    try:
        return address.parse(url)
    finally:
        rare.forget(("firmware.uplink.address",))
