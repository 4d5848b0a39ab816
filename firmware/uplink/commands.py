"""Signed commands from the manufacturer's backend.

A command is taken one at a time and at a bounded rate, before anything is computed; it counts only if a backend key
signed it, for this unit, for now, and not once before. Its `iat`, once verified, is proof that this time has come.
There is one method so far: `identity`, answered with who this appliance is, if the owner's consent is full.
"""

import time

from firmware.clock import FLOOR
from firmware.reply import Busy, Unsigned, is_nonce
from lib import strictjson
from lib.jws import JwsError, verify

_TYPE = "nameplate-command+jwt"
_PROFILE = "urn:nameplate:1:command"
_LIMIT = 1024
_DEPTH = 4
_BURST = 3
_REFILL_MS = 5000
_REMEMBERED = 8


class Commands:
    """`refused.count(reason)` is told of every message that gets no answer."""

    def __init__(self, unit, settings, clock, p256, replies, refused, ticks=time):
        self._unit = unit
        self._settings = settings
        self._clock = clock
        self._p256 = p256
        self._replies = replies
        self._refused = refused
        self._ticks = ticks
        self._waiting = None
        self._credit = _BURST
        self._refilled = ticks.ticks_ms()
        self._nonces = []
        self.answered = 0

    def offer(self, payload):
        """Take a message for later, or refuse it. Called while reading from the network: computes nothing."""
        self._refill()
        if self._settings.consent != "full":
            self._refused.count("consent")
        elif self._waiting is not None or not self._credit:
            self._refused.count("rate")
        else:
            self._credit -= 1
            self._waiting = payload

    @property
    def waiting(self):
        return self._waiting is not None

    async def answer(self):
        """The signed reply to the command that waits, or None when there is none or it deserves none."""
        if self._waiting is None:
            return None
        try:
            nonce = await self._check(self._waiting)
            reply = await self._replies.identity(nonce, "mqtt")
        except JwsError:
            self._refused.count("token")
        except _Refusal as refusal:
            self._refused.count(refusal.args[0])
        except (Busy, Unsigned):
            self._refused.count("rate")
        else:
            self.answered += 1
            return reply
        finally:
            self._waiting = None
        return None

    async def _check(self, token):
        keys = self._unit.anchors.get("backend", {})
        payload = await verify(self._p256, token, _TYPE, keys, _LIMIT)
        try:
            claims = strictjson.loads(payload, _DEPTH)
            issued, expires, nonce = claims["iat"], claims["exp"], claims["eat_nonce"]
            whole = type(issued) is int and type(expires) is int and claims["eat_profile"] == _PROFILE
        except (ValueError, TypeError, KeyError):
            raise _Refusal("malformed")
        if not whole or not is_nonce(nonce) or issued > expires:
            raise _Refusal("malformed")
        self._clock.learn(issued, FLOOR)
        if claims.get("aud") != self._unit.ueid:
            raise _Refusal("addressee")
        if expires < self._clock.floor:
            raise _Refusal("expired")
        if nonce in self._nonces:
            raise _Refusal("repeated")
        if claims.get("method") != "identity":
            raise _Refusal("method")
        if self._settings.consent != "full":
            raise _Refusal("consent")
        self._nonces = self._nonces[1 - _REMEMBERED :] + [nonce]
        return nonce

    def _refill(self):
        now = self._ticks.ticks_ms()
        passed = self._ticks.ticks_diff(now, self._refilled)
        if passed >= _REFILL_MS or passed < 0:
            self._credit = min(_BURST, self._credit + max(1, passed // _REFILL_MS))
            self._refilled = now


class _Refusal(Exception):
    pass
