"""The world around a virtual board: what `sim set` may change, and the values it may take."""

from __future__ import annotations

import datetime as dt
import ipaddress
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from nameplate.errors import USAGE, NameplateError


@dataclass(frozen=True)
class Key:
    """One thing in the world: its default, the check of a new value, and a sentence."""

    default: str
    check: Callable[[str], str]
    help: str

    @property
    def values(self) -> str:
        """What it may be, as a refusal says it; empty where it may be anything."""
        try:
            self.check("\0")
        except ValueError as error:
            return str(error).removeprefix("must be ").removeprefix("one of ")
        return ""


def one_of(*words: str) -> Callable[[str], str]:
    """One of these words."""

    def check(value: str) -> str:
        if value not in words:
            raise ValueError(f"must be one of {', '.join(words)}")
        return value

    return check


def number(least: float, most: float, other: str = "") -> Callable[[str], str]:
    """A number of that range, or the one word that may stand for it."""

    def check(value: str) -> str:
        if other and value == other:
            return value
        try:
            found = float(value)
        except ValueError:
            found = least - 1
        if not least <= found <= most:
            raise ValueError(
                f"must be a number from {least:g} to {most:g}" + (f", or {other}" if other else "")
            )
        return value

    return check


def whole(least: int, most: int, other: str = "") -> Callable[[str], str]:
    """A whole number of that range, or the one word that may stand for it."""

    def check(value: str) -> str:
        if other and value == other:
            return value
        if not value.isdecimal() or not least <= int(value) <= most:
            raise ValueError(
                f"must be a whole number from {least} to {most}" + (f", or {other}" if other else "")
            )
        return value

    return check


def _moment(value: str) -> str:
    """A date and time in UTC, or Unix seconds; kept as Unix seconds. `none`: no time server answers."""
    if value.isdecimal() or value in ("", "none"):
        return value
    try:
        moment = dt.datetime.fromisoformat(value)
    except ValueError as error:
        raise ValueError("must be Unix seconds, or a date like 2026-11-24T09:00:00") from error
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=dt.UTC)
    return str(int(moment.timestamp()))


def _names(value: str) -> str:
    for entry in value.split(",") if value else ():
        name, equals, address = entry.strip().partition("=")
        try:
            if equals:
                ipaddress.IPv4Address(address)
        except ValueError:
            name = ""
        if not name:
            raise ValueError("must be NAME or NAME=ADDRESS, separated by commas")
    return value


def _any(value: str) -> str:
    return value


def _signed(value: str) -> str:
    if not value.removeprefix("-").isdecimal() or not -120 <= int(value) <= 0:
        raise ValueError("must be a whole number from -120 to 0")
    return value


KEYS: dict[str, Key] = {
    "room_c": Key("22", number(-20, 60), "temperature of the room"),
    "door": Key("closed", one_of("open", "closed"), "the door"),
    "button": Key("released", one_of("pressed", "released"), "the button on the panel"),
    "panel": Key("ok", one_of("ok", "absent"), "the display on the I2C bus"),
    "wifi": Key("up", one_of("up", "gone", "wrong_password"), "the access point"),
    "ssid": Key("", _any, "its name; empty: any will do"),
    "psk": Key("", _any, "its password; empty: any will do"),
    "rssi": Key("-58", _signed, "signal strength in dBm"),
    "dns": Key("ok", one_of("ok", "hang", "fail", "refuse", "wrong"), "the name server"),
    "names": Key(
        "",
        _names,
        "what it knows: NAME (this computer) or NAME=ADDRESS, with commas; others it asks the host for",
    ),
    "broker": Key(
        "reachable",
        one_of("reachable", "refused", "black_hole", "silent"),
        "what lies beyond the access point: black_hole swallows new connections, silent everything",
    ),
    "tls_ms": Key(
        "1000", whole(0, 60_000), "how long the chip computes, and holds all else, in a TLS handshake"
    ),
    "ntp": Key("ok", one_of("ok", "dead", "disagree", "lies", "kod"), "the time servers"),
    "clock": Key(
        "",
        _moment,
        "the true time in UTC, which time servers tell; empty: the host's, at real pace; none: they are silent",
    ),
    "power": Key("on", one_of("on", "off"), "the supply"),
    "nvs": Key(
        "ok",
        one_of("ok", "erased", "damaged", "full"),
        "the chip's own store: erased, or bytes of it spoilt, at the next start; full: it takes nothing more",
    ),
    "mirror": Key(
        "ok",
        one_of("ok", "erased", "damaged"),
        "the second copy of what it holds, in files: at the next start",
    ),
    "profile": Key(
        "ok",
        one_of("ok", "erased", "damaged"),
        "the model's profile in both slots: at the next start; the wires stay where they are",
    ),
    "flash_erase_ms": Key("40", whole(1, 400), "how long an erase of a block of flash holds everything"),
    "power_cut_at": Key(
        "never", whole(1, 10**9, "never"), "fail the supply in the n-th flash operation from now"
    ),
    "ctrl_c_at": Key(
        "never",
        whole(1, 10**9, "never"),
        "a Ctrl-C arrives with the n-th thing that the program asks of the chip since its start",
    ),
    "torn": Key("on", one_of("on", "off"), "a cut leaves half of an operation behind"),
}


class World:
    """The present values, as text. `set` raises NameplateError for an unknown key or an impossible value.

    `keys` is what there is to set; `aliases` are other names for some of them.
    """

    def __init__(self, keys: Mapping[str, Key] = KEYS, aliases: Mapping[str, str] | None = None) -> None:
        self.keys = dict(keys)
        self.aliases = dict(aliases or {})
        self._values = {name: key.default for name, key in keys.items()}
        self.clock_set_us = 0  # simulated moment at which `clock` was true

    def __getitem__(self, name: str) -> str:
        return self._values[name]

    def has(self, name: str) -> bool:
        """Whether there is a key of that name."""
        return name in self.keys or name in self.aliases

    def canonical(self, name: str) -> str:
        """The key that this name means. Raises NameplateError where there is none."""
        found = self.aliases.get(name, name)
        if found not in self.keys:
            there_are = ", ".join([*self.keys, *self.aliases])
            raise NameplateError(f"there is no {name!r} in the world", f"there are: {there_are}", USAGE)
        return found

    def check(self, name: str, value: object) -> str:
        """The value as it will be kept."""
        key = self.keys[self.canonical(name)]
        try:
            return key.check(str(value).strip() if name not in ("ssid", "psk") else str(value))
        except ValueError as error:
            raise NameplateError(f"{name}={value}: {error}", f"{name} is {key.help}", USAGE) from error

    def get(self, name: str) -> str:
        """The present value. Raises NameplateError for a key there is not."""
        return self._values[self.canonical(name)]

    def set(self, name: str, value: object) -> None:
        self._values[self.canonical(name)] = self.check(name, value)

    def items(self) -> Iterable[tuple[str, str]]:
        return self._values.items()
