"""SenML records (RFC 8428) as JSON text, made from integers.

A reading has .name, .unit ("Cel" or None), .milli (int, thousandths of the unit, or None), .state (True, False or
None) and .quality. Text is built by hand, because a 32-bit float cannot carry a sensor value unaltered to the
receiver and a dict has no order on MicroPython.
"""

import json


def decimal(milli):
    """Thousandths as the shortest exact decimal: 4812 is "4.812", -500 is "-0.5", 5000 is "5"."""
    whole, part = divmod(abs(milli), 1000)
    text = str(whole)
    if part:
        text += "." + str(1000 + part)[1:].rstrip("0")
    return "-" + text if milli < 0 else text


def record(reading):
    """One SenML record. A reading that is not ok carries its quality as a string value, and no number."""
    text = '{"n":' + json.dumps(reading.name)
    if reading.quality != "ok":
        return text + ',"vs":' + json.dumps(reading.quality) + "}"
    if reading.state is not None:
        return text + ',"vb":' + ("true" if reading.state else "false") + "}"
    if reading.milli is None:
        # "ok" without a value contradicts itself: what is not known is told as not known.
        return text + ',"vs":"stale"}'
    if reading.unit:
        text += ',"u":' + json.dumps(reading.unit)
    return text + ',"v":' + decimal(reading.milli) + "}"


def pack(readings):
    """A SenML pack: the JSON array of the records, in the order given."""
    return "[" + ",".join([record(reading) for reading in readings]) + "]"
