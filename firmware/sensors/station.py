"""All sensors of the appliance, built from the model's profile.

A sensor that cannot be built, or whose pin cannot be had, is kept as one that is always stale: a wrong profile must
not silence the others, and what is not measured is told as not known.
"""

import time

from firmware.sensors.leak import LeakProbe
from firmware.sensors.ntc import Thermistor

_KINDS = {"leak": LeakProbe, "ntc": Thermistor}


class Station:
    """`board` has `chip` and `adc(pin)`; `ticks` has ticks_ms() and ticks_diff(), as the time module."""

    def __init__(self, profile, board, ticks=time):
        self._ticks = ticks
        self.sensors = []
        self.problems = []
        pins = profile["pins"].get(board.chip, {})
        for spec in profile["sensors"]:
            adc = None
            try:
                adc = board.adc(pins[spec["name"]])
            except (KeyError, OSError, ValueError) as problem:  # no such pin on this chip
                self.problems.append(f"{spec['name']}: no pin, {type(problem).__name__}")
            kind = _KINDS.get(spec["kind"])
            if kind is None:
                self.problems.append(f"{spec['name']}: kind {spec['kind']} not known")
            else:
                self.sensors.append(kind(spec, adc, ticks))

    def sample(self, now=None):
        """Sample every sensor that is due. Cheap: call it every 20 ms or less."""
        if now is None:
            now = self._ticks.ticks_ms()
        for sensor in self.sensors:
            sensor.sample(now)

    def readings(self):
        """One Reading per sensor, in the profile's order, as of now."""
        now = self._ticks.ticks_ms()
        return [sensor.reading(now) for sensor in self.sensors]

    def ages_s(self):
        """Seconds since each sensor's last good conversion, None where there was none; in the order of readings()."""
        now = self._ticks.ticks_ms()
        return [_seconds(sensor.age(now)) for sensor in self.sensors]

    def sensor(self, name):
        """The sensor of that name, or None."""
        for sensor in self.sensors:
            if sensor.name == name:
                return sensor
        return None


def _seconds(age_ms):
    # A negative age has run past what ticks can tell apart: nobody knows it any more.
    return age_ms // 1000 if age_ms is not None and age_ms >= 0 else None
