"""A fridge-freezer: two compartments and what lies in them, one evaporator with its frost, one compressor, one door.

Five bodies exchange heat (joules, watts, kelvin; seconds): the air and the contents of either compartment, and the evaporator.
The compressor runs when the freezer asks for cold, or the fridge, to whose air a damper leads. After so many hours of
running a heater melts the frost off; a thermostat at the evaporator ends that. Typical values of no maker's.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from nameplate.sim.world import Key, World, number, one_of

_STEP_S = 1.0
# Joules per kelvin
_FRIDGE_AIR, _FRIDGE_LOAD, _FREEZER_AIR, _FREEZER_LOAD, _EVAPORATOR = 14e3, 80e3, 10e3, 45e3, 3e3
_FOOD = 3600.0  # of a kilogram
# Watts per kelvin
_FRIDGE_WALL, _FREEZER_WALL, _DOOR = 1.0, 0.5, 95.0
_FRIDGE_LOAD_AIR, _FREEZER_LOAD_AIR = 14.0, 14.0
_FREEZER_COIL, _FREEZER_COIL_STILL = 14.0, 0.5  # with the fan, and without
_FRIDGE_COIL, _FRIDGE_COIL_SHUT = 3.2, 0.1  # with the damper open, and shut
# The compressor takes so much at -25 degrees, and less from a colder evaporator
_COOLING_W, _COOLING_W_PER_K, _COOLING_AT_C = 125.0, 3.0, -25.0
# Frost
_FROST_KG_S, _FROST_DOOR_KG_S = 8e-6, 60e-6  # while it runs, and more while the door is open
_FROST_HALF_KG = 0.8  # halves what the evaporator takes from the air
_FROST_MOST_KG = 3.0
_MELT_J_KG = 334e3
_HEATER_W, _MELTS_C, _DEFROST_ENDS_C, _DEFROST_MOST_S = 160.0, 0.0, 8.0, 2400.0
_DEFROST_AFTER_S, _DRIP_S = 4 * 3600.0, 300.0
_HEATER_SAFE_C = 20.0  # where its bimetal keeps a heater that does not end
# Thermostats
_FRIDGE_ON_C, _FRIDGE_OFF_C = 5.4, 3.5
_FREEZER_ON_C, _FREEZER_OFF_C = -17.0, -20.5


class Fridge:
    """`fridge_c`, `freezer_c` and `evaporator_c` after `advance`; the rest of what is public may be set at any time.

    `mains`: whether it has power. `cooling`: the compressor's strength, 1 is as built. `defrost`: auto, stuck (the
    heater does not end), off (there is none).
    """

    keys: ClassVar[Mapping[str, Key]] = {
        "cooling": Key("100", number(0, 150), "strength of the compressor in percent"),
        "defrost": Key(
            "auto",
            one_of("auto", "stuck", "off"),
            "the defrost heater: by itself, never ending, or never on",
        ),
        "food": Key("0", number(0, 30), "kilograms, as warm as the room, put into the fridge now"),
    }
    percents: ClassVar[Mapping[str, str]] = {}

    def __init__(self, room_c: float = 22.0) -> None:
        self.room_c = room_c
        self.door_open = False
        self.mains = True
        self.cooling = 1.0
        self.defrost = "auto"
        self.fridge_c = self.fridge_load_c = 4.5
        self.freezer_c = self.freezer_load_c = -18.5
        self.evaporator_c = -19.0
        self.frost_kg = 0.1
        self.compressor = self.damper = self.defrosting = self.heater = False
        self._ran_s = 3600.0  # since the last defrost
        self._heated_s = 0.0
        self._drips_s = 0.0
        self._at_s = 0.0

    def advance(self, now_s: float) -> None:
        while self._at_s + _STEP_S <= now_s:
            self._at_s += _STEP_S
            self._control()
            self._exchange()

    def put(self, kilograms: float) -> None:
        """Food as warm as the room joins what lies in the fridge."""
        added = kilograms * _FOOD
        self.fridge_load_c += (self.room_c - self.fridge_load_c) * added / (_FRIDGE_LOAD + added)

    def _control(self) -> None:
        if self.fridge_c > _FRIDGE_ON_C:
            self.damper = True
        elif self.fridge_c < _FRIDGE_OFF_C:
            self.damper = False
        wants = self.damper or self.freezer_c > (_FREEZER_OFF_C if self.compressor else _FREEZER_ON_C)
        self._control_defrost()
        self._drips_s = max(0.0, self._drips_s - _STEP_S)
        self.compressor = self.mains and wants and not self.defrosting and not self._drips_s
        if self.compressor:
            self._ran_s += _STEP_S

    def _control_defrost(self) -> None:
        if self.defrosting:
            self._heated_s += _STEP_S
            done = self.evaporator_c >= _DEFROST_ENDS_C or self._heated_s >= _DEFROST_MOST_S
            if self.defrost != "stuck" and (done or not self.mains):
                self.defrosting = False
                self._drips_s = _DRIP_S
        else:
            due = self.defrost == "auto" and self._ran_s >= _DEFROST_AFTER_S and not self.damper
            if self.mains and (due or self.defrost == "stuck"):
                self.defrosting = True
                self._ran_s = self._heated_s = 0.0
        self.heater = self.defrosting and self.mains and self.evaporator_c < _HEATER_SAFE_C

    def _exchange(self) -> None:
        coil = 1 / (1 + self.frost_kg / _FROST_HALF_KG)
        fan = self.compressor
        freezer = coil * _FREEZER_COIL if fan else _FREEZER_COIL_STILL
        fridge = coil * _FRIDGE_COIL if fan and self.damper else _FRIDGE_COIL_SHUT
        from_freezer = freezer * (self.freezer_c - self.evaporator_c)
        from_fridge = fridge * (self.fridge_c - self.evaporator_c)
        fridge_load = _FRIDGE_LOAD_AIR * (self.fridge_load_c - self.fridge_c)
        freezer_load = _FREEZER_LOAD_AIR * (self.freezer_load_c - self.freezer_c)
        wall = _FRIDGE_WALL + (_DOOR if self.door_open else 0.0)
        self.fridge_c += (wall * (self.room_c - self.fridge_c) + fridge_load - from_fridge) / _FRIDGE_AIR
        self.freezer_c += (
            _FREEZER_WALL * (self.room_c - self.freezer_c) + freezer_load - from_freezer
        ) / _FREEZER_AIR
        self.fridge_load_c -= fridge_load / _FRIDGE_LOAD
        self.freezer_load_c -= freezer_load / _FREEZER_LOAD
        heat = from_freezer + from_fridge + (_HEATER_W if self.heater else 0.0)
        if self.compressor:
            heat -= self.cooling * max(
                0.0, _COOLING_W + _COOLING_W_PER_K * (self.evaporator_c - _COOLING_AT_C)
            )
        if self.compressor and self.evaporator_c < _MELTS_C:
            wet = _FROST_KG_S + (_FROST_DOOR_KG_S if self.door_open else 0.0)
            self.frost_kg = min(_FROST_MOST_KG, self.frost_kg + wet * _STEP_S)
        if heat > 0 and self.frost_kg > 0 and self.evaporator_c >= _MELTS_C:
            melted = min(self.frost_kg, heat * _STEP_S / _MELT_J_KG)
            self.frost_kg -= melted
            heat -= melted * _MELT_J_KG / _STEP_S
        self.evaporator_c += heat * _STEP_S / _EVAPORATOR

    def obey(self, world: World) -> None:
        self.room_c = float(world["room_c"])
        if world["door"] in ("open", "closed"):  # else its contact sticks, and it stays where it was
            self.door_open = world["door"] == "open"
        self.mains = world["power"] == "on"
        self.cooling = float(world["cooling"]) / 100
        self.defrost = world["defrost"]
        if float(world["food"]):
            self.put(float(world["food"]))
            world.set("food", "0")

    def celsius(self, sensor: str) -> float | None:
        return {"fridge": self.fridge_c, "freezer": self.freezer_c, "evap": self.evaporator_c}.get(sensor)

    def contact(self, sensor: str) -> bool | None:
        return None

    def shows(self) -> dict[str, str]:
        return {
            "air_c": f"{self.fridge_c:.3f}",
            "freezer_air_c": f"{self.freezer_c:.3f}",
            "compressor": "on" if self.compressor else "off",
            "evaporator_c": f"{self.evaporator_c:.3f}",
            "defrosting": "on" if self.defrosting else "off",
            "frost_g": f"{self.frost_kg * 1000:.0f}",
        }
