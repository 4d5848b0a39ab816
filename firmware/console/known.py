"""What the profile on flash adds to a reading: how far it may be off, the resistance behind it, a contact's words."""

from lib import rare

_RARE = ("firmware.sensors.specs", "firmware.sensors.uncertainty")


def known(chip, reading):
    """(what the profile says of the sensor, or an empty dictionary; plus-minus of the reading in thousandths, or None; the
    resistance behind it in ohm, or None)."""
    from firmware.sensors import specs, uncertainty

    try:
        spec = specs.of(reading.name) or {}
        pm = None
        ohm = reading.ohm
        if spec and reading.milli is not None:
            pm = uncertainty.milli(spec, chip, reading.raw, reading.milli)
            if spec.get("kind") == "ntc":
                ohm = uncertainty.ohm(spec, reading.raw)
        return spec, pm, ohm
    except (IndexError, KeyError, TypeError, ValueError, ZeroDivisionError):  # a damaged profile
        return {}, None, reading.ohm
    finally:
        rare.forget(_RARE)
