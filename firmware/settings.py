"""What may be changed after the factory: Wi-Fi, broker, period, consent. One record in NVS.

Every value is checked before it is kept, and the flash is written only when a value really changes. A damaged record,
or one bad value in a good one, falls back to defaults and `damage` says so; consent that cannot be read is no consent.
Values that this version does not know are carried along, so that going back to an older version loses nothing.
"""

import json

from firmware import blob
from firmware.blob import Damaged
from lib import strictjson

CONSENT = ("full", "minimum", "off")
ACK = ("broker", "backend")
NAMES = ("wifi_ssid", "wifi_psk", "broker_url", "period_s", "consent", "ack")
_KEY = "settings"
_DEFAULTS = {
    "wifi_ssid": "", "wifi_psk": None, "broker_url": "", "period_s": 60, "consent": "off", "ack": "broker",
}  # fmt: skip


class Settings:
    """The settings as attributes, named as in NAMES; `writes` counts what this boot wrote to flash."""

    def __init__(self, nvs):
        self._nvs = nvs
        self._stored = {}
        self.writes = 0
        self.damage = None
        try:
            stored = strictjson.loads(blob.read(nvs, _KEY), 3)
            if not isinstance(stored, dict):
                raise Damaged("not a JSON object")
            self._stored = stored
        except (Damaged, ValueError) as reason:
            self.damage = str(reason)
        for name in NAMES:
            value = self._stored.get(name, _DEFAULTS[name])
            try:
                if name not in self._stored:
                    raise ValueError("missing")
                check(name, value)
            except ValueError as reason:
                value = self._stored[name] = _DEFAULTS[name]
                self.damage = self.damage or f"{name}: {reason}"
            setattr(self, name, value)

    def set(self, name, value):
        """Check, keep and store one value; True when it changed. ValueError says what is wrong with it.

        OSError from the flash leaves the old value in force.
        """
        check(name, value)
        if value == getattr(self, name) and self.damage is None:
            return False
        changed = dict(self._stored)
        changed[name] = value
        self._nvs.set_blob(_KEY, blob.pack(json.dumps(changed, separators=(",", ":")).encode()))
        self._nvs.commit()
        self.writes += 1
        self._stored = changed
        self.damage = None
        setattr(self, name, value)
        return True


def check(name, value):
    """ValueError, with the reason in plain words, unless `value` is right for the setting `name`."""
    if name not in NAMES:
        raise ValueError("no such setting")
    if name == "period_s":
        if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= 86400:
            raise ValueError("must be 1 to 86400 seconds")
    elif name == "consent":
        if value not in CONSENT:
            raise ValueError("must be full, minimum or off")
    elif name == "ack":
        if value not in ACK:
            raise ValueError("must be broker or backend")
    elif name == "wifi_psk":
        if value is not None and not (_plain(value) and 8 <= len(value) <= 64):
            raise ValueError("must be 8 to 64 plain characters, or null for an open network")
    elif name == "wifi_ssid":
        if (
            not isinstance(value, str)
            or len(value.encode()) > 32
            or any(ord(letter) < 32 for letter in value)
        ):
            raise ValueError("must be at most 32 bytes of text")
    else:
        _check_url(value)


def _check_url(value):
    if not _plain(value) and value != "" or len(value) > 128:
        raise ValueError("must be at most 128 plain characters")
    if value == "":
        return
    for scheme in ("mqtt://", "mqtts://"):
        if value.startswith(scheme):
            rest = value[len(scheme) :]
            break
    else:
        raise ValueError("must start with mqtt:// or mqtts://")
    host, colon, port = rest.partition(":")
    # A name and password in a URL end up in logs; the broker's user and secret are the unit's own.
    if not host or "/" in rest or "@" in rest or " " in rest:
        raise ValueError("must be mqtt://HOST or mqtt://HOST:PORT")
    if colon and not (port and all(digit in "0123456789" for digit in port) and 0 < int(port) < 65536):
        raise ValueError("port must be 1 to 65535")


def _plain(value):
    return isinstance(value, str) and value != "" and all(32 <= ord(letter) < 127 for letter in value)
