"""The Wi-Fi station of a virtual board: how long joining takes, how it fails, and what MicroPython's port says of it."""

from __future__ import annotations

from collections.abc import Callable

from nameplate.sim.clock import SimClock, Timer
from nameplate.sim.world import World

IDLE, CONNECTING, GOT_IP = 1000, 1001, 1010
_BEACON_TIMEOUT, _NO_AP, _AUTH_FAIL = 200, 201, 202
_PASSED_ON = (_NO_AP, _AUTH_FAIL)  # reasons the port reports even while it goes on trying

_JOIN_US = 1_600_000  # seen on an emulated chip
_SCAN_US = 2_400_000  # all channels, until "no access point" is certain
_HANDSHAKE_US = 3_200_000  # until a wrong password is given up
_BEACONS_US = 6_000_000  # without a beacon, until the link is called lost
_ADDRESS_US = 120_000_000  # without a link, until the address is dropped and its connections die

DOWN, UP, LOST, SILENT = range(4)

_NOWHERE = ".".join("0000")
ADDRESS, MASK, GATEWAY = "192.168.4.23", "255.255.255.0", "192.168.4.1"
HOST = "192.168.4.2"  # the computer that this runs on


class WifiError(Exception):
    """A text that the port raises as OSError."""


class Radio:
    """`changed(state)` is called when the network comes, goes, or loses its address."""

    def __init__(
        self, clock: SimClock, world: World, changed: Callable[[int], None], mac_end: tuple[int, int, int]
    ) -> None:
        self._clock = clock
        self._world = world
        self._changed = changed
        self.mac = (0x24, 0x6F, 0x28, *mac_end)
        self._timer: Timer | None = None
        self._address_timer: Timer | None = None
        self.power_off()

    def power_off(self) -> None:
        """A reset of the chip: the radio forgets everything."""
        self._stop_timers()
        self._active = False
        self._requested = False
        self._reason = 0
        self._most_tries = 0  # 0: for ever
        self._tries = 0
        self._joining = False
        self._had_address = False
        self._announced = DOWN
        self.linked = False
        self._credentials = ("", "")
        self._static: list[str] | None = None

    def _stop_timers(self) -> None:
        for timer in (self._timer, self._address_timer):
            if timer is not None:
                timer.cancel()

    @property
    def state(self) -> int:
        """What a program's connections see."""
        if not self.linked:
            return DOWN
        return SILENT if self._world["broker"] == "silent" else UP

    def _announce(self, state: int) -> None:
        if state == LOST or state != self._announced:
            self._announced = DOWN if state == LOST else state
            self._changed(state)

    def world_changed(self) -> None:
        """The access point, or what lies beyond it, changed."""
        if self.linked and self._world["wifi"] == "gone":
            self._arm(_BEACONS_US, lambda: self._lost(_BEACON_TIMEOUT))
            self._announce(SILENT)  # already nothing is heard
        elif self.linked:
            self._cancel()
            self._announce(self.state)

    def _cancel(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _arm(self, delay_us: int, action: Callable[[], None]) -> None:
        self._cancel()
        self._timer = self._clock.after(delay_us, action)

    def _lost(self, reason: int) -> None:
        self._cancel()
        self.linked = self._joining = False
        self._reason = reason
        self._announce(DOWN)
        if self._had_address and self._address_timer is None:
            self._address_timer = self._clock.after(_ADDRESS_US, self._address_lost)
        if self._requested:
            self._tries += 1
            if not self._most_tries or self._tries < self._most_tries:
                self._join()

    def _address_lost(self) -> None:
        self._address_timer = None
        self._had_address = False
        self._announce(LOST)

    def _join(self) -> None:
        self._joining = True
        ssid, psk = self._credentials
        if self._world["wifi"] == "gone" or self._world["ssid"] not in ("", ssid):
            self._arm(_SCAN_US, lambda: self._lost(_NO_AP))
        elif self._world["wifi"] == "wrong_password" or self._world["psk"] not in ("", psk):
            self._arm(_HANDSHAKE_US, lambda: self._lost(_AUTH_FAIL))
        else:
            self._arm(_JOIN_US, self._joined)

    def _joined(self) -> None:
        self._timer = None
        if self._world["wifi"] != "up":
            self._join()
            return
        self._joining, self.linked, self._reason, self._had_address = False, True, 0, True
        if self._address_timer is not None:
            self._address_timer.cancel()
            self._address_timer = None
        self._announce(self.state)

    # What the port offers

    def active(self, *on: bool) -> bool:
        if on and on[0] != self._active:
            self._active = on[0]
            if not on[0]:
                self._requested = False
                if self.linked or self._joining:
                    self._lost(0)
                self._reason = 0
            else:
                self._tries = 0
        return self._active

    def connect(self, ssid: str | None, key: str | None) -> None:
        if not self._active:
            raise WifiError("Wifi Not Started")
        if self._joining:
            raise WifiError("Wifi Internal Error")  # "sta is connecting, return error"
        if ssid is not None:
            self._credentials = (ssid[:32], (key or "")[:64])
        if not self._credentials[0]:
            raise WifiError("Wifi SSID Invalid")
        self._tries = 0
        if not self.linked:
            self._join()
        self._requested = True

    def disconnect(self) -> None:
        self._requested = False
        if not self._active:
            raise WifiError("Wifi Not Started")
        if self.linked or self._joining:
            self._lost(0)
        self._reason = 8  # we left

    def status(self, *what: str) -> int:
        if what:
            if what[0] != "rssi":
                raise ValueError("unknown status param")
            if not self.linked:
                raise WifiError("Wifi Not Connected")
            return int(self._world["rssi"])
        if self.linked:
            return GOT_IP
        if self._reason in _PASSED_ON:
            return self._reason
        if self._reason == 8:
            return IDLE
        if self._requested and (not self._most_tries or self._tries < self._most_tries):
            return CONNECTING
        return self._reason or IDLE

    def isconnected(self) -> bool:
        return self.linked

    def ifconfig(self, *values: object) -> list[str]:
        if values:
            self._static = None if values[0] == "dhcp" else [str(value) for value in values[0]]  # type: ignore[attr-defined]
        if not self.linked:
            return [_NOWHERE] * 4
        return self._static or [ADDRESS, MASK, GATEWAY, GATEWAY]

    def scan(self) -> tuple[list[tuple[str, list[int], int, int, int]], int]:
        """(access points, how long looking took in microseconds)."""
        if not self._active:
            raise WifiError("STA must be active")
        if self._world["wifi"] == "gone":
            return [], _SCAN_US
        name = self._world["ssid"] or self._credentials[0] or "kitchen"
        return [(name, [0x02, 0, 0, 0, 0, 1], 6, int(self._world["rssi"]), 3)], _SCAN_US

    def set_option(self, name: str, value: object) -> None:
        if name == "reconnects":
            self._most_tries = 0 if value == -1 else int(str(value)) + 1
        elif name not in ("mac", "hostname", "dhcp_hostname", "txpower", "pm", "channel", "protocol"):
            raise ValueError("unknown config param")

    def get_option(self, name: str) -> object:
        found: dict[str, object] = {
            "mac": list(self.mac),
            "ssid": self._credentials[0],
            "essid": self._credentials[0],
            "channel": 6,
            "reconnects": self._most_tries - 1,
            "hostname": "mpy-esp32",
            "dhcp_hostname": "mpy-esp32",
            "txpower": 20,
            "pm": 1,
            "protocol": 7,
        }
        if name not in found:
            raise ValueError("unknown config param")
        return found[name]
