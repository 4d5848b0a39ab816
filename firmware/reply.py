"""Signed answers to a caller's nonce: who this unit is and how it is, as one token of kind reply.

One signature at a time and one caller waiting; a third is refused at once, so that asking without end costs a bounded
share of the processor. Nothing is stored: a reply is fresh because of the caller's nonce, and has no place in the order
of heartbeats and events.
"""

import json

from firmware import version, warranty
from lib import senml

TYPE = "nameplate-reply+jwt"
_PLACES = 2
_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


class Busy(Exception):
    """Two callers are being answered already."""


class Unsigned(Exception):
    """The unit has no usable key; the text says why."""


class Replies:
    """What a reply is made of.

    `signer`: lib.jws.Signer, or None on a unit that is not provisioned. `uplink`: `state`, a word, and `reached_s()`,
    seconds since the broker was last reached or None. `waiting()`: tokens in the outbox. `lag()`: the worst loop lag in
    ms, read without resetting it.
    """

    def __init__(self, signer, unit, bootcount, clock, settings, station, watch, uplink, waiting, lag):
        self._signer = signer
        self._unit = unit
        self._bootcount = bootcount
        self._clock = clock
        self._settings = settings
        self._station = station
        self._watch = watch
        self._uplink = uplink
        self._waiting = waiting
        self._lag = lag
        self._taken = 0

    async def read(self, nonce, carrier):
        """The whole state of the unit over `nonce`, as a compact token (bytes). Raises Busy or Unsigned."""
        return await self._sign(nonce, carrier, "read", self._state)

    async def identity(self, nonce, carrier):
        """The manufacturer's identity token inside a reply over `nonce`. Raises Busy or Unsigned."""
        return await self._sign(nonce, carrier, "identity", self._identity)

    async def _sign(self, nonce, carrier, method, claims):
        unit = self._unit
        if not unit.provisioned or self._signer is None:
            raise Unsigned(not_provisioned(unit))
        if self._taken == _PLACES:
            raise Busy()
        self._taken += 1
        try:
            head = (
                f'{{"eat_profile":"urn:nameplate:1:reply","ueid":"{unit.ueid}","eat_nonce":"{nonce}",'
                + f'"carrier":"{carrier}","method":"{method}","bootcount":{self._bootcount},'
            )
            return await self._signer.sign(TYPE, (head + self._time() + claims() + "}").encode())
        finally:
            self._taken -= 1

    def _time(self):
        now = self._clock.unix()
        text = f'"uptime":{self._clock.uptime_s()},"clock":"{self._clock.quality}"'
        return text if now is None else f'{text},"iat":{now}'

    def _identity(self):
        return ',"identity":"' + self._unit.identity.decode() + '"'

    def _state(self):
        unit, settings, uplink = self._unit, self._settings, self._uplink
        claims = {
            "oemid": unit.oemid,
            "hwmodel": unit.hwmodel,
            "hwversion": unit.hwversion,
            "swversion": [version.VERSION],
            "dbgstat": "enabled",
            "faults": [
                {
                    "fault": fault.code,
                    "state": fault.state,
                    "since": fault.since,
                    "evidence": fault.evidence(),
                }
                for fault in self._watch.active()
            ],
            "age": self._station.ages_s(),
            "warranty": warranty.records(unit.claims, self._clock),
            "uplink": {"state": uplink.state, "waiting": self._waiting(), "last": uplink.reached_s()},
            "consent": settings.consent,
            "ack": settings.ack,
            "lag": self._lag(),
        }
        if unit.dev:
            claims["dev"] = True
        # SenML goes in as text: its decimals would not survive a 32-bit float.
        readings = senml.pack(self._station.readings())
        return "," + json.dumps(claims, separators=(",", ":"))[1:-1] + ',"senml":' + readings


def is_nonce(value):
    """Whether `value` is a nonce as callers send it: 11 to 88 letters of base64url, 8 bytes or more."""
    return isinstance(value, str) and 11 <= len(value) <= 88 and all(letter in _ALPHABET for letter in value)


def not_provisioned(unit):
    """Why a unit cannot say who it is, in one line."""
    return f"not provisioned: damaged ({unit.damage})"
