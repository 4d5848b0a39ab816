"""The rules of the model, as the build compiles them: read, checked, and laid out in cells. Needed now and then.

Until rules are compiled only leaks are judged: each fault has the head of a row, a leak two cells more.
"""

from array import array

from firmware.diagnosis.faults import ALARM, HEAD, Faults
from firmware.diagnosis.leak import Leak

_WET = "wet"


def rows(profile):
    """(code, severity, rule, sensor's name or None) of each fault of the profile on the device."""
    for fault in profile["faults"]:
        if isinstance(fault, dict):
            yield fault["code"], ALARM, fault.get("rule", _WET), fault.get("sensor")
        else:
            yield fault


def table(profile):
    """A Faults for the profile on the device, with all faults clear."""
    codes = []
    severities = bytearray()
    starts = array("H")
    cells = 0
    for code, severity, rule, _ in rows(profile):
        codes.append(code)
        severities.append(severity)
        starts.append(cells)
        cells += HEAD + 2 if rule == _WET else HEAD
    faults = Faults(codes, bytes(severities), starts, array("i", bytes(4 * cells)))
    faults.words = [_words(fault) for fault in profile["faults"]]
    return faults


def leaks(profile, faults, station, uptime_s, ticks):
    """A Leak for each wet rule whose sensor is there."""
    specs = {spec["name"]: spec for spec in profile["sensors"]}
    made = []
    for index, (_, _, rule, name) in enumerate(rows(profile)):
        sensor = station.sensor(name) if rule == _WET else None
        if sensor is not None:
            made.append(Leak(faults, index, sensor, specs[name], uptime_s, ticks))
    return made


def _words(fault):
    # Until texts come from the catalogue.
    if isinstance(fault, dict):
        return fault.get("text", ""), fault.get("next", ""), fault.get("part", "")
    return "", "", ""
