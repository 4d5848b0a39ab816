"""All sensors of the appliance, as the model's profile has them."""

import time

from firmware.sensors.leak import LeakProbe
from firmware.sensors.ntc import Thermistor
from firmware.sensors.switch import Switch
from lib import rare


class Station:
    """`board` has `chip`, `adc(pin)`, `pin_in(pin)`, `pin_out(pin)` and `onewire(pin)`, as firmware.pins.Pins; `ticks` has
    ticks_ms(), ticks_add() and ticks_diff(), as the time module. `problems`: in words, what could not be had."""

    def __init__(self, profile, board, ticks=time):
        from firmware.sensors import fitting

        self._ticks = ticks
        kinds = {"leak": LeakProbe, "ntc": Thermistor, "switch": Switch}
        self.sensors, self.problems = fitting.fit(profile, board, ticks, kinds)
        rare.forget(("firmware.sensors.fitting",))

    def sample(self, now=None):
        """Sample every sensor that is due. Cheap: call it every 20 ms or less."""
        if now is None:
            now = self._ticks.ticks_ms()
        for sensor in self.sensors:
            sensor.sample(now)

    def readings(self):
        """One Reading per sensor, in the profile's order, as of now."""
        now = self._ticks.ticks_ms()
        found = []
        for sensor in self.sensors:
            found.append(sensor.reading(now))  # noqa: PERF401 - a comprehension is a function of its own, and heap
        return found

    def ages_s(self):
        """Seconds since each sensor's last good conversion, None where there was none; in the order of readings()."""
        now = self._ticks.ticks_ms()
        found = []
        for sensor in self.sensors:
            age = sensor.age(now)
            # A negative age has run past what ticks can tell apart: nobody knows it any more.
            found.append(None if age is None or age < 0 else age // 1000)
        return found

    def sensor(self, name):
        """The sensor of that name, or None."""
        for sensor in self.sensors:
            if sensor.name == name:
                return sensor
        return None
