"""Signed answers to a caller's nonce: who this unit is and how it is, as one token of kind reply.

One signature at a time and one caller waiting; a third is refused at once, so that asking without end costs a bounded
share of the processor. Nothing is stored: a reply is fresh because of the caller's nonce, and has no place in the order
of heartbeats and events.
"""

from lib import rare

TYPE = "nameplate-reply+jwt"
_PLACES = 2
_RARE = ("firmware.reply_claims",)
_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


class Busy(Exception):
    """Two callers are being answered already."""


class Unsigned(Exception):
    """The unit has no usable key; the text says why."""


class Replies:
    """What a reply is made of.

    `signer`: lib.jws.Signer, or None on a unit that is not provisioned. `uplink`: `state`, a word, and `reached_s()`,
    seconds since the broker was last reached or None. `waiting()`: tokens in the outbox. `lag()`: the worst loop lag in
    ms, read without resetting it. `bootcount` is None in a boot that could not be counted: then it is not told.
    """

    def __init__(self, signer, unit, bootcount, clock, settings, station, watch, uplink, waiting, lag):
        self._signer = signer
        self.bootcount = bootcount
        self._taken = 0
        self.unit = unit
        self.clock = clock
        self.settings = settings
        self.station = station
        self.watch = watch
        self.uplink = uplink
        self.waiting = waiting
        self.lag = lag

    async def read(self, nonce, carrier):
        """The whole state of the unit over `nonce`, as a compact token (bytes). Raises Busy or Unsigned."""
        return await self._sign(nonce, carrier, "read")

    async def identity(self, nonce, carrier):
        """The manufacturer's identity token inside a reply over `nonce`. Raises Busy or Unsigned."""
        return await self._sign(nonce, carrier, "identity")

    async def _sign(self, nonce, carrier, method):
        if not self.unit.provisioned or self._signer is None:
            raise Unsigned(not_provisioned(self.unit))
        if self._taken == _PLACES:
            raise Busy()
        self._taken += 1
        try:
            return await self._signer.sign(TYPE, self._payload(nonce, carrier, method).encode())
        finally:
            self._taken -= 1

    def _payload(self, nonce, carrier, method):
        from firmware import reply_claims

        try:
            return reply_claims.payload(self, nonce, carrier, method)
        finally:
            rare.forget(_RARE)


def is_nonce(value):
    """Whether `value` is a nonce as callers send it: 11 to 88 letters of base64url, 8 bytes or more."""
    return isinstance(value, str) and 11 <= len(value) <= 88 and all(letter in _ALPHABET for letter in value)


def not_provisioned(unit):
    """Why a unit cannot say who it is, in one line."""
    return f"not provisioned: damaged ({unit.damage})"
