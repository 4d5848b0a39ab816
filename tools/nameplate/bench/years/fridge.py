"""A no-frost fridge-freezer: one evaporator with a fan, a damper to the fridge, a defrost heater; many at once.

Bodies: the fridge's air and liner, what lies in it, the freezer's air and liner, what lies there, the evaporator with its
frost. Heat in joules, power in watts, temperatures in degrees Celsius, steps of a minute. The appliance's own controller
(thermostats, defrost by compressor time) is simulated too: it is not ours, and its sensors are not ours.
What can break is in `PARTS`: each lane has an amount for each, which a fault reaches at once or in time.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from nameplate.bench.years.home import DAY, Floats, Homes, openings, share_of_steps

STEP_S = 60
PARTS = (
    "capacity_lost",  # part of the compressor's capacity, 0..1: refrigerant, worn valves
    "condenser",  # part of the condenser blocked by dust, 0..1: costs more in a warm room
    "seal",  # W/K more through the fridge door's seal
    "freezer_seal",  # W/K more through the freezer's
    "ajar",  # the fridge door stands open by this part, and its contact says so
    "fan_lost",  # part of the evaporator fan's air
    "damper_open",  # part by which the damper to the fridge no longer shuts
    "damper_shut",  # part by which it no longer opens
    "compressor_stuck",  # 1: its relay no longer opens
    "compressor_dead",  # 1: it no longer starts
    "heater_dead",  # part of the defrost heater's power that is gone
    "defrost_limit_h",  # the end of a defrost is not seen; it lasts until this limit of the controller's own
    "pan_siemens",  # conductance of the water in the base pan
    "pan_after_defrost_siemens",  # likewise, for the half hour after each defrost: the drain is blocked
)


@dataclass
class Ageing:
    """What goes wrong in each lane: from `start_s` on, in `ramp_s` seconds, up to `amount[part]`."""

    start_s: Floats
    ramp_s: Floats
    amount: dict[str, Floats] = field(default_factory=dict)

    @classmethod
    def none(cls, count: int) -> Ageing:
        return cls(np.full(count, np.inf), np.ones(count))

    def at(self, at_s: float) -> dict[str, Floats]:
        """The amount of each part now."""
        done = np.clip((at_s - self.start_s + 1) / np.maximum(self.ramp_s, 1), 0, 1)
        return {part: amount * done for part, amount in self.amount.items()}


@dataclass
class Minutes:
    """A stretch of life, [minute, lane]: what the sensors of the appliance feel, and `powered` (0..1)."""

    at_s: float
    step_s: float
    values: dict[str, Floats]
    powered: Floats
    truth: dict[str, Floats]


class Fridges:
    """`homes.count` fridges. `run()` yields their life day by day."""

    def __init__(self, rng: np.random.Generator, homes: Homes, ageing: Ageing) -> None:
        count = homes.count
        self._rng, self.homes, self.ageing = rng, homes, ageing

        def spread(mean: float, part: float) -> Floats:
            return np.clip(rng.normal(mean, mean * part, count), mean * (1 - 2 * part), mean * (1 + 2 * part))

        self.capacity_w = spread(92, 0.05)
        self.wears = rng.uniform(0.0, 0.02, count)  # of the capacity, each year: ageing within tolerance
        self.fridge_w_k = spread(0.85, 0.08)
        self.freezer_w_k = spread(0.38, 0.08)
        self.evap_w_k = spread(12, 0.06)
        self.food_j_k = np.exp(rng.normal(np.log(70e3), 0.35, count))
        self.frozen_j_k = np.exp(rng.normal(np.log(45e3), 0.3, count))
        self.set_c = rng.uniform(3.2, 6.0, count)
        self.freezer_set_c = rng.uniform(-20.5, -17.8, count)
        self.heater_w = spread(180, 0.05)
        self.fuse = np.ones(count, bool)  # beside the heater, where it is hotter; once gone, gone
        self.defrost_every_s = spread(10 * 3600, 0.1)
        zero = np.zeros(count)
        self.air, self.food = self.set_c + zero, self.set_c + 0.5
        self.cold, self.frozen = self.freezer_set_c + zero, self.freezer_set_c + zero
        self.evap = self.freezer_set_c - 1
        self.felt_air, self.felt_cold, self.felt_evap = self.air.copy(), self.cold.copy(), self.evap.copy()
        self.frost = rng.uniform(0, 0.2, count)
        self.warm_j, self.warm_frozen_j = zero.copy(), zero.copy()
        self.runs = rng.random(count) < 0.4
        self.rests_s, self.ran_s = zero + 600, rng.uniform(0, 8, count) * 3600
        self.damper = rng.random(count) < 0.5
        self.defrost_s, self.drip_s = np.full(count, -1.0), np.full(count, -1e6)

    def run(self, days: int, first: int = 0) -> Iterator[Minutes]:
        """Live day after day."""
        for day in range(first, first + days):
            yield self._day(day * DAY)

    def _day(self, start_s: float) -> Minutes:
        homes, count = self.homes, self.homes.count
        steps = DAY // STEP_S
        opened = openings(self._rng, homes, start_s, steps, STEP_S)
        without = share_of_steps(homes.cuts, count, start_s, steps, STEP_S)
        dips = share_of_steps(homes.brownouts, count, start_s, steps, STEP_S)
        powered = 1 - np.maximum(without, dips)
        self._feed(start_s)
        noise = self._rng.normal(0, 1, (steps, 3, count))
        names = ("fridge", "freezer", "evap", "door")
        values = {name: np.empty((steps, count)) for name in names}
        truth = {
            name: np.empty((steps, count)) for name in ("runs", "defrost", "frost", "room", "pan_siemens")
        }
        parts: dict[str, Floats] = {}
        zero = np.zeros(count)
        for step in range(steps):
            at = start_s + step * STEP_S
            if step % 10 == 0:
                given = self.ageing.at(at)
                parts = {part: given.get(part, zero) for part in PARTS}
                room = homes.room(at)
                summer = homes.summer(at)
            door = np.maximum(opened[step], parts["ajar"])
            self._step(at, door, powered[step] > 0.99, room, summer, parts)
            # Sensors sit in plastic: they follow slowly, and the compressor's vibration moves the air about them.
            self.felt_air += (self.air - self.felt_air) * 0.28
            self.felt_cold += (self.cold - self.felt_cold) * 0.35
            self.felt_evap += (self.evap - self.felt_evap) * 0.6
            shaken = 0.03 + 0.05 * self.runs
            values["fridge"][step] = self.felt_air + noise[step, 0] * shaken
            values["freezer"][step] = self.felt_cold + noise[step, 1] * shaken
            values["evap"][step] = self.felt_evap + noise[step, 2] * shaken * 2
            values["door"][step] = np.where(parts["ajar"] > 0, 1, opened[step])
            truth["runs"][step] = self.runs
            truth["defrost"][step] = self.defrost_s >= 0
            truth["frost"][step] = self.frost
            truth["room"][step] = room
            dripping = (self.drip_s > -1500) & (self.drip_s < 300)
            truth["pan_siemens"][step] = parts["pan_siemens"] + dripping * parts["pan_after_defrost_siemens"]
        return Minutes(start_s, STEP_S, values, powered, truth)

    def _feed(self, start_s: float) -> None:
        """Food that is put in today gives its heat over hours; it begins with the day that it comes in."""
        self._meals = []
        for events, joule in ((self.homes.shopping, 3600.0 * 14), (self.homes.freezing, 330e3)):
            today = events.within(start_s, start_s + DAY)
            self._meals.append(
                [
                    (int(at), home, size * joule)
                    for home, at, size in zip(today.home, today.at_s, today.size, strict=True)
                    if at >= start_s
                ]
            )
        for meals in self._meals:
            meals.sort(reverse=True)

    def _step(
        self,
        at: float,
        door: Floats,
        power: np.ndarray,
        room: Floats,
        summer: Floats,
        parts: dict[str, Floats],
    ) -> None:
        for meals, store in zip(self._meals, (self.warm_j, self.warm_frozen_j), strict=True):
            while meals and meals[-1][0] <= at:
                _, home, heat = meals.pop()
                store[home] += heat
        runs = self._control(power, parts)
        fan = runs * (1 - parts["fan_lost"])
        blown = self.evap_w_k / (1 + (self.frost / 0.7) ** 2)
        # A hot evaporator makes a draught of its own.
        still = 0.09 * (1 + np.maximum(self.evap - self.cold, 0) / 12)
        to_cold = blown * (still + 0.75 * fan) * (self.cold - self.evap)
        opening = np.maximum(self.damper * (1 - parts["damper_shut"]), parts["damper_open"])
        to_air = blown * fan * opening * 0.22 * (self.air - self.evap)
        wear = 1 - self.wears * at / (365 * DAY)
        warm_room = 1 - 0.008 * (room - 25) - parts["condenser"] * (0.35 + 0.025 * np.maximum(room - 20, 0))
        capacity = self.capacity_w * wear * np.clip(warm_room, 0.02, 1.2) * (1 - parts["capacity_lost"])
        # What evaporates at -43 is next to nothing: the compressor pumps a vacuum.
        thin = np.exp(0.055 * np.minimum(self.evap + 25, 12)) * np.clip((self.evap + 43) / 8, 0, 1)
        pumped = runs * capacity * thin
        self.fuse &= self.evap < 58
        heating = (self.defrost_s >= 0) * power * self.fuse * self.heater_w * (1 - parts["heater_dead"])
        # Warm refrigerant runs into the evaporator in the first minutes after the compressor has stopped.
        returning = (self.rests_s < 240) * 30.0 * ~runs.astype(bool)
        self._evaporate(to_cold + to_air - pumped + heating + returning)
        stays = 1 - np.exp(-STEP_S / 9000.0)
        given, given_frozen = self.warm_j * stays, self.warm_frozen_j * (1 - np.exp(-STEP_S / 14400.0))
        self.warm_j -= given
        self.warm_frozen_j -= given_frozen
        to_food = 8.0 * (self.air - self.food)
        to_frozen = 20.0 * (self.cold - self.frozen)
        walls = (self.fridge_w_k + parts["seal"] + 22.0 * door) * (room - self.air)
        freezer_walls = (self.freezer_w_k + parts["freezer_seal"]) * (room - self.cold)
        between = 0.16 * (self.air - self.cold)
        self.air += STEP_S / 10e3 * (walls - to_air - to_food - between + given / STEP_S)
        self.food += STEP_S / self.food_j_k * to_food
        self.cold += STEP_S / 12e3 * (freezer_walls - to_cold - to_frozen + between + given_frozen / STEP_S)
        self.frozen += STEP_S / self.frozen_j_k * to_frozen
        wet = self.homes.humidity * (1 + 0.35 * summer)
        moisture = 2.0e-6 + 150e-6 * door + 5e-6 * (parts["seal"] + parts["freezer_seal"])
        self.frost += STEP_S * wet * moisture * (self.evap < -3) * (0.3 + 0.7 * runs)

    def _control(self, power: np.ndarray, parts: dict[str, Floats]) -> Floats:
        """The appliance's own controller: is the compressor running in this minute?"""
        defrosting = self.defrost_s >= 0
        cold, air = self.felt_cold, self.felt_air
        wants = np.where(self.runs, cold > self.freezer_set_c - 2.0, cold > self.freezer_set_c + 1.6)
        wants |= air > self.set_c + 3.0
        may = power & ~defrosting & (self.drip_s <= 0) & (self.rests_s >= 300)
        on = wants & may & power
        on = np.where(parts["compressor_stuck"] >= 1, power, on)
        on &= parts["compressor_dead"] < 1
        self.rests_s = np.where(on, 300, np.where(self.runs, 0, self.rests_s + STEP_S))
        self.runs = on
        self.ran_s += on * STEP_S
        self.damper = np.where(self.damper, air > self.set_c - 0.9, air > self.set_c + 0.9)
        begins = (self.ran_s > self.defrost_every_s) & ~defrosting & power
        unseen = parts["defrost_limit_h"] > 0
        limit_s = np.where(unseen, parts["defrost_limit_h"], 0.75) * 3600
        ends = defrosting & (((self.evap > 8) & ~unseen) | (self.defrost_s > limit_s))
        self.defrost_s = np.where(begins, 0, np.where(defrosting, self.defrost_s + STEP_S, -1))
        self.defrost_s = np.where(ends | ~power, -1, self.defrost_s)
        self.ran_s = np.where(begins, 0, self.ran_s)
        self.drip_s = np.where(ends, 360, self.drip_s - STEP_S)
        return on.astype(float)

    def _evaporate(self, power: Floats) -> None:
        """Heat the evaporator; at 0 degrees its frost melts first."""
        heat_j_k = 2600 + 2100 * self.frost
        after = self.evap + STEP_S * power / heat_j_k
        melting = (after > 0) & (self.frost > 0.001)
        molten = np.clip(np.where(melting, after * heat_j_k / 334e3, 0), 0, self.frost)
        self.frost -= molten
        self.evap = np.where(melting, after - molten * 334e3 / heat_j_k, after)
