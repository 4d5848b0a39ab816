# network as the ESP32 port has it: the station interface. The radio itself is the supervisor's.
import _core

STA_IF = 0
AP_IF = 1
STAT_IDLE = 1000
STAT_CONNECTING = 1001
STAT_GOT_IP = 1010
STAT_BEACON_TIMEOUT = 200
STAT_NO_AP_FOUND = 201
STAT_WRONG_PASSWORD = 202
STAT_ASSOC_FAIL = 203
STAT_HANDSHAKE_TIMEOUT = 204
AUTH_OPEN = 0
AUTH_WEP = 1
AUTH_WPA_PSK = 2
AUTH_WPA2_PSK = 3
AUTH_WPA_WPA2_PSK = 4
AUTH_WPA3_PSK = 6
AUTH_WPA2_WPA3_PSK = 7

_ABSENT = _core.ABSENT
_hostname = "mpy-esp32"


def hostname(_name=_ABSENT):
    global _hostname
    if _name is _ABSENT:
        return _hostname
    _hostname = _name
    return None


def country(_code=_ABSENT):
    return "XX" if _code is _ABSENT else None


def _text(value):
    return value.decode() if isinstance(value, (bytes, bytearray)) else value


class WLAN:
    PM_NONE = 0
    PM_PERFORMANCE = 1
    PM_POWERSAVE = 2

    def __init__(self, _interface_id=STA_IF):
        if _interface_id != STA_IF:
            raise NotImplementedError("the virtual board's radio is a station only")

    def _ask(self, name, *args):
        # The radio's own errors have a text and no number.
        answer = _core.call("wlan", name, args)[0]
        if isinstance(answer, dict):
            raise OSError(answer["error"])
        return answer

    def active(self, _is_active=_ABSENT):
        if _is_active is _ABSENT:
            return self._ask("active")
        return self._ask("active", bool(_is_active))

    def connect(self, _ssid=None, _password=None, *, bssid=None):
        self._ask("connect", _text(_ssid), _text(_password))

    def disconnect(self):
        self._ask("disconnect")

    def isconnected(self):
        return self._ask("isconnected")

    def status(self, _param=_ABSENT):
        return self._ask("status") if _param is _ABSENT else self._ask("status", _param)

    def scan(self):
        found, us = self._ask("scan")
        _core.spend(us)
        return [
            (name.encode(), bytes(mac), channel, rssi, auth, False)
            for name, mac, channel, rssi, auth in found
        ]

    def ifconfig(self, _ip_mask_gateway_dns=_ABSENT):
        if _ip_mask_gateway_dns is _ABSENT:
            return tuple(self._ask("ifconfig"))
        self._ask("ifconfig", _ip_mask_gateway_dns)
        return None

    def config(self, param=_ABSENT, **settings):
        if param is not _ABSENT:
            if settings:
                raise TypeError("either pos or kw args are allowed")
            answer = self._ask("get", param)
            return bytes(answer) if param == "mac" else answer
        if not settings:
            raise TypeError("can query only one param")
        for name, value in settings.items():
            self._ask("set", name, list(value) if isinstance(value, (bytes, bytearray)) else value)
        return None
