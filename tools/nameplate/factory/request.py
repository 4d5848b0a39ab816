"""What is asked for one unit, and every reason to refuse it before anything is written."""

from __future__ import annotations

import calendar
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import date
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from nameplate.factory.keys import check_oem
from nameplate.factory.refused import Refused
from nameplate.factory.strict_json import read_object
from nameplate.token import base64url

MONTHS_MAX = 600
PARTS_MAX = 8
PERIOD_MAX = 86400
# The device's records, and what prints them, hold four-digit years of this century.
_FIRST_DATE, _LAST_DATE = date(2000, 1, 1), date(2099, 12, 31)
_SERIAL = re.compile(r"[A-Z0-9][A-Z0-9./-]{2,19}")
_REVISION = re.compile(r"[A-Z0-9][A-Z0-9.]{0,7}")
_PART = re.compile(r"[a-z][a-z0-9 -]{0,23}")
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_HOST = re.compile(r"(?:[A-Za-z0-9-]{1,63}\.)*[A-Za-z0-9-]{1,63}")
_HEX_UEID = re.compile(r"[0-9A-Fa-f]{34}")


@dataclass(frozen=True, kw_only=True)
class ProvisionRequest:
    """One unit to be made.

    `made` and `support_until` are "YYYY-MM-DD"; `warranty` gives months by part, the general part first;
    `oem` and `oemid` default to the keys folder's; `model`, where given, must be the image's; `ueid` (34 hex
    digits, or 23 characters as in tokens) gives a known board a new identity; `wifi_ssid` "" means that Wi-Fi is set up later, `wifi_psk` None
    an open network; `broker_ca`, `client_cert`, `client_key` are certificate files for an mqtts:// broker, `client_ca`
    a folder whose authority signs the unit a client certificate of its own; `period_s` is the time between heartbeats
    in seconds; `ntp` is two time servers, "NAME,NAME"; `dev` keeps the board's prompt.
    """

    serial: str
    made: str
    revision: str
    warranty: Mapping[str, int]
    support_until: str
    report_url: str
    broker_url: str
    wifi_ssid: str = ""
    wifi_psk: str | None = field(default=None, repr=False)
    broker_ca: str | None = None
    client_cert: str | None = None
    client_key: str | None = None
    client_ca: str | None = None
    period_s: int = 60
    ntp: str = "0.pool.ntp.org,1.pool.ntp.org"
    oem: str | None = None
    oemid: int | None = None
    model: str | None = None
    ueid: str | None = None
    dev: bool = False

    def completed(self, oem: str | None, oemid: int | None) -> ProvisionRequest:
        """This request with the keys folder's maker filled in. Raises Refused on a contradiction."""
        for name, asked, known in (("oem", self.oem, oem), ("oemid", self.oemid, oemid)):
            if asked is None and known is None:
                raise Refused(
                    f"{name} is not given",
                    f"give --{name}, or make the keys folder with `factory keys --{name}`",
                )
            if asked is not None and known is not None and asked != known:
                raise Refused(
                    f"{name} {asked!r} is not the {known!r} of the keys folder",
                    f"leave out {name}, or give the keys that belong to it",
                )
        return replace(self, oem=oem if self.oem is None else self.oem, oemid=self.oemid or oemid)

    def check(self, today: date) -> None:
        """Raise Refused, naming the field and what it may hold, on the first that is wrong."""
        _match("serial", self.serial, _SERIAL, "3 to 20 of A-Z 0-9 . / - and starts with a letter or digit")
        _match("revision", self.revision, _REVISION, "1 to 8 of A-Z 0-9 .")
        check_oem(self.oem, self.oemid)
        made, support = _date("made", self.made), _date("support_until", self.support_until)
        if made > today:
            raise Refused(
                f"made {self.made} lies in the future (today is {today})", "check the date and the clock"
            )
        if made > support:
            raise Refused(
                f"made {self.made} is after support_until {self.support_until}",
                "support ends after the making",
            )
        self.board()
        _range("period_s", self.period_s, 1, PERIOD_MAX, "seconds")
        self._check_warranty()
        self._check_network()

    def board(self) -> str | None:
        """The given ueid as tokens spell it, or None for a new board. Raises Refused when it is malformed."""
        if self.ueid is None:
            return None
        try:
            is_hex = _HEX_UEID.fullmatch(self.ueid)
            raw = bytes.fromhex(self.ueid) if is_hex else base64url.decode(self.ueid)
            if len(raw) != 17 or raw[0] != 1:
                raise ValueError("not RAND and 16 bytes")
        except ValueError as error:
            raise Refused(
                f"ueid {self.ueid!r} is malformed",
                "ueid is 01 and 32 more hex digits, or the 23 characters of a token",
            ) from error
        return base64url.encode(raw)

    def warranty_terms(self) -> list[dict[str, str | int]]:
        """The warranty as the identity holds it: part, months, and the last day covered."""
        made = date.fromisoformat(self.made)
        return [
            {"part": part, "months": months, "until": add_months(made, months).isoformat()}
            for part, months in self.warranty.items()
        ]

    def _check_warranty(self) -> None:
        if not 1 <= len(self.warranty) <= PARTS_MAX:
            raise Refused(
                f"warranty names {len(self.warranty)} parts", f"give 1 to {PARTS_MAX}, such as parts=24"
            )
        for part, months in self.warranty.items():
            _match("warranty part", part, _PART, "1 to 24 of a-z 0-9 space - and starts with a letter")
            _range(f"warranty {part}", months, 1, MONTHS_MAX, "months")

    def _check_network(self) -> None:
        _check_url("report_url", self.report_url, ("https", "http"), "https://HOST/PATH")
        _check_url("broker_url", self.broker_url, ("mqtt", "mqtts"), "mqtts://HOST:PORT")
        if urlsplit(self.broker_url).path or urlsplit(self.broker_url).query:
            raise Refused("broker_url has more than a host and a port", "it is mqtts://HOST:PORT")
        self._check_tls()
        servers = self.ntp.split(",")
        if (
            len(servers) != 2
            or servers[0].lower() == servers[1].lower()
            or len(self.ntp) > 128
            or not all(_HOST.fullmatch(server) for server in servers)
        ):
            raise Refused(
                f"ntp {self.ntp!r} is not two time servers", "it is NAME,NAME: they check each other"
            )
        if len(self.wifi_ssid.encode()) > 32 or not (self.wifi_ssid == "" or self.wifi_ssid.isprintable()):
            raise Refused("wifi_ssid is not at most 32 bytes of text", "give the network's name as it shows")
        # The password is checked but never quoted: this text ends up in logs.
        if self.wifi_psk is not None:
            if not self.wifi_ssid:
                raise Refused("wifi_psk is given without wifi_ssid", "give the network's name too")
            if not (8 <= len(self.wifi_psk) <= 63 and all(" " <= c <= "~" for c in self.wifi_psk)):
                raise Refused(
                    "wifi_psk is not 8 to 63 plain characters",
                    "check the password (its value is not shown here)",
                )

    def _check_tls(self) -> None:
        if self.broker_url.startswith("mqtts:") and not self.broker_ca:
            raise Refused(
                "broker_url is mqtts:// and no broker_ca is given",
                "give the broker's authority with --broker-ca FILE: a unit believes no other",
            )
        if (self.client_cert is None) != (self.client_key is None):
            raise Refused("client_cert and client_key go together", "give both, or neither")
        if self.client_ca and self.client_cert:
            raise Refused(
                "client_ca and client_cert are both given", "give one: signed here, or made elsewhere"
            )
        if (self.client_ca or self.client_cert) and not self.broker_ca:
            raise Refused("a client certificate is given without broker_ca", "it is used under TLS only")


