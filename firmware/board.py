"""What the agent needs of the hardware while it runs; what it needs while it is built is in firmware.pins.

No other module imports machine, network or esp32.

What is missing on a board (no converter, no panel, no radio) is reported in `problems` and raises OSError or answers
None; it never stops the start. Uses only what both MicroPython 1.23 and the newest release have on ESP32.
"""

import gc
import sys

import esp32
import machine
from micropython import const

_NAMESPACE = "nameplate"
_BREADCRUMB_BYTES = const(120)
# Disconnect reasons that the port hands through without a name of their own: the four-way handshake ran out (IEEE 802.11
# reason 15), which is how most access points answer a wrong password.
_HANDSHAKE_TIMEOUT = const(15)


class Board:
    """The board this runs on. Make one, hand it around."""

    def __init__(self):
        self.problems = []
        self.nvs = Nvs()
        self.wifi = Wifi(self.problems)
        self.console_in = sys.stdin.buffer
        self.console_out = ConsoleOut()

    def grow_heap(self, spare):
        """Let Python's heap grow at once into the memory it shares with the radio and sockets, leaving `spare` bytes.

        The port would double the heap when it is full, and give it all that is left the time after. Whoever holds the
        result holds the memory.
        """
        gc.collect()
        gc.disable()  # between the two steps below the new part would be taken for empty, and given back
        held = []
        try:
            largest = max([region[2] for region in esp32.idf_heap_info(esp32.HEAP_DATA)])
            held = [None] * max(0, (largest - spare) // 4)
            held.clear()
            # Reaches beyond the first block of 16 bytes: a part in which only that one is used counts as empty.
            for _ in range(8):
                held.append(None)
        except (AttributeError, MemoryError, ValueError):
            pass  # it grows on demand, then
        finally:
            gc.enable()
        return held

    def spare_memory(self):
        """Bytes that are left outside of Python's heap, for radio, sockets and TLS."""
        return sum([region[1] for region in esp32.idf_heap_info(esp32.HEAP_DATA)])

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
    """The radio as a station; `wlan` is the port's, None until it is used. Retries are the caller's: the port's own, which
    never end, are off."""

    def __init__(self, problems):
        self._problems = problems
        self.wlan = None
        self._words = {}
        self.missing = False

    def _station(self):
        if self.wlan is None and not self.missing:
            try:
                import network

                self.wlan = network.WLAN(network.STA_IF)
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
        return self.wlan

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
        if self.wlan is not None:
            try:
                self.wlan.disconnect()
            except OSError:
                pass  # was not joined
            self.wlan.active(False)

    def status(self):
        """One of "idle", "connecting", "up", "no access point", "wrong password", "failed", "missing"."""
        if self.missing:
            return "missing"
        return "idle" if self.wlan is None else self._words.get(self.wlan.status(), "failed")

    def dns(self):
        """The network's name server as IPv4 text, or None."""
        server = self.wlan.ifconfig()[3] if self.status() == "up" else None
        return server if server and server[:2] != "0." else None


class ConsoleOut:
    """The console's way out. The serial line has no time-out of its own, so a caller writes little at a time."""

    def write(self, data):
        return sys.stdout.buffer.write(data)
