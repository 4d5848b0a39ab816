"""Dishwashers and washing machines: programmes of phases, water, its heat, level switch, valve and pump; many at once.

All programmes of all lanes run side by side in steps of ten seconds, each from its own start; what lies between them is
idle time, in which the tub cools. The appliance's own controller is simulated too: it fills until the level switch says
so, heats to its target, drains until the switch opens, and gives up after its own limits, as real ones do.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from nameplate.bench.years.fridge import Ageing
from nameplate.bench.years.home import DAY, HOUR, YEAR, Events, Floats, Homes

STEP_S = 10
MINUTE_S = 60
IDLE_S = 3600  # the longest step in which nothing happens
PARTS = (
    "heater_lost",  # part of the heater's power that is gone
    "heater_stuck",  # 1: its relay no longer opens while there is water
    "target_high",  # kelvin by which the appliance's own sensor reads too low
    "inlet_clogged",  # part of the inlet's flow that is gone
    "drain_weak",  # part of the pump's flow that is gone
    "leak",  # 1: water runs into the base while there is some in the tub
    "leak_siemens",  # likewise under the probe: the water's conductance between its ends
    "bobbing",  # part of the time in which a float in that water falls back
    "door_opened",  # seconds for which the door is opened with water in the tub, in each programme
)
FILL, HEAT, WASH, DRAIN, REST, END = range(6)
_Phase = tuple[int, float, float]  # kind, target in degrees, least seconds


@dataclass(frozen=True)
class Kind:
    """A kind of appliance: its programmes with their shares, its water and its heat."""

    programmes: tuple[tuple[float, tuple[_Phase, ...]], ...]
    a_week: float
    fill_l: float
    level_on_l: float
    level_off_l: float
    inlet_l_min: float
    drain_l_min: float
    heater_w: float
    tub_j_k: float
    loss_w_k: float
    soaks_l: float  # what a load takes up
    heater_leads_k: float  # the sensor at the heater, above the water, while it heats
    fill_limit_s: float
    drain_limit_s: float


def _wash(
    target: float, hold_s: float, rinses: int, last: float, dry_s: float, pre: bool
) -> tuple[_Phase, ...]:
    phases: list[_Phase] = [(FILL, 0, 0), (WASH, 0, 600), (DRAIN, 0, 40), (REST, 0, 30)] if pre else []
    phases += [(FILL, 0, 0), (HEAT, target, hold_s), (DRAIN, 0, 40), (REST, 0, 60)]
    for _ in range(rinses):
        phases += [(FILL, 0, 0), (WASH, 0, 420), (DRAIN, 0, 60), (REST, 0, 60)]
    phases += [(FILL, 0, 0), (HEAT, last, 300), (DRAIN, 0, 60)] if last else [(DRAIN, 0, 420)]
    return (*phases, (REST, 0, dry_s), (END, 0, 0))


DISHWASHER = Kind(
    programmes=(
        (0.55, _wash(50, 2700, 1, 58, 2400, True)),
        (0.25, _wash(66, 1500, 1, 66, 1800, True)),
        (0.20, _wash(45, 600, 0, 52, 600, False)),
    ),
    a_week=4.6,
    fill_l=4.0,
    level_on_l=3.0,
    level_off_l=1.2,
    inlet_l_min=3.2,
    drain_l_min=12.0,
    heater_w=1900,
    tub_j_k=22e3,
    loss_w_k=3.5,
    soaks_l=0.0,
    heater_leads_k=1.0,
    fill_limit_s=600,
    drain_limit_s=300,
)
WASHER = Kind(
    programmes=(
        (0.50, _wash(40, 1800, 3, 0, 120, False)),
        (0.20, _wash(60, 2400, 3, 0, 120, False)),
        (0.24, _wash(30, 900, 2, 0, 120, False)),
        (0.06, _wash(90, 1800, 3, 0, 120, False)),
    ),
    a_week=4.2,
    fill_l=14.0,
    level_on_l=9.0,
    level_off_l=3.0,
    inlet_l_min=8.5,
    drain_l_min=18.0,
    heater_w=1950,
    tub_j_k=20e3,
    loss_w_k=5.0,
    soaks_l=5.0,
    heater_leads_k=3.0,
    fill_limit_s=720,
    drain_limit_s=420,
)


@dataclass
class Steps:
    """One lane's life in steps of unequal length: `dt_s` each, and by name what the sensors feel (switches: shares)."""

    dt_s: npt.NDArray[np.int64]
    values: dict[str, Floats]
    powered: Floats
    truth: dict[str, Floats]


