"""Somebody is at the appliance: its button was pressed within the last minute.

Settings that only the owner may change ask for this. The interrupt does no more than leave a mark; the sampling step
turns it into a time, because uptime must not be counted in an interrupt.
"""

WINDOW_S = 60


class Presence:
    """`uptime_s()` gives seconds since boot; `active` is the profile's word for the level of a pressed button."""

    def __init__(self, uptime_s, active="low"):
        self._uptime_s = uptime_s
        self._pressed = 0 if active == "low" else 1
        self._mark = False
        self._at = None

    def on_change(self, pin):
        """The pin's interrupt handler. Only the pressed level counts: a pull-up that settles at start is nobody."""
        if pin.value() == self._pressed:
            self._mark = True

    def step(self):
        """Turn a mark into a time; the sampling task calls it in every round."""
        if self._mark:
            self._mark = False
            self._at = self._uptime_s()

    @property
    def here(self):
        """Whether the button was pressed within the last 60 seconds."""
        return self._at is not None and self._uptime_s() - self._at <= WINDOW_S
