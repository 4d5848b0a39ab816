"""The console's JSON-RPC methods about what is measured and what is wrong. Loaded for one of them, forgotten with it."""

import json

from firmware.diagnosis import evidence
from lib import senml


def sensors(view):
    """The readings as SenML, and beside it what SenML cannot say."""
    readings = view.station.readings()
    more = [{"name": reading.name, "quality": reading.quality, "ohm": reading.ohm} for reading in readings]
    return '{"senml":', senml.pack(readings), ',"sensors":', json.dumps(more), "}"


def faults(view):
    """The faults that are known."""
    known = view.watch.faults
    found = []
    for index in known.active():
        text, advice, part = known.words[index]
        found.append({
            "fault": known.codes[index], "state": "confirmed", "since": known.since(index), "text": text,
            "evidence": evidence.line(view.watch, index), "next": advice, "part": part,
        })  # fmt: skip
    return (json.dumps({"faults": found}, separators=(",", ":")),)
