"""The console's JSON-RPC methods about what is measured and what is wrong. Loaded for one of them, forgotten with it."""

import json

from firmware.diagnosis import evidence
from firmware.diagnosis.faults import CLEAR, CONFIRMED, OLD, RECOVERING, SUSPECTED, TIMES
from firmware.sensors.known import known
from lib import senml

_SEVERITIES = ("notice", "warning", "alarm")
_STATES = {CLEAR: "clear", SUSPECTED: "suspected", CONFIRMED: "confirmed", RECOVERING: "recovering"}


def sensors(view):
    """The readings as SenML, and beside it what SenML cannot say."""
    station = view.station
    ages = station.ages_s()
    readings = station.readings()
    yield '{"senml":'
    yield senml.pack(readings)
    yield ',"sensors":['
    for index, (spec, pm, ohm) in enumerate(known(view.chip, readings)):
        sensor, reading = station.sensors[index], readings[index]
        told = {
            "name": reading.name, "title": sensor.title, "kind": sensor.kind, "quality": reading.quality,
            "age": ages[index], "raw": reading.raw, "ohm": ohm, "pm": pm,
        }  # fmt: skip
        if sensor.kind == "switch":
            told["words"] = spec.get("words")
        elif sensor.unit is None:
            told["damp"] = sensor.damp
        elif sensor.kind == "ds18b20" and sensor.why:
            told["why"] = sensor.why
        yield ("," if index else "") + json.dumps(told)
    yield '],"problems":' + json.dumps(station.problems) + "}"


def faults(view, every):
    """The faults that are known, or `every` one that could be."""
    from firmware.diagnosis import catalogue

    table = view.watch.faults
    comma = ""
    yield '{"faults":['
    for index in range(len(table.codes)) if every else table.active():
        code = table.codes[index]
        state = table.state(index)
        told = {
            "fault": code, "state": _STATES[state], "severity": _SEVERITIES[table.severity(index)],
            "times": table.cells[table.starts[index] + TIMES], "silenced": table.silenced(index),
        }  # fmt: skip
        if state != CLEAR:
            told["since"] = table.since(index)
            told["old"] = bool(table.flags(index) & OLD)
        if state >= CONFIRMED:
            told["evidence"] = evidence.line(view.watch, index)
            entry = catalogue.entry(code)
            if entry is not None:
                told["text"] = entry["title"]
                told["next"] = entry["next"]
                told["parts"] = entry["parts"]
        text = json.dumps(told)
        if state >= CONFIRMED:
            text = text[:-1] + ',"detail":' + evidence.claims(view.watch, index) + "}"
        yield comma + text
        comma = ","
    yield "]}"
