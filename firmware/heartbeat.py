"""Heartbeats and events: claims as JSON text, numbered, chained to the token before, signed and stored.

The text is built by hand from integers: its bytes are what is signed and sent. Numbers and `prev` are taken in one
piece of work under a lock, so two tokens never share a number and every token names the one stored just before it.
"""

import asyncio
import json

from lib import base64url, senml

_WITH_TIME = ("set", "trusted")


class Chain:
    """Makes the tokens of one boot. `first`: claims for its first token only, from firmware.first_token.

    `clock` has uptime_s(), unix() and quality. `error` is the last failure to store, None once one succeeds.
    """

    def __init__(self, signer, outbox, unit, clock, bootcount, first):
        self._signer = signer
        self._outbox = outbox
        self._ueid = unit.ueid
        self._clock = clock
        self._bootcount = bootcount
        self._first = first
        self._lock = asyncio.Lock()
        self.seq = 0  # of the next token
        self.error = None

    async def emit(self, kind, claims):
        """Sign and store a token of `kind` ("heartbeat" or "event") with these claims, and return it.

        Returns None when it could not be signed or stored: then it is not sent, and its number goes to the next token.
        """
        async with self._lock:
            lost = self._outbox.lost()
            payload = self._payload(kind, claims, lost)
            try:
                # The code that signs is loaded for it: with no memory left, or a bad read, the token is for a later try.
                token = await self._signer.sign("nameplate-" + kind + "+jwt", payload.encode())
                self._outbox.put(kind, self._bootcount, self.seq, token, lost)
            except (OSError, ValueError, MemoryError, ImportError) as error:
                self.error = "a token could not be made: " + (str(error) or type(error).__name__)
                return None
            self.seq += 1
            self.error = None
            return token

    def _payload(self, kind, claims, lost):
        text = f'{{"eat_profile":"urn:nameplate:1:{kind}","ueid":{json.dumps(self._ueid)}'
        text += f',"bootcount":{self._bootcount},"seq":{self.seq}'
        before = self._outbox.last_hash()
        if before is not None:
            text += ',"prev":"' + base64url.encode(before).decode() + '"'
        text += f',"uptime":{self._clock.uptime_s()}' + clock_claims(self._clock)
        if self.seq == 0:
            text += "," + self._first
        text += "," + claims
        if lost:
            text += ',"lost":[' + ",".join([_range(*lost_range) for lost_range in lost]) + "]"
        return text + "}"


def clock_claims(clock):
    """`,"clock":...` and, where the clock is at least set, `,"iat":...`: never a time that is not known."""
    quality = clock.quality
    unix = clock.unix() if quality in _WITH_TIME else None
    text = ',"clock":' + json.dumps(quality)
    return text if unix is None else text + f',"iat":{unix}'


def heartbeat_claims(readings, lag_ms, ack):
    """A heartbeat's own claims. `lag_ms`: the worst delay of the loop since the last; `ack`: the setting."""
    return _lag(lag_ms) + _ack(ack) + '"senml":' + senml.pack(readings)


def event_claims(fault, state, readings, since_s, lag_ms, ack):
    """An event's own claims: a fault that is "confirmed" or "cleared", first seen at uptime `since_s`, with evidence."""
    text = f'"fault":{json.dumps(fault)},"state":{json.dumps(state)},"since":{since_s},'
    return text + heartbeat_claims(readings, lag_ms, ack)


def _lag(lag_ms):
    return "" if lag_ms is None else f'"lag":{lag_ms},'


def _ack(ack):
    # With a backend the claim is not needed: its absence means that nothing leaves the outbox unacknowledged.
    return '"ack":"broker",' if ack == "broker" else ""


def _range(bootcount, first, last, reason):
    return f'[{bootcount},{first},{last},"{reason}"]'
