"""What a signed reply says of the unit, as JSON text. Loaded for the answer and forgotten after it."""

import json

from firmware import version, warranty
from firmware.diagnosis import evidence
from firmware.sensors.known import known
from lib import senml


def payload(replies, nonce, carrier, method):
    """All that a reply says. The nonce has been checked: it needs no escaping."""
    claims = (read if method == "read" else identity)(replies)
    now = replies.clock.unix()
    iat = "" if now is None else f'"iat":{now},'
    boot = "" if replies.bootcount is None else f'"bootcount":{replies.bootcount},'
    # Plus signs, because mpy-cross takes no f-string beside another.
    head = f'"ueid":"{replies.unit.ueid}","eat_nonce":"{nonce}","carrier":"{carrier}","method":"{method}",'
    head += boot + f'"uptime":{replies.clock.uptime_s()},"clock":"{replies.clock.quality}",'
    return '{"eat_profile":"urn:nameplate:1:reply",' + head + iat + claims + "}"


def read(replies):
    """The claims of a `read`: identity of the board, readings, faults, warranty, uplink, settings."""
    unit, settings, uplink = replies.unit, replies.settings, replies.uplink
    readings = replies.station.readings()
    claims = {
        "oemid": unit.oemid, "hwmodel": unit.hwmodel, "hwversion": unit.hwversion, "swversion": [version.VERSION],
        "dbgstat": "enabled",
        "age": replies.station.ages_s(),
        "pm": [pm for _, pm, _ in known(replies.watch.chip, readings)],
        "warranty": warranty.records(unit.claims, replies.clock),
        "uplink": {"state": uplink.state, "waiting": replies.waiting(), "last": uplink.reached_s()},
        "consent": settings.consent, "ack": settings.ack, "lag": replies.lag(),
    }  # fmt: skip
    if unit.dev:
        claims["dev"] = True
    # SenML goes in as text: its decimals would not survive a 32-bit float.
    text = json.dumps(claims, separators=(",", ":"))[1:-1] + ',"senml":' + senml.pack(readings)
    return text + ',"faults":' + _faults(replies.watch)


def _faults(watch):
    """The text of the array of faults: their details hold decimals, which would not survive a 32-bit float either."""
    faults = watch.faults
    found = []
    for index in faults.active():
        since = faults.since(index)
        told = {
            "fault": faults.codes[index], "state": "confirmed", "since": max(since, 0),
            "evidence": evidence.line(watch, index),
        }  # fmt: skip
        if since < 0:
            told["before"] = -since
        text = json.dumps(told, separators=(",", ":"))[:-1]
        found.append(text + ',"detail":' + evidence.claims(watch, index) + "}")
    return "[" + ",".join(found) + "]"


def identity(replies):
    """The claims of an `identity`: the manufacturer's token as it was signed."""
    return '"identity":"' + replies.unit.identity.decode() + '"'