class Machines:
    """`homes.count` machines of one kind. `run()` gives the whole life of each lane."""

    def __init__(
        self, rng: np.random.Generator, kind: Kind, homes: Homes, ageing: Ageing, idle_s: int = IDLE_S
    ) -> None:
        count = homes.count
        self._rng, self.kind, self.homes, self.ageing = rng, kind, homes, ageing
        self._idle_s = idle_s

        def spread(mean: float, part: float) -> Floats:
            return np.clip(rng.normal(mean, mean * part, count), mean * (1 - 2 * part), mean * (1 + 2 * part))

        self.a_week = kind.a_week * np.exp(rng.normal(0, 0.3, count))
        self.heater_w = spread(kind.heater_w, 0.04)
        self.scales = rng.uniform(
            0, 0.02, count
        )  # of the heater's power, each year: limescale within tolerance
        self.inlet_l_min = spread(kind.inlet_l_min, 0.06)
        self.silts = rng.uniform(0, 0.04, count)  # of the inlet's flow, each year
        self.drain_l_min = spread(kind.drain_l_min, 0.08)
        self.fill_l = spread(kind.fill_l, 0.04)
        self.level_on_l = spread(kind.level_on_l, 0.04)
        self.level_off_l = spread(kind.level_off_l, 0.06)
        self.tub_j_k = spread(kind.tub_j_k, 0.1)
        self.thermostat_k = rng.normal(0, 1.0, count)

    def run(self) -> list[Steps]:
        """The life of each lane, one after the other."""
        lane, at, which = self._schedule()
        programmes = _Programmes(self, lane, at, which)
        lives = programmes.run()
        found = []
        for index in range(self.homes.count):
            mine = np.flatnonzero(lane == index)
            found.append(self._life(index, [(at[one], lives(int(one))) for one in mine]))
        return found

    def _schedule(self) -> tuple[npt.NDArray[np.int64], Floats, npt.NDArray[np.int64]]:
        """Which lane begins which programme when: none on holidays, none within four hours of the one before."""
        rng, homes = self._rng, self.homes
        shares = np.array([share for share, _ in self.kind.programmes])
        lanes, starts, which = [], [], []
        for index in range(homes.count):
            days = np.arange(int(homes.duration_s // DAY))
            runs = rng.poisson(self.a_week[index] / 7, days.size)
            at = np.repeat(days, runs) * DAY + rng.choice([8, 13, 19, 21], runs.sum()) * HOUR
            at = np.sort(at + rng.uniform(-HOUR, HOUR, at.size))
            at = at[(at > HOUR) & (at < homes.duration_s - 5 * HOUR)]
            for away in np.flatnonzero(homes.holidays.home == index):
                begin = homes.holidays.at_s[away]
                at = at[(at < begin) | (at > begin + homes.holidays.lasts_s[away])]
            kept: list[float] = []
            for one in at:
                if not kept or one - kept[-1] > 5 * HOUR:
                    kept.append(float(np.floor(one / MINUTE_S) * MINUTE_S))
            lanes += [index] * len(kept)
            starts += kept
            which += list(rng.choice(shares.size, len(kept), p=shares / shares.sum()))
        return np.array(lanes, np.int64), np.array(starts), np.array(which, np.int64)

    def _life(self, index: int, programmes: list[tuple[float, dict[str, Floats]]]) -> Steps:
        """Programmes in minutes, idle time in hours between them; the tub cools towards the room."""
        names = ("water", "sump", "door", "heater", "inlet", "drain", "level", "siemens", "afloat")
        parts: dict[str, list[Floats]] = {name: [] for name in names}
        lengths: list[npt.NDArray[np.int64]] = []
        truth: dict[str, list[Floats]] = {"running": []}
        now, warm, tail_siemens, tail_afloat = 0.0, 0.0, 0.0, 0.0
        for at, values in [*programmes, (self.homes.duration_s, None)]:
            whole, rest = divmod(max(at - now, 0), self._idle_s)
            idle = [self._idle_s] * int(whole) + ([int(rest)] if rest >= 1 else [])
            # The hour after a programme in finer steps: the door is opened, water dries up.
            if idle and idle[0] == IDLE_S and now:
                idle[:1] = [300] * 12
            steps = np.array(idle, np.int64)
            middle = now + np.cumsum(steps) - steps / 2
            room = np.array([self.homes.room(moment)[index] for moment in middle])
            cooling = warm * np.exp(-(middle - now) / 5400)
            for name in names:
                parts[name].append(np.zeros(steps.size))
            parts["water"][-1] = room + cooling
            parts["sump"][-1] = room + cooling * 0.9
            if now and steps.size > 12:
                opened = self._rng.integers(2, 12)
                parts["door"][-1][opened : opened + self._rng.integers(2, 8)] = 1
            drying = np.exp(-(middle - now) / (2 * HOUR))
            parts["siemens"][-1] = np.where(drying > 0.3, tail_siemens * drying, 0)
            parts["afloat"][-1] = ((tail_afloat > 0) & (drying > 0.6)).astype(float)
            lengths.append(steps)
            truth["running"].append(np.zeros(steps.size))
            if values is None:
                break
            minutes = values["water"].size
            for name in names:
                parts[name].append(values[name])
            lengths.append(np.full(minutes, MINUTE_S))
            truth["running"].append(np.ones(minutes))
            now = at + minutes * MINUTE_S
            warm = float(values["water"][-1] - self.homes.room(now)[index])
            tail_siemens, tail_afloat = float(values["siemens"].max()), float(values["afloat"].max())
        dt = np.concatenate(lengths)
        joined = {name: np.concatenate(pieces) for name, pieces in parts.items()}
        ended = np.cumsum(dt)
        powered = np.ones(dt.size)
        for events in (self.homes.cuts, self.homes.brownouts):
            for one in np.flatnonzero(events.home == index):
                first = np.searchsorted(ended, events.at_s[one])
                last = np.searchsorted(ended, events.at_s[one] + events.lasts_s[one])
                powered[first : last + 1] = 0
        return Steps(dt, joined, powered, {name: np.concatenate(pieces) for name, pieces in truth.items()})


class _Programmes:
    """All programmes side by side."""

    def __init__(
        self, machines: Machines, lane: npt.NDArray[np.int64], at: Floats, which: npt.NDArray[np.int64]
    ) -> None:
        self._machines, self._lane, self._at = machines, lane, at
        tables = [phases for _, phases in machines.kind.programmes]
        longest = max(len(phases) for phases in tables)
        padded = np.array(
            [list(phases) + [(END, 0, 0)] * (longest - len(phases)) for phases in tables], float
        )
        self._phases = padded[which]  # [programme, phase, 3]
        self._rows = np.arange(lane.size)

    def run(self) -> Callable[[int], dict[str, Floats]]:
        """Live them all; the result gives the values of one programme by the minute, by its index."""
        machines, kind, homes = self._machines, self._machines.kind, self._machines.homes
        rng, lane, at, size = machines._rng, self._lane, self._at, self._lane.size
        given = {part: np.zeros(size) for part in PARTS}
        ageing = machines.ageing
        done = np.clip((at - ageing.start_s[lane] + 1) / np.maximum(ageing.ramp_s[lane], 1), 0, 1)
        for part, amount in ageing.amount.items():
            given[part] = amount[lane] * done
        season = np.cos(2 * np.pi * (homes.first_day[lane] + at / DAY - 220) / 365)
        mains_c = homes.mains_mean[lane] + 5 * season
        volt = np.clip(homes.mains_volt[lane] + rng.normal(0, 2.5, size), 207, 253)
        bar = np.clip(homes.mains_bar[lane] * rng.normal(1, 0.12, size), 0.8, 8)
        scale = 1 - machines.scales[lane] * at / YEAR
        heater_w = machines.heater_w[lane] * (volt / 230) ** 2 * scale * (1 - given["heater_lost"])
        silt = (1 - machines.silts[lane] * at / YEAR) * (1 - given["inlet_clogged"])
        inlet = (
            machines.inlet_l_min[lane]
            * np.minimum(np.sqrt(bar / 2.0), 1)
            * silt
            * rng.normal(1, 0.02, size)
            / 60
        )
        pump = machines.drain_l_min[lane] * (1 - given["drain_weak"]) * rng.normal(1, 0.04, size) / 60
        soak_total = kind.soaks_l * rng.uniform(0.4, 1.3, size)
        load_j_k = machines.tub_j_k[lane] * rng.uniform(0.8, 1.3, size)
        room = np.array([homes.room(moment)[home] for moment, home in zip(at, lane, strict=True)])
        water, soaked = np.zeros(size), np.zeros(size)
        warm, felt, felt_sump = room.copy(), room.copy(), room.copy()
        phase, in_phase = np.zeros(size, np.int64), np.zeros(size)
        held, level, gave_up = np.zeros(size), np.zeros(size, bool), np.zeros(size, bool)
        opened_s = given["door_opened"].copy()
        names = ("water", "sump", "door", "heater", "inlet", "drain", "level", "siemens", "afloat")
        minutes: list[dict[str, Floats]] = []
        ended = np.full(size, -1)
        per_minute = MINUTE_S // STEP_S
        sums: dict[str, Floats] = {}
        for step in range(5 * HOUR // STEP_S):
            now = self._phases[self._rows, phase]
            kinds, target, least = now[:, 0].astype(int), now[:, 1], now[:, 2]
            running = kinds != END
            if step % per_minute == 0:
                if not running.any():
                    break
                sums = {name: np.zeros(size) for name in names}
            full = water >= machines.fill_l[lane]
            door = running & level & (opened_s > 0) & (kinds != FILL)
            opened_s -= door * STEP_S
            goes_on = running & ~door
            filling = goes_on & (((kinds == FILL) & ~full) | (np.isin(kinds, (HEAT, WASH)) & ~level))
            filling &= in_phase < kind.fill_limit_s
            draining = goes_on & (kinds == DRAIN)
            aim = target + machines.thermostat_k[lane] + given["target_high"]
            heating = goes_on & (kinds == HEAT) & (warm < aim) & level
            heating |= running & level & (given["heater_stuck"] >= 1)
            incoming = filling * inlet * STEP_S
            heat_j_k = load_j_k + 4186 * water
            warm = (warm * heat_j_k + incoming * 4186 * mains_c) / (heat_j_k + incoming * 4186)
            water += incoming
            soaks = np.minimum((soak_total - soaked) * (STEP_S / 120), np.maximum(water - 0.5, 0)) * (
                water > 1
            )
            soaked += soaks
            water -= soaks
            water = np.maximum(water - draining * pump * STEP_S, 0)
            warm += STEP_S * (heating * heater_w - kind.loss_w_k * (warm - room)) / (load_j_k + 4186 * water)
            warm = np.minimum(warm, 100.0)
            level = np.where(level, water > machines.level_off_l[lane], water > machines.level_on_l[lane])
            felt += (warm + kind.heater_leads_k * heating * (heater_w / kind.heater_w) - felt) * 0.45
            felt_sump += (warm - felt_sump) * 0.2
            leaking = running & (water > 0.5)
            bobs = rng.random(size) < given["bobbing"]
            now_values = {
                "water": felt,
                "sump": felt_sump,
                "door": door,
                "heater": heating,
                "inlet": filling,
                "drain": draining,
                "level": level,
                "siemens": leaking * given["leak_siemens"],
                "afloat": leaking & (given["leak"] > 0) & ~bobs,
            }
            for name, value in now_values.items():
                if name == "siemens":
                    sums[name] = np.maximum(sums[name], value)
                else:
                    sums[name] = sums[name] + value / per_minute
            in_phase = in_phase + running * ~door * STEP_S
            held = held + (goes_on & (kinds == HEAT) & (warm >= aim - 1)) * STEP_S
            too_long = (kinds == FILL) & (in_phase >= kind.fill_limit_s)
            too_long |= (kinds == HEAT) & (in_phase > 90 * 60)
            next_phase = (kinds == FILL) & full
            next_phase |= (kinds == HEAT) & (held >= least)
            next_phase |= np.isin(kinds, (WASH, REST)) & (in_phase >= least)
            next_phase |= (kinds == DRAIN) & (
                ((in_phase >= least) & ~level & (water < 0.3)) | (in_phase > kind.drain_limit_s)
            )
            drained = (kinds == DRAIN) & next_phase & (in_phase > kind.drain_limit_s)
            # Its own error: pump what there is, and stop.
            failing = (too_long & ~gave_up) | drained
            gave_up |= failing
            last_drain = self._last_drain()
            phase = np.where(too_long & running, last_drain, phase + (next_phase & running & ~door))
            phase = np.minimum(phase, self._phases.shape[1] - 1)
            changed = (next_phase | too_long) & running & ~door
            in_phase = np.where(changed, 0, in_phase)
            held = np.where(changed, 0, held)
            soaked = np.where(changed & draining, soaked * 0.6, soaked)
            if step % per_minute == per_minute - 1:
                minutes.append(sums)
                ended = np.where(
                    (ended < 0) & (self._phases[self._rows, phase, 0] == END), len(minutes), ended
                )
        ended = np.where(ended < 0, len(minutes), ended)
        table = {name: np.array([minute[name] for minute in minutes]) for name in names}

        def life(one: int) -> dict[str, Floats]:
            return {name: table[name][: int(ended[one]), one] for name in names}

        return life

    def _last_drain(self) -> npt.NDArray[np.int64]:
        kinds = self._phases[:, :, 0]
        reverse = np.argmax(kinds[:, ::-1] == DRAIN, axis=1)
        found: npt.NDArray[np.int64] = kinds.shape[1] - 1 - reverse
        return found


__all__ = ["DISHWASHER", "WASHER", "Events", "Kind", "Machines", "Steps"]
