"""Everything the agent needs of the hardware, in one list. No other module imports machine, network or esp32.

What is missing on a board (no converter, no panel, no radio) is reported in `problems` and raises OSError or answers
None; it never stops the start. Uses only what both MicroPython 1.23 and the newest release have on ESP32.
"""

import gc
import os
import sys

import esp32
import machine
from micropython import const

_NAMESPACE = "nameplate"
_BREADCRUMB_BYTES = const(120)
# Disconnect reasons that the port hands through without a name of their own: the four-way handshake ran out (IEEE 802.11
# reason 15), which is how most access points answer a wrong password.
_HANDSHAKE_TIMEOUT = const(15)
_CAUSES = {
    machine.PWRON_RESET: "power",
    machine.HARD_RESET: "hard",
    machine.WDT_RESET: "watchdog",
    machine.DEEPSLEEP_RESET: "deepsleep",
    machine.SOFT_RESET: "soft",
}


class Board:
    """The board this runs on. Make one, hand it around."""

    def __init__(self):
        self.problems = []
        self.chip = _chip()
        self.unique_id = machine.unique_id()
        self.nvs = Nvs()
        self.wifi = Wifi(self.problems)
        self.console_in = sys.stdin.buffer
        self.console_out = ConsoleOut()

    def reset_cause(self):
        """The last reset in a word; "power" also stands for a brown-out, which the port cannot tell apart."""
        return _CAUSES.get(machine.reset_cause(), "unknown")

    def breadcrumb(self):
        """What main.py or `reset` left behind: (failed starts in a row, reason text), in memory that a reset spares."""
        kept = machine.RTC().memory()
        text = "".join(chr(byte) for byte in kept[1:] if 32 <= byte < 127)
        return (kept[0], text) if kept else (0, "")

    def clear_breadcrumb(self):
        machine.RTC().memory(b"")

    def reset(self, reason):
        """Start again on purpose. Does not return."""
        failed = self.breadcrumb()[0]
        machine.RTC().memory(bytes((failed,)) + reason.encode()[:_BREADCRUMB_BYTES])
        machine.reset()

    def watchdog(self, timeout_ms):
        """The hardware watchdog, running from now on; feed() holds it off."""
        return machine.WDT(timeout=timeout_ms)

    def adc(self, pin):
        """A converter over the full range of its pin, with read_uv(); raises when there is none."""
        return machine.ADC(machine.Pin(pin), atten=machine.ADC.ATTN_11DB)

    def pin_in(self, pin, on_change=None):
        """An input with value(). `on_change(pin)` runs as a soft interrupt: no work in it."""
        pull = None if self.chip == "esp32" and pin >= 34 else machine.Pin.PULL_UP  # those pins have none
        made = machine.Pin(pin, machine.Pin.IN, pull)
        if on_change:
            made.irq(on_change, machine.Pin.IRQ_RISING | machine.Pin.IRQ_FALLING)
        return made

    def pin_out(self, pin):
        """An output with value(x), low at first."""
        return machine.Pin(pin, machine.Pin.OUT, value=0)

    def i2c(self, scl, sda):
        """The I2C bus with writeto(address, data); OSError where nothing answers."""
        return machine.I2C(0, scl=machine.Pin(scl), sda=machine.Pin(sda), freq=100000)

    def free_heap(self):
        """(free bytes, largest free block) of the heap that Python, the radio and TLS share."""
        try:
            regions = esp32.idf_heap_info(esp32.HEAP_DATA)
            return sum(region[1] for region in regions), max(region[2] for region in regions)
        except (AttributeError, OSError, ValueError):
            free = gc.mem_free()
            return free, free


class Nvs:
    """Non-volatile entries. What cannot be read is None; what cannot be written raises OSError."""

    def __init__(self):
        self._nvs = esp32.NVS(_NAMESPACE)

    def get_blob(self, key, limit):
        buffer = bytearray(limit)
        try:
            length = self._nvs.get_blob(key, buffer)
        except OSError:
            return None
        return bytes(memoryview(buffer)[:length])

    def set_blob(self, key, value):
        self._nvs.set_blob(key, value)

    def get_i32(self, key):
        try:
            return self._nvs.get_i32(key)
        except OSError:
            return None

    def set_i32(self, key, value):
        self._nvs.set_i32(key, value)

    def commit(self):
        self._nvs.commit()


class Wifi:
    """The radio as a station. Retries are the caller's: the port's own, which never end, are off."""

    def __init__(self, problems):
        self._problems = problems
        self._wlan = None
        self._words = {}
        self.missing = False

    def _station(self):
        if self._wlan is None and not self.missing:
            try:
                import network

                self._wlan = network.WLAN(network.STA_IF)
                self._words = {
                    network.STAT_IDLE: "idle",
                    network.STAT_CONNECTING: "connecting",
                    network.STAT_GOT_IP: "up",
                    network.STAT_NO_AP_FOUND: "no access point",
                    network.STAT_WRONG_PASSWORD: "wrong password",
                    network.STAT_HANDSHAKE_TIMEOUT: "wrong password",
                    _HANDSHAKE_TIMEOUT: "wrong password",
                }
            except (ImportError, AttributeError, OSError, RuntimeError) as problem:
                self.missing = True
                self._problems.append(f"wifi: {problem!r}")
        return self._wlan

    def reserve(self, settings):
        """Let the radio take its memory while there is enough; silent without consent. Never raises."""
        wlan = self._station() if settings.wifi_ssid else None
        if wlan is not None and settings.consent != "off":
            try:
                wlan.active(True)
            except (OSError, RuntimeError) as problem:
                self._problems.append(f"wifi: {problem!r}")  # tried again by up()

    def up(self, ssid, psk):
        """Begin to join. `psk` None joins an open network. OSError when the radio refuses."""
        wlan = self._station()
        if wlan is None:
            raise OSError("no radio")
        wlan.active(True)
        wlan.config(reconnects=0)
        if psk is None:
            wlan.connect(ssid)
        else:
            wlan.connect(ssid, psk)

    def down(self):
        """Leave the network and switch the radio off."""
        if self._wlan is not None:
            try:
                self._wlan.disconnect()
            except OSError:
                pass  # was not joined
            self._wlan.active(False)

    def status(self):
        """One of "idle", "connecting", "up", "no access point", "wrong password", "failed", "missing"."""
        if self.missing:
            return "missing"
        return "idle" if self._wlan is None else self._words.get(self._wlan.status(), "failed")

    @property
    def address(self):
        """Our IPv4 address as text, or None."""
        return self._wlan.ifconfig()[0] if self.status() == "up" else None


class ConsoleOut:
    """The console's way out. The serial line has no time-out of its own, so a caller writes little at a time."""

    def write(self, data):
        return sys.stdout.buffer.write(data)


def _chip():
    # "Generic ESP32 module with ESP32", "ESP32C3 module with ESP32C3": the last word names the chip.
    try:
        machine_text = os.uname().machine
    except AttributeError:
        machine_text = getattr(sys.implementation, "_machine", "unknown")
    return machine_text.split(" ")[-1].lower()
