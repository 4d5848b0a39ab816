"""The alarm output: a buzzer or lamp on one pin, on while any fault is confirmed. Needs no network and no clock."""


class Alarm:
    """`pin` has value(level); `active` is the profile's word for the level that sounds, "high" or "low"."""

    def __init__(self, pin, active="high"):
        self._pin = pin
        self._level = 1 if active == "high" else 0
        self.on = False
        self._drive()

    def set(self, on):
        """Sound it, or silence it."""
        self.on = bool(on)
        self._drive()

    def _drive(self):
        self._pin.value(self._level if self.on else 1 - self._level)