def add_months(start: date, months: int) -> date:
    """The same day `months` later, or that month's last day when it has no such day."""
    year, month = divmod(start.year * 12 + start.month - 1 + months, 12)
    return date(year, month + 1, min(start.day, calendar.monthrange(year, month + 1)[1]))


def read_unit_file(path: Path) -> dict[str, Any]:
    """The fields of a unit file, by the names of ProvisionRequest, each of the right JSON type.

    Raises Refused naming the file and the field.
    """
    hint = "a unit file is one JSON object: docs/factory.md shows it"
    given = read_object(path, hint)
    types = {f.name: str(f.type) for f in fields(ProvisionRequest)}
    for name, value in given.items():
        if name not in types:
            raise Refused(f"{path}: no field {name} is known", hint)
        if not _has_type(value, types[name]):
            raise Refused(f"{path}: {name} has the wrong type, it should be {types[name]}", hint)
    return given


def _has_type(value: Any, declared: str) -> bool:
    if value is None:
        return declared.endswith("| None")
    expected = declared.partition(" ")[0]
    if expected == "bool":
        return isinstance(value, bool)
    if expected == "int":
        return isinstance(value, int) and not isinstance(value, bool)
    if expected == "str":
        return isinstance(value, str)
    return isinstance(value, dict) and all(_has_type(months, "int") for months in value.values())


def _match(name: str, value: str, pattern: re.Pattern[str], allowed: str) -> None:
    if not pattern.fullmatch(value):
        raise Refused(f"{name} {value!r} is malformed", f"{name} is {allowed}")


def _range(name: str, value: int, low: int, high: int, unit: str) -> None:
    if not low <= value <= high:
        raise Refused(f"{name} {value} is out of range", f"it is {low} to {high} {unit}")


def _date(name: str, value: str) -> date:
    try:
        if not _DATE.fullmatch(value):
            raise ValueError("not YYYY-MM-DD")
        found = date.fromisoformat(value)
    except ValueError as error:
        raise Refused(f"{name} {value!r} is not a date", f"{name} is YYYY-MM-DD") from error
    if not _FIRST_DATE <= found <= _LAST_DATE:
        raise Refused(f"{name} {value} is out of range", f"it is {_FIRST_DATE} to {_LAST_DATE}")
    return found


def _check_url(name: str, value: str, schemes: tuple[str, ...], example: str) -> None:
    hint = f"{name} looks like {example}"
    try:
        parts = urlsplit(value)
        port = parts.port
    except ValueError as error:
        raise Refused(f"{name} is not an address", hint) from error
    if "@" in parts.netloc:
        raise Refused(
            f"{name} carries a user name or password", "leave them out: they would be stored in the open"
        )
    if not all("!" <= c <= "~" for c in value) or len(value) > 128:
        raise Refused(f"{name} is not at most 128 plain characters without spaces", hint)
    if parts.scheme not in schemes:
        raise Refused(f"{name} {value!r} does not start with {' or '.join(s + '://' for s in schemes)}", hint)
    if not parts.hostname or port == 0 or parts.netloc.endswith(":"):
        raise Refused(f"{name} {value!r} has no host or a wrong port", hint)
