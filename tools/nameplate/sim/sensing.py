"""What each sensor of the profile puts on its pins, from the appliance and the world: volts, a contact, a 1-Wire bus.

`Sensing` holds one part for each sensor. A contact leads to ground, so that it needs a pull-up; what `active` says decides
whether it is closed when it is on.
"""

from __future__ import annotations

import math
import random
import zlib
from collections.abc import Callable
from typing import Any

from nameplate.sim.clock import SimClock
from nameplate.sim.keys import contact_words
from nameplate.sim.physics import parts, thermistors
from nameplate.sim.physics.appliance import Appliance
from nameplate.sim.physics.ds18b20 import Ds18b20
from nameplate.sim.physics.onewire import Bus, Device
from nameplate.sim.wiring import Wiring
from nameplate.sim.world import World

Drives = Callable[[str], int | None]


class _Part:
    """One sensor; what it does not say is that it does nothing."""

    def __init__(self, spec: dict[str, Any], world: World, appliance: Appliance) -> None:
        self.name: str = spec["name"]
        self._spec = spec
        self._world = world
        self._appliance = appliance

    def _number(self, field: str, other: float) -> float:
        value = self._spec.get(field)
        return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else other

    def _word(self, suffix: str = "") -> str:
        key = self._world.aliases.get(self.name, self.name) + suffix
        return self._world[key] if key in self._world.keys else ""

    @property
    def _sticks(self) -> bool:
        """Whether it shows what it showed when it began to."""
        return self._word("_stuck") == "on"

    @property
    def _supply_volt(self) -> float:
        return self._number("supply_uv", 3_300_000) / 1e6

    def volt(self) -> float | None:
        """The voltage at its pin, where it is one that is measured."""
        return None

    def closed(self) -> bool | None:
        """Whether its pin is held at ground, where it is a contact."""
        return None

    def bus(self) -> Bus | None:
        """The 1-Wire bus at its pin."""
        return None

    def world_changed(self) -> None:
        """Values of the world are new."""

    def supply_lost(self) -> None:
        """The board has no power any more."""


class _Loop(_Part):
    """A leak probe on a pull-up, with a resistor at its end."""

    def _ohm(self) -> float:
        end = self._number("end_ohm", 0) or parts.OPEN
        damp = math.sqrt(self._number("wet_below_ohm", 15_000) * self._number("dry_above_ohm", 25_000))
        return parts.leak_ohm(self._word(), end, float(self._world["water_ohm"]), damp)

    def volt(self) -> float | None:
        return parts.divider_volt(self._supply_volt, self._number("pull_up_ohm", 47_000), self._ohm())


class Probe(_Loop):
    """A conductive probe between two drives: the converter sits behind the resistor of drive A.

    `charge_uc` is what has flowed since the start from A to B, and from B to A, in microcoulombs: where the two differ
    for long, the electrodes are eaten away.
    """

    def __init__(
        self, spec: dict[str, Any], world: World, appliance: Appliance, drives: Drives, clock: SimClock
    ) -> None:
        super().__init__(spec, world, appliance)
        self._drives = drives
        self._clock = clock
        self.charge_uc = [0.0, 0.0]
        self._ampere = 0.0
        self._since_us = clock.now_us()

    def _setting(self) -> tuple[float, float, float, int | None, int | None]:
        drives = self._drives(f"{self.name}_a"), self._drives(f"{self.name}_b")
        return (self._supply_volt, self._number("series_ohm", 10_000), self._ohm(), *drives)

    def volt(self) -> float | None:
        return parts.probe_volt(*self._setting())

    def world_changed(self) -> None:
        """Or a drive was set: book what has flowed until now."""
        now = self._clock.now_us()
        self.charge_uc[self._ampere < 0] += abs(self._ampere) * (now - self._since_us)
        self._ampere = parts.probe_ampere(*self._setting())
        self._since_us = now


class _Contact(_Part):
    """A switch, or a float: on or off."""

    def __init__(self, spec: dict[str, Any], world: World, appliance: Appliance) -> None:
        super().__init__(spec, world, appliance)
        self._closes: bool = spec.get("active", "low") == "low"
        self._last = False

    def _on(self) -> bool:
        word = self._word()
        if self._spec.get("kind") == "float":
            return word == "wet"
        if word == "stuck" or self._sticks:
            return self._last
        words = contact_words(self._spec)
        return word == words[1] if word in words else bool(self._appliance.contact(self.name))

    def closed(self) -> bool | None:
        self._last = self._on()
        return self._last == self._closes

    def world_changed(self) -> None:
        self.closed()


