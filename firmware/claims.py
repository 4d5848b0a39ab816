"""What heartbeats and events say, as JSON text. Loaded for a token and forgotten after it.

The text is built by hand from integers: its bytes are what is signed and sent.
"""

import json

from lib import base64url, senml

_WITH_TIME = ("set", "trusted")


def payload(kind, ueid, bootcount, seq, before, clock, first, claims, lost):
    """The whole of a token's claims. `before`: 12 bytes of the hash of the token before, or None; `first`: what the
    first token of a boot says beside; `lost`: the ranges it declares as lost."""
    text = f'{{"eat_profile":"urn:nameplate:1:{kind}","ueid":{json.dumps(ueid)}'
    text += f',"bootcount":{bootcount},"seq":{seq}'
    if before is not None:
        text += ',"prev":"' + base64url.encode(before).decode() + '"'
    text += f',"uptime":{clock.uptime_s()}' + clock_claims(clock)
    if first:
        text += "," + first
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


def event_claims(fault, state, readings, since_s, lag_ms, ack, evidence=None):
    """An event's own claims: a fault that is "confirmed" or "cleared", first seen at uptime `since_s` (below 0: before this
    start), with evidence: the text of a JSON object, or None."""
    text = f'"fault":{json.dumps(fault)},"state":{json.dumps(state)},"since":{max(since_s, 0)},'
    if since_s < 0:
        text += f'"before":{-since_s},'
    if evidence:
        text += f'"evidence":{evidence},'
    return text + heartbeat_claims(readings, lag_ms, ack)


def _lag(lag_ms):
    return "" if lag_ms is None else f'"lag":{lag_ms},'


def _ack(ack):
    # With a backend the claim is not needed: its absence means that nothing leaves the outbox unacknowledged.
    return '"ack":"broker",' if ack == "broker" else ""


def _range(bootcount, first, last, reason):
    return f'[{bootcount},{first},{last},"{reason}"]'
