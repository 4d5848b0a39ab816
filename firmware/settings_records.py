"""Reads, checks and writes the settings' NVS record. Needed at boot and when something is changed."""

import json

from firmware import blob
from firmware.blob import Damaged
from lib import strictjson

LOOKED_UP = ("wifi_ssid", "wifi_psk", "broker_url", "period_s", "consent", "ack", "ntp")
CONSENT = ("full", "minimum", "off")
ACK = ("broker",)  # "backend" comes with the backend that acknowledges
_KEY = "settings"
_HOST_LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-"
_DEFAULTS = {
    "wifi_ssid": "", "wifi_psk": None, "broker_url": "", "period_s": 60, "consent": "off", "ack": "broker",
    "ntp": "0.pool.ntp.org,1.pool.ntp.org",
}  # fmt: skip


def read(nvs):
    """(values of LOOKED_UP, all that is stored, what is damaged or None)."""
    damage = None
    stored = {}
    try:
        value = strictjson.loads(_payload(nvs), 3)
        if not isinstance(value, dict):
            raise Damaged("not a JSON object")
        stored = value
    except (Damaged, ValueError) as reason:
        damage = str(reason)
    values = {}
    for name in LOOKED_UP:
        try:
            if name not in stored:
                if name == "ntp":  # records of the first release have none
                    stored[name] = _DEFAULTS[name]
                else:
                    raise ValueError("missing")
            check(name, stored[name])
        except ValueError as reason:
            stored[name] = _DEFAULTS[name]
            damage = damage or f"{name}: {reason}"
        values[name] = stored[name]
    return values, stored, damage


def write(nvs, stored):
    """Store everything; OSError from the flash. A mirror that cannot be written is gone, and made again at the next start."""
    nvs.set_blob(_KEY, blob.pack(json.dumps(stored, separators=(",", ":")).encode()))
    nvs.commit()
    from firmware import mirror

    mirror.keep(nvs, _KEY)


def _payload(nvs):
    try:
        return blob.read(nvs, _KEY)
    except Damaged:
        from firmware import mirror

        return mirror.read(nvs, _KEY)


def check(name, value):
    """ValueError, with the reason in plain words, unless `value` is right for the setting `name`."""
    if name not in LOOKED_UP:
        raise ValueError("no such setting")
    if name == "period_s":
        if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= 86400:
            raise ValueError("must be 1 to 86400 seconds")
    elif name == "consent":
        if value not in CONSENT:
            raise ValueError("must be full, minimum or off")
    elif name == "ack":
        if value not in ACK:
            raise ValueError("must be broker: no backend acknowledges yet")
    elif name == "ntp":
        _check_servers(value)
    elif name == "wifi_psk":
        if value is not None and not (_plain(value) and 8 <= len(value) <= 64):
            raise ValueError("must be 8 to 64 plain characters, or null for an open network")
    elif name == "wifi_ssid":
        _check_ssid(value)
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


def _check_ssid(value):
    if not isinstance(value, str) or len(value.encode()) > 32 or any(ord(letter) < 32 for letter in value):
        raise ValueError("must be at most 32 bytes of text")


def _check_servers(value):
    servers = value.split(",") if _plain(value) and len(value) <= 128 else []
    if len(servers) != 2 or servers[0].lower() == servers[1].lower():
        raise ValueError("must be two names of time servers, as in a.example,b.example")
    for server in servers:
        if not server or not all(letter in _HOST_LETTERS for letter in server):
            raise ValueError("must be two names of letters, digits, dots and hyphens")


def _plain(value):
    return isinstance(value, str) and value != "" and all(32 <= ord(letter) < 127 for letter in value)
