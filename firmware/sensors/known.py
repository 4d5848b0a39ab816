"""What the profile on flash adds to readings: how far each may be off, the resistance behind it, a contact's words.

Loaded by what shows or signs readings, which forgets it; specs and uncertainty with it.
"""

from firmware.sensors import specs, uncertainty

_NOTHING = {}


def known(chip, readings):
    """For each reading, in their order, which is the profile's: (what the profile says of its sensor, or an empty
    dictionary; plus-minus of its value in thousandths, or None; the resistance behind it in ohm, or None)."""
    found = specs.each()
    for reading in readings:
        spec = _NOTHING
        for spec in found:
            if spec.get("name") == reading.name:  # those between have no pin on this chip
                break
        else:
            spec = _NOTHING
        yield _with(spec, chip, reading)


def within(chip, reading):
    """Plus-minus of one reading in thousandths, or None."""
    return _with(specs.of(reading.name) or _NOTHING, chip, reading)[1]


def _with(spec, chip, reading):
    pm = None
    ohm = reading.ohm
    try:
        if reading.milli is not None and spec:
            pm = uncertainty.milli(spec, chip, reading.raw, reading.milli)
            if spec.get("kind") == "ntc":
                ohm = uncertainty.ohm(spec, reading.raw)
    except (IndexError, KeyError, TypeError, ValueError, ZeroDivisionError):  # a damaged profile
        return _NOTHING, None, reading.ohm
    return spec, pm, ohm
