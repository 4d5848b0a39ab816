"""Makes the sensors that few models have: firmware.sensors.fitting loads it for those that do."""

from lib import rare

_PARTS = (
    "firmware.sensors.float_switch", "firmware.sensors.probe", "firmware.sensors.ds18b20", "firmware.sensors.pair",
)  # fmt: skip


def kind(word):
    """The class of that kind, or None. What is made of it keeps its code alive."""
    try:
        if word == "float":
            from firmware.sensors.float_switch import Float

            return Float
        if word == "probe":
            from firmware.sensors.probe import Probe

            return Probe
        if word == "ds18b20":
            from firmware.sensors.ds18b20 import Ds18b20

            return Ds18b20
    finally:
        rare.forget(_PARTS)
    return None


def source(word, name, pins, board):
    """What such a sensor reads; raises as `board` does where a pin cannot be had."""
    if word == "probe":
        drives = board.pin_out(pins[name + "_a"]), board.pin_out(pins[name + "_b"])
        return board.adc(pins[name]), drives[0], drives[1]
    if word == "ds18b20":
        return board.onewire(pins[name])
    return board.pin_in(pins[name])


def pair(spec, sensors, ticks):
    """Let the two sensors that are to agree know of each other."""
    from firmware.sensors.pair import Pair

    rare.forget(_PARTS)
    rule = spec["agrees"]
    named = {sensor.name: sensor for sensor in sensors}
    one, other = named.get(spec["name"]), named.get(rule["sensor"])
    if one is not None and other is not None:
        fresh_ms = max(one.stale_ms, other.stale_ms)
        one.pair = other.pair = Pair(one, other, rule["within_milli"], rule["for_s"] * 1000, fresh_ms, ticks)