class _Thermometer(_Part):
    """How warm it is, as far as the sensor can tell."""

    def __init__(self, spec: dict[str, Any], world: World, appliance: Appliance) -> None:
        super().__init__(spec, world, appliance)
        self._last: float | None = None
        self.celsius()

    def celsius(self) -> float:
        """What it would say with sound wires."""
        if self._sticks and self._last is not None:
            return self._last
        told = self._word("_c")
        there = self._appliance.celsius(self.name) if told in ("", "auto") else float(told)
        if there is None:
            there = float(self._world["room_c"])
        self._last = there + float(self._word("_drift_c") or 0)
        return self._last

    def world_changed(self) -> None:
        self.celsius()


class _Thermistor(_Thermometer):
    """On a pull-up."""

    def volt(self) -> float | None:
        word = self._word()
        ohm = parts.OPEN if word == "open" else 0.0
        if word not in ("open", "short"):
            ohm = thermistors.resistance(self._spec, self.celsius())
        return parts.divider_volt(self._supply_volt, self._number("pull_up_ohm", 10_000), ohm)


class _OneWire(_Thermometer):
    """A DS18B20 on a pin of its own; `two`: somebody hung a second one on the same wire."""

    def __init__(
        self, spec: dict[str, Any], world: World, appliance: Appliance, clock: SimClock, seed: int
    ) -> None:
        super().__init__(spec, world, appliance)
        self.device, self._second = (
            Ds18b20(
                zlib.crc32(f"{self.name} {seed} {number}".encode()),
                self.celsius,
                clock.now_us,
                random.Random(f"{seed} {self.name} {number}"),
            )
            for number in range(2)
        )
        self._bus = Bus()
        self.world_changed()

    def bus(self) -> Bus | None:
        return self._bus

    def world_changed(self) -> None:
        super().world_changed()
        word = self._word()
        devices: dict[str, list[Device]] = {"missing": [], "two": [self.device, self._second]}
        before, self._bus.devices = self._bus.devices, devices.get(word, [self.device])
        for device in (self.device, self._second):
            if device in self._bus.devices and device not in before:
                device.power_on()  # it was plugged in
        self._bus.shorted = word == "shorted"
        self.device.fault = word

    def supply_lost(self) -> None:
        for device in (self.device, self._second):
            device.power_on()


class Sensing:
    """The sensors of one board, by name."""

    def __init__(
        self, wiring: Wiring, world: World, appliance: Appliance, clock: SimClock, drives: Drives, seed: int
    ) -> None:
        self.parts: dict[str, _Part] = {}
        for name, spec in wiring.sensors.items():
            kind = spec.get("kind")
            if kind == "probe":
                self.parts[name] = Probe(spec, world, appliance, drives, clock)
            elif kind == "ds18b20":
                self.parts[name] = _OneWire(spec, world, appliance, clock, seed)
            elif kind in _KINDS:
                self.parts[name] = _KINDS[kind](spec, world, appliance)

    def part(self, signal: str | None) -> _Part | None:
        """What hangs on the wire of that name."""
        return self.parts.get(signal or "")

    def driven(self, signal: str) -> None:
        """A wire of that name was set to a level: where it drives a probe, its current changes."""
        part = self.parts.get(signal[:-2]) if signal.endswith(("_a", "_b")) else None
        if isinstance(part, Probe):
            part.world_changed()

    def probe(self, name: str) -> Probe | None:
        part = self.parts.get(name)
        return part if isinstance(part, Probe) else None

    def thermometer(self, name: str) -> float | None:
        """What a sensor of temperature would say if it and its wires were sound."""
        part = self.parts.get(name)
        return part.celsius() if isinstance(part, _Thermometer) else None

    def world_changed(self) -> None:
        for part in self.parts.values():
            part.world_changed()

    def supply_lost(self) -> None:
        for part in self.parts.values():
            part.supply_lost()


_KINDS: dict[Any, type[_Part]] = {
    "leak": _Loop,
    "float": _Contact,
    "switch": _Contact,
    "ntc": _Thermistor,
}
