"""What the agent needs of the hardware while it is built: its pins, its watchdog, what chip it is and why it started.

What is made here lives on, this module does not. Uses only what both MicroPython 1.23 and the newest release have.
"""

import os
import sys
import time

import machine

# What the port's seconds count from, in Unix seconds: 2000 on ESP32, 1970 elsewhere.
_EPOCH = 946684800 if time.gmtime(0)[0] == 2000 else 0

_CAUSES = {
    machine.PWRON_RESET: "power",
    machine.HARD_RESET: "hard",
    machine.WDT_RESET: "watchdog",
    machine.DEEPSLEEP_RESET: "deepsleep",
    machine.SOFT_RESET: "soft",
}


class Pins:
    """The board's pins by number, as the profile has them for this `chip`: "esp32", "esp32c3" ..."""

    def __init__(self):
        self.chip = _chip()

    def reset_cause(self):
        """The last reset in a word; "power" also stands for a brown-out, which the port cannot tell apart."""
        return _CAUSES.get(machine.reset_cause(), "unknown")

    def watchdog(self, timeout_ms):
        """The hardware watchdog, running from now on; feed() holds it off."""
        return machine.WDT(timeout=timeout_ms)

    def adc(self, pin):
        """A converter over the full range of its pin, with read_uv(); raises when there is none."""
        return machine.ADC(machine.Pin(pin), atten=machine.ADC.ATTN_11DB)

    def pin_in(self, pin, on_change=None):
        """An input with value() and irq(handler). `on_change(pin)` runs as a soft interrupt: no work in it."""
        pull = None if self.chip == "esp32" and pin >= 34 else machine.Pin.PULL_UP  # those pins have none
        made = machine.Pin(pin, machine.Pin.IN, pull)
        if on_change:
            made.irq(on_change, machine.Pin.IRQ_RISING | machine.Pin.IRQ_FALLING)
        return made

    def pin_out(self, pin):
        """An output with value(x), low at first."""
        return machine.Pin(pin, machine.Pin.OUT, value=0)

    def onewire(self, pin):
        """The driver of a DS18B20 on a wire of its own; every ESP32 build has it, ImportError elsewhere."""
        from ds18x20 import DS18X20
        from onewire import OneWire

        return DS18X20(OneWire(machine.Pin(pin)))

    def i2c(self, scl, sda):
        """The I2C bus with writeto(address, data); OSError where nothing answers."""
        return machine.I2C(0, scl=machine.Pin(scl), sda=machine.Pin(sda), freq=100000)


def set_calendar(unix):
    """Set the chip's own clock, by which TLS judges certificates."""
    year, month, day, hour, minute, second, weekday = time.gmtime(unix - _EPOCH)[:7]
    machine.RTC().datetime((year, month, day, weekday, hour, minute, second, 0))


def _chip():
    # "Generic ESP32 module with ESP32", "ESP32C3 module with ESP32C3": the last word names the chip.
    try:
        machine_text = os.uname().machine
    except AttributeError:
        machine_text = getattr(sys.implementation, "_machine", "unknown")
    return machine_text.split(" ")[-1].lower()
