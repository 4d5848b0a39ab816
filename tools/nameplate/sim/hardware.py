"""The board around the chip's pins: levels, edges, the converter, timers, the I2C bus with its panel."""

from __future__ import annotations

import errno
import random
from collections.abc import Callable
from dataclasses import dataclass

from nameplate.sim.chips import Chip
from nameplate.sim.clock import SimClock, Timer
from nameplate.sim.physics import adc, parts
from nameplate.sim.physics.fridge import Fridge
from nameplate.sim.physics.panel import Panel
from nameplate.sim.wiring import Wiring
from nameplate.sim.world import World

EDGE, TIMER, NETWORK = 1, 2, 3
_RISING, _FALLING = 1, 2
_PULL_DOWN, _PULL_UP = 1, 2
_OUT = 2  # the bit in a pin's mode


@dataclass
class _Pin:
    mode: int = 0
    pull: int = 0
    level: int = 0  # what the output register holds
    trigger: int = 0
    seen: int = 0  # the input level last looked at, for edges


class Hardware:
    """One board. `notice(kind, number, value)` interrupts the interpreter; `event(kind, detail)` tells the world."""

    def __init__(
        self,
        chip: Chip,
        wiring: Wiring,
        clock: SimClock,
        world: World,
        seed: int,
        notice: Callable[[int, int, int], None],
        event: Callable[[str, str], None],
    ) -> None:
        self.wiring = wiring
        self.fridge = Fridge()
        self.panel = Panel()
        self._chip = chip
        self._clock = clock
        self._world = world
        self._noise = random.Random(f"{seed} converter")
        self._notice = notice
        self._event = event
        self._timers: dict[int, Timer] = {}
        self.alarm = False
        self._pins: dict[int, _Pin] = {}
        self._buses: list[tuple[int, int]] = []

    def power_off(self) -> None:
        """The chip lost its supply or was reset: pins float, timers stop. The panel keeps its picture until power goes."""
        for timer in self._timers.values():
            timer.cancel()
        self._timers = {}
        self._pins = {}
        self._buses = []
        self._alarm()

    def soft_reset(self) -> None:
        """The port's own reset: timers and interrupts stop, outputs keep their level."""
        for timer in self._timers.values():
            timer.cancel()
        self._timers = {}
        self._buses = []
        for pin in self._pins.values():
            pin.trigger = 0

    def _pin(self, number: int) -> _Pin:
        if number not in self._chip.pins:
            raise ValueError("invalid pin")
        return self._pins.setdefault(number, _Pin())

    def _level(self, number: int) -> int:
        """What a digital read of the pin gives."""
        pin = self._pins[number]
        if pin.mode & _OUT:
            return pin.level
        if self.wiring.signals.get(number) == "button":
            pressed = self._world["button"] == "pressed"
            if pressed:
                return int(not self.wiring.button_active_low)
            return (
                int(bool(pin.pull & _PULL_UP))
                if self.wiring.button_active_low
                else int(not pin.pull & _PULL_DOWN)
            )
        volt = self._volt(number)
        if volt is not None:
            return int(volt > 1.65)
        return int(bool(pin.pull & _PULL_UP))

    def check_pin(self, number: int) -> None:
        """Raises ValueError when the chip has no such pin."""
        self._pin(number)

    def init_pin(self, number: int, mode: int | None, pull: int | None, value: bool | None) -> None:
        pin = self._pin(number)
        if mode is not None:
            if mode & _OUT and number in self._chip.inputs_only:
                raise ValueError("pin can only be input")
            pin.mode = mode
        if pull != -1:
            pin.pull = pull or 0
        if value is not None:
            pin.level = int(value)
        pin.seen = self._level(number)
        self._alarm()

    def read_pin(self, number: int) -> int:
        self._pin(number)
        return self._level(number)

    def write_pin(self, number: int, level: int) -> None:
        self._pin(number).level = level
        self._alarm()

    def irq(self, number: int, trigger: int) -> None:
        pin = self._pin(number)
        pin.trigger = trigger
        pin.seen = self._level(number)

    def world_changed(self) -> None:
        """Look for edges."""
        self.fridge.advance(self._clock.now_us() / 1e6)
        self.fridge.door_open = self._world["door"] == "open"
        self.fridge.room_c = float(self._world["room_c"])
        for number, pin in self._pins.items():
            level = self._level(number)
            if level != pin.seen:
                pin.seen = level
                if pin.trigger & (_RISING if level else _FALLING):
                    self._notice(EDGE, number, level)

    def _alarm(self) -> None:
        number = self.wiring.pin_of("alarm")
        pin = self._pins.get(number) if number is not None else None
        driven = pin is not None and bool(pin.mode & _OUT)
        on = driven and pin is not None and bool(pin.level) == self.wiring.alarm_active_high
        if on != self.alarm:
            self.alarm = on
            self._event("alarm", "on" if on else "off")

    # Analog

    def air_c(self) -> float:
        """The air in the fridge, whatever its sensor says."""
        if self._world["fridge_c"] != "auto":
            return float(self._world["fridge_c"])
        self.fridge.advance(self._clock.now_us() / 1e6)
        return self.fridge.air_c

    def _volt(self, number: int) -> float | None:
        """The voltage on a pin that leads to a sensor; None on any other."""
        sensor = self.wiring.sensors.get(self.wiring.signals.get(number, ""))
        if sensor is None:
            return None
        if sensor["kind"] == "leak":
            ohm = parts.leak_ohm(self._world["leak"], sensor["end_ohm"], float(self._world["water_ohm"]))
        else:
            fault = self._world["fridge"]
            ohm = parts.OPEN if fault == "open" else 0.0
            if fault == "ok":
                ohm = parts.ntc_ohm(self.air_c(), sensor["r25_ohm"], sensor["beta_k"])
        return parts.divider_volt(sensor["supply_uv"] / 1e6, sensor["pull_up_ohm"], ohm)

    def check_adc(self, number: int, attenuation: int) -> None:
        self._pin(number)
        if number not in self._chip.adc_pins:
            raise ValueError("invalid pin")
        if not 0 <= attenuation <= 3:
            raise ValueError("invalid attenuation")

    def sample(self, number: int, attenuation: int) -> tuple[int, int]:
        """One conversion: (raw, microvolts). A pin that leads nowhere picks up noise."""
        volt = self._volt(number)
        if volt is None:
            volt = self._noise.uniform(0.0, 0.3)
        return adc.sample(self._chip.name, volt, attenuation, self._noise)

    # Timers

    def timer(self, number: int, period_us: int, periodic: bool) -> None:
        """Start a timer, or stop it when the period is 0."""
        old = self._timers.pop(number, None)
        if old is not None:
            old.cancel()
        if period_us:
            self._arm(number, self._clock.now_us() + period_us, period_us, periodic)

    def _arm(self, number: int, due_us: int, period_us: int, periodic: bool) -> None:
        def fire() -> None:
            if periodic:
                self._arm(number, due_us + period_us, period_us, True)
            self._notice(TIMER, number, 0)

        self._timers[number] = self._clock.at(due_us, fire)

    # I2C

    def bus(self, scl: int, sda: int) -> int:
        for number in (scl, sda):
            if number != -1:
                self._pin(number)
        self._buses.append((scl, sda))
        return len(self._buses) - 1

    def _answers(self, bus: int, address: int) -> bool:
        scl, sda = self._buses[bus]
        return (
            address == self.wiring.panel_address
            and self._world["panel"] == "ok"
            and (self.wiring.pin_of("scl"), self.wiring.pin_of("sda")) == (scl, sda)
        )

    def scan(self, bus: int) -> list[int]:
        return [address for address in range(8, 0x78) if self._answers(bus, address)]

    def write_i2c(self, bus: int, address: int, data: bytes) -> None:
        """Raises OSError(ENODEV) when nothing answers."""
        if not self._answers(bus, address):
            raise OSError(errno.ENODEV, "no device")
        self.panel.write(data)

    def read_i2c(self, bus: int, address: int, size: int) -> bytes:
        if not self._answers(bus, address):
            raise OSError(errno.ENODEV, "no device")
        return bytes([0xFF]) * size
