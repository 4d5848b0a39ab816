"""Somebody is there for a minute after a press, and after nothing else."""

import pytest

from firmware.presence import Presence
from host_tests.firmware.fakes import Clock


class Button:
    def __init__(self, level):
        self.level = level

    def value(self):
        return self.level


@pytest.mark.parametrize(("active", "pressed", "released"), [("low", 0, 1), ("high", 1, 0)])
def test_a_press_counts_for_a_minute(active, pressed, released):
    clock = Clock(uptime=5)
    presence = Presence(clock.uptime_s, active)
    assert not presence.here
    presence.on_change(Button(released))
    presence.step()
    assert not presence.here
    presence.on_change(Button(pressed))
    presence.step()
    presence.on_change(Button(released))
    presence.step()
    clock.uptime = 65
    assert presence.here
    clock.uptime = 66
    assert not presence.here


def test_the_interrupt_allocates_nothing(micropython):
    printed = micropython("""
import micropython
from firmware.presence import Presence

class Button:
    def value(self):
        return 0
presence, button = Presence(lambda: 7), Button()
micropython.heap_lock()
presence.on_change(button)
micropython.heap_unlock()
presence.step()
print(presence.here)
""")
    assert printed.strip() == "True"
