"""A machine that washes: a tub, an inlet valve, a heater, a drain pump, a level switch, and a plain programme that uses them.

A programme is phases: fill until the level switch closes, heat to a temperature, wash so long at it, drain until the tub is
empty. The controller waits, but not for ever: what takes too long is given up, and the next step follows. An open door
pauses all but the drain. Units: seconds, litres, degrees Celsius, joules. Typical values of no maker's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from nameplate.sim.world import Key, World, number, one_of

_STEP_S = 0.5
_WATER_J = 4186.0  # of a litre, a kelvin
_EMPTY_L = 0.05
_LEVEL_OFF = 0.4  # of what closes the switch
_HYSTERESIS_C, _TOO_HOT_K = 2.0, 15.0
_BOILS_C = 100.0
_BOIL_J = 2.26e6  # of a litre that goes as steam
_FILL_MOST_S, _HEAT_MOST_S, _DRAIN_MOST_S, _COOL_MOST_S = 1800.0, 5400.0, 900.0, 3600.0


@dataclass(frozen=True)
class Phase:
    """`heat_c` None: cold. `wash_s` begins when the water is as warm as it should be."""

    name: str
    heat_c: float | None
    wash_s: float


@dataclass(frozen=True)
class Build:
    """What one kind of machine is built of."""

    name: str
    litres: float  # that close the level switch
    inlet_l_s: float
    drain_l_s: float
    heater_w: float
    tub_j_k: float  # the tub and what lies in it
    loss_w_k: float
    phases: tuple[Phase, ...]


DISHWASHER = Build(
    "dishwasher",
    litres=4.0,
    inlet_l_s=3.0 / 60,
    drain_l_s=12.0 / 60,
    heater_w=1800.0,
    tub_j_k=14e3,
    loss_w_k=5.0,
    phases=(
        Phase("rinse", None, 180),
        Phase("wash", 60, 900),
        Phase("rinse", None, 180),
        Phase("hot rinse", 65, 300),
    ),
)
WASHING_MACHINE = Build(
    "washing machine",
    litres=14.0,
    inlet_l_s=8.0 / 60,
    drain_l_s=18.0 / 60,
    heater_w=2000.0,
    tub_j_k=18e3,
    loss_w_k=6.0,
    phases=(Phase("wash", 40, 1500), Phase("rinse", None, 300), Phase("rinse", None, 300)),
)


class Washer:
    """`water_c` and `litres` after `advance`; `start` and `stop` a programme at any time.

    `inlet`, `drain` and `heater` are what the controller switches; the strengths of all three are shares of what is built in.
    """

    keys: ClassVar[Mapping[str, Key]] = {
        "programme": Key(
            "idle",
            one_of("idle", "start", "stop"),
            "start a programme, or break it off; `show` tells what it does",
        ),
        "inlet_flow": Key("100", number(0, 200), "what flows through the inlet valve, in percent"),
        "drain_flow": Key("100", number(0, 200), "what the drain pump takes, in percent"),
        "thermostat": Key(
            "ok", one_of("ok", "stuck"), "stuck: once on, the heater stays on while there is water"
        ),
        "tap_c": Key("12", number(0, 60), "temperature of the water that comes in"),
    }
    percents: ClassVar[Mapping[str, str]] = {"heater": "its power in percent"}

    def __init__(self, build: Build) -> None:
        self.build = build
        self.room_c = 22.0
        self.tap_c = 12.0
        self.mains = True
        self.door_open = False
        self.inlet_flow = self.drain_flow = self.heater_power = 1.0
        self.thermostat_stuck = False
        self.litres = 0.0
        self.water_c = 22.0
        self.inlet = self.drain = self.heater = self.level = False
        self._phase = -1  # none
        self._step = ""
        self._since_s = 0.0
        self._at_s = 0.0

    @property
    def running(self) -> bool:
        return self._phase >= 0

    @property
    def step(self) -> str:
        """What it is doing, in words."""
        return f"{self.build.phases[self._phase].name}: {self._step}" if self.running else "idle"

    def start(self) -> None:
        """From the beginning; one that runs goes on."""
        if not self.running:
            self._enter(0, "fill")

    def stop(self) -> None:
        """Break off, and drain."""
        if self.running:
            self._enter(len(self.build.phases) - 1, "drain")

    def advance(self, now_s: float) -> None:
        while self._at_s + _STEP_S <= now_s:
            self._at_s += _STEP_S
            self._control()
            self._flow()

    def _enter(self, phase: int, step: str) -> None:
        self._phase, self._step, self._since_s = phase, step, 0.0

    def _control(self) -> None:
        full = self.build.litres
        self.level = self.litres >= full * (_LEVEL_OFF if self.level else 1)
        paused = not self.mains or (self.door_open and self._step != "drain")
        if not self.running or paused:
            self.inlet = self.drain = False
            self.heater = self.heater and self._burns_on()
            return
        self._since_s += _STEP_S
        phase = self.build.phases[self._phase]
        if self._step == "fill" and (self.level or self._since_s > _FILL_MOST_S):
            self._enter(self._phase, "heat" if phase.heat_c is not None else "wash")
        elif self._step == "heat" and (self.water_c >= (phase.heat_c or 0) or self._since_s > _HEAT_MOST_S):
            self._enter(self._phase, "wash")
        elif self._step == "wash" and self._since_s >= phase.wash_s + (
            _COOL_MOST_S if self._too_hot(phase) else 0
        ):
            self._enter(self._phase, "drain")
        elif self._step == "drain" and (self.litres <= _EMPTY_L or self._since_s > _DRAIN_MOST_S):
            last = self._phase + 1 == len(self.build.phases)
            self._enter(-1 if last else self._phase + 1, "" if last else "fill")
        self.inlet = self._step == "fill"
        self.drain = self._step == "drain"
        self.heater = self._wants_heat(phase) or (self.heater and self._burns_on())

    def _too_hot(self, phase: Phase) -> bool:
        """Hot water spoils laundry and pipes: the controller waits a while for it to cool."""
        return phase.heat_c is not None and self.water_c > phase.heat_c + _TOO_HOT_K

    def _wants_heat(self, phase: Phase) -> bool:
        if phase.heat_c is None or not self.level or self._step not in ("heat", "wash"):
            return False
        if self._step == "heat":
            return True
        return self.water_c < phase.heat_c - (0 if self.heater else _HYSTERESIS_C)

    def _burns_on(self) -> bool:
        """A thermostat whose contacts are welded lets go when the level switch does."""
        return self.thermostat_stuck and self.level and self.mains

    def _flow(self) -> None:
        if self.inlet:
            came = self.build.inlet_l_s * self.inlet_flow * _STEP_S
            self.water_c += (
                (self.tap_c - self.water_c) * came * _WATER_J / (self._capacity() + came * _WATER_J)
            )
            self.litres += came
        if self.drain:
            self.litres = max(0.0, self.litres - self.build.drain_l_s * self.drain_flow * _STEP_S)
        heat = self.build.loss_w_k * (self.room_c - self.water_c)
        if self.heater:
            heat += self.build.heater_w * self.heater_power
        self.water_c += heat * _STEP_S / self._capacity()
        if self.water_c > _BOILS_C:
            self.litres = max(0.0, self.litres - (self.water_c - _BOILS_C) * self._capacity() / _BOIL_J)
            self.water_c = _BOILS_C

    def _capacity(self) -> float:
        return self.build.tub_j_k + self.litres * _WATER_J

    def obey(self, world: World) -> None:
        self.room_c, self.tap_c = float(world["room_c"]), float(world["tap_c"])
        self.mains = world["power"] == "on"
        if world["door"] in ("open", "closed"):  # else its contact sticks, and it stays where it was
            self.door_open = world["door"] == "open"
        self.inlet_flow, self.drain_flow = float(world["inlet_flow"]) / 100, float(world["drain_flow"]) / 100
        self.thermostat_stuck = world["thermostat"] == "stuck"
        try:
            self.heater_power = float(world["heater"]) / 100
        except (KeyError, ValueError):  # a word: what its contact says
            self.heater_power = 1.0
        if world["programme"] == "start":
            self.start()
        elif world["programme"] == "stop":
            self.stop()
        world.set("programme", "idle")

    def celsius(self, sensor: str) -> float | None:
        return self.water_c if sensor in ("water", "sump") else None

    def contact(self, sensor: str) -> bool | None:
        moved = {"inlet": self.inlet, "drain": self.drain, "heater": self.heater, "level": self.level}
        return moved.get(sensor)

    def shows(self) -> dict[str, str]:
        return {"step": self.step, "litres": f"{self.litres:.2f}"}
