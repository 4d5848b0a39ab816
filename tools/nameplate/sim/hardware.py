"""The board around the chip's pins: levels, edges, the converter, timers, 1-Wire, the I2C bus with its panel."""

from __future__ import annotations

import errno
import random
from collections.abc import Callable
from dataclasses import dataclass

from nameplate.sim.chips import Chip
from nameplate.sim.clock import SimClock, Timer
from nameplate.sim.physics import adc
from nameplate.sim.physics.appliance import Appliance
from nameplate.sim.physics.onewire import Bus
from nameplate.sim.physics.panel import Panel
from nameplate.sim.sensing import Sensing
from nameplate.sim.wiring import Wiring
from nameplate.sim.world import World

EDGE, TIMER, NETWORK = 1, 2, 3
_RISING, _FALLING = 1, 2
_PULL_DOWN, _PULL_UP = 1, 2
_OUT = 2  # the bit in a pin's mode
_LOOK_US = 200_000  # how often contacts that the appliance moves are looked at for edges
_RESET, _WRITE = 0, 1  # what a program does on a 1-Wire bus; anything else reads


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
        appliance: Appliance,
        seed: int,
        notice: Callable[[int, int, int], None],
        event: Callable[[str, str], None],
    ) -> None:
        self.wiring = wiring
        self.appliance = appliance
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
        self._look: Timer | None = None
        self._numbers = {name: number for number, name in wiring.signals.items()}
        self.sensing = Sensing(wiring, world, appliance, clock, self._drive, seed)
        self._nothing = Bus()

    def power_off(self) -> None:
        """The chip lost its supply or was reset: pins float, timers stop. The panel keeps its picture until power goes."""
        for timer in self._timers.values():
            timer.cancel()
        self._timers = {}
        self._stop_looking()
        self._pins = {}
        self._buses = []
        self.sensing.world_changed()
        self._alarm()

    def supply_lost(self) -> None:
        """What lives on the board's supply forgets."""
        self.panel.power_off()
        self.sensing.supply_lost()

    def soft_reset(self) -> None:
        """The port's own reset: timers and interrupts stop, outputs keep their level."""
        for timer in self._timers.values():
            timer.cancel()
        self._timers = {}
        self._stop_looking()
        self._buses = []
        for pin in self._pins.values():
            pin.trigger = 0

    def _stop_looking(self) -> None:
        if self._look is not None:
            self._look.cancel()
        self._look = None

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
        part = self.sensing.part(self.wiring.signals.get(number))
        self._let_live()
        closed = part.closed() if part else None
        if closed is not None:
            # A pin without a pull-up of its own has one on the board.
            return int(not closed and (bool(pin.pull & _PULL_UP) or number in self._chip.inputs_only))
        volt = part.volt() if part else None
        if volt is not None:
            return int(volt > 1.65)
        return int(bool(pin.pull & _PULL_UP))

    def _drive(self, signal: str) -> int | None:
        """The level that the chip puts on a wire; None where it does not."""
        pin = self._pins.get(self._numbers.get(signal, -1))
        return pin.level if pin is not None and pin.mode & _OUT else None

    def _set(self, number: int) -> None:
        """A pin may be at another level: let it act."""
        self.sensing.driven(self.wiring.signals.get(number, ""))
        self._alarm()

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
        self._set(number)

    def read_pin(self, number: int) -> int:
        self._pin(number)
        return self._level(number)

    def write_pin(self, number: int, level: int) -> None:
        self._pin(number).level = level
        self._set(number)

    def irq(self, number: int, trigger: int) -> None:
        pin = self._pin(number)
        pin.trigger = trigger
        pin.seen = self._level(number)
        self._look_later()

    def _look_later(self) -> None:
        """While a program waits for a contact that the appliance moves, look at it now and then."""
        moves = any(
            pin.trigger and self.appliance.contact(self.wiring.signals.get(number, "")) is not None
            for number, pin in self._pins.items()
        )
        if moves and self._look is None:
            self._look = self._clock.after(_LOOK_US, self._looked)

    def _looked(self) -> None:
        self._look = None
        self._edges()
        self._look_later()

    def _let_live(self) -> None:
        self.appliance.advance(self._clock.now_us() / 1e6)

    def world_changed(self) -> None:
        """Values of the world are new: the appliance and the sensors take them, and inputs may have changed."""
        self._let_live()
        self.appliance.obey(self._world)
        self.sensing.world_changed()
        self._edges()

    def _edges(self) -> None:
        for number, pin in self._pins.items():
            level = self._level(number)
            if level != pin.seen:
                pin.seen = level
                if pin.trigger & (_RISING if level else _FALLING):
                    self._notice(EDGE, number, level)

    def _alarm(self) -> None:
        level = self._drive("alarm")
        on = level is not None and bool(level) == self.wiring.alarm_active_high
        if on != self.alarm:
            self.alarm = on
            self._event("alarm", "on" if on else "off")

    def shows(self) -> dict[str, str]:
        """What may be asked of the appliance, and how warm it truly is at each sensor."""
        self._let_live()
        found = self.appliance.shows()
        for name in self.wiring.sensors:
            celsius = self.sensing.thermometer(name)
            if celsius is not None:
                found[f"{name}_true_c"] = f"{celsius:.3f}"
            probe = self.sensing.probe(name)
            if probe is not None:
                probe.world_changed()
                forward, back = probe.charge_uc
                found |= {f"{name}_charge_ab_uc": f"{forward:.3f}", f"{name}_charge_ba_uc": f"{back:.3f}"}
        return found

    # 1-Wire

    def onewire(self, number: int, action: int, value: int, count: int) -> int:
        """On the bus at that pin: a reset (1: somebody is there), or so many bits, the least significant first."""
        self._pin(number)
        self._let_live()
        part = self.sensing.part(self.wiring.signals.get(number))
        bus = (part.bus() if part else None) or self._nothing
        if action == _RESET:
            return int(bus.reset())
        if action == _WRITE:
            for place in range(count):
                bus.write(value >> place & 1)
            return 0
        return sum(bus.read() << place for place in range(count))

    # Analog

    def _volt(self, number: int) -> float | None:
        """The voltage on a pin that leads to a sensor; None on any other."""
        part = self.sensing.part(self.wiring.signals.get(number))
        self._let_live()
        return part.volt() if part else None

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
