# network as the ESP32 port has it: the station interface. The radio itself is the supervisor's.
from micropython import const
import _core

STA_IF = const(0)
AP_IF = const(1)
STAT_IDLE = const(1000)
STAT_CONNECTING = const(1001)
STAT_GOT_IP = const(1010)
STAT_BEACON_TIMEOUT = const(200)
STAT_NO_AP_FOUND = const(201)
STAT_WRONG_PASSWORD = const(202)
STAT_ASSOC_FAIL = const(203)
STAT_HANDSHAKE_TIMEOUT = const(204)
AUTH_OPEN = const(0)
AUTH_WEP = const(1)
AUTH_WPA_PSK = const(2)
AUTH_WPA2_PSK = const(3)
AUTH_WPA_WPA2_PSK = const(4)
AUTH_WPA3_PSK = const(6)
AUTH_WPA2_WPA3_PSK = const(7)

_hostname = "mpy-esp32"


def hostname(*name):
    global _hostname
    if name:
        _hostname = name[0]
        return None
    return _hostname


def country(*code):
    return None if code else "XX"


class WLAN:
    IF_STA = const(0)
    IF_AP = const(1)
    PM_NONE = const(0)
    PM_PERFORMANCE = const(1)
    PM_POWERSAVE = const(2)

    def __init__(self, interface_id=STA_IF):
        if interface_id != STA_IF:
            raise NotImplementedError("the virtual board's radio is a station only")

    def _ask(self, name, *args):
        # The radio's own errors have a text and no number.
        answer = _core.call("wlan", name, args)[0]
        if isinstance(answer, dict):
            raise OSError(answer["error"])
        return answer

    def active(self, *is_active):
        return self._ask("active", *[bool(on) for on in is_active])

    def connect(self, ssid=None, key=None, *, bssid=None):
        self._ask("connect", _text(ssid), _text(key))

    def disconnect(self):
        self._ask("disconnect")

    def isconnected(self):
        return self._ask("isconnected")

    def status(self, *param):
        return self._ask("status", *param)

    def scan(self):
        found, us = self._ask("scan")
        _core.spend(us)
        return [
            (name.encode(), bytes(mac), channel, rssi, auth, False)
            for name, mac, channel, rssi, auth in found
        ]

    def ifconfig(self, *configtuple):
        answer = self._ask("ifconfig", *configtuple)
        return None if configtuple else tuple(answer)

    def config(self, *args, **kwargs):
        if args and kwargs:
            raise TypeError("either pos or kw args are allowed")
        if kwargs:
            for name, value in kwargs.items():
                self._ask("set", name, list(value) if isinstance(value, (bytes, bytearray)) else value)
            return None
        if len(args) != 1:
            raise TypeError("can query only one param")
        answer = self._ask("get", args[0])
        return bytes(answer) if args[0] == "mac" else answer


def _text(value):
    return value.decode() if isinstance(value, (bytes, bytearray)) else value
