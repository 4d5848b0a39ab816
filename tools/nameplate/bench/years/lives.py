"""Cases (an appliance and what becomes of it) and their lives, as rows of whole numbers that the device's code is fed.

A row is [dt and flags, time, one number a sensor]: `dt` seconds since the row before, JUDGE and RESTART above them, time
in seconds since the case began. What was true meanwhile goes along, for the marks.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from nameplate.bench.years import fridge, home, sensor_faults, wet
from nameplate.bench.years.faults import Fault
from nameplate.bench.years.home import DAY, Floats
from nameplate.bench.years.sensing import Integers, Sensors
from nameplate.bench.years.sensor_faults import SensorFault

JUDGE, RESTART = 1 << 16, 1 << 17
_WET = {"gs45": wet.DISHWASHER, "wm90": wet.WASHER}
_JUDGE_S = 60
_LONG_DOOR = 2.0  # minutes of a coarse step
_SLICE_DAYS = 30  # of a wet machine's life, sent at a time


@dataclass
class Case:
    """One appliance: healthy, or with a product fault or a sensor fault from `onset_s` on, followed until `end_s`."""

    model: str
    kind: str  # "healthy", "product" or "sensor"
    name: str
    grade: int
    onset_s: float
    end_s: float
    codes: tuple[str, ...] = ()
    follows: tuple[str, ...] = ()
    fault: Fault | None = None
    sensor_fault: SensorFault | None = None
    told: list[dict[str, Any]] = field(default_factory=list)
    left_open_s: list[tuple[float, float]] = field(
        default_factory=list
    )  # a door that was truly open for minutes
    lived_s: float = 0.0

    def found(self) -> dict[str, Any] | None:
        """The first word of one of its codes after the onset."""
        return next(
            (
                one
                for one in self.told
                if one["code"] in self.codes
                and one["state"] == "confirmed"
                and one["at_s"] >= self.onset_s - 1
            ),
            None,
        )


@dataclass
class Chunk:
    """Some of one case's life: its rows, and what was true at each row ("fridge": degrees, "door": share, ...)."""

    case: int
    rows: Integers
    truth: dict[str, Floats]


class Lives:
    """The lives of cases of one model, all of one length."""

    def __init__(
        self,
        rng: np.random.Generator,
        root: Path,
        profile: dict[str, Any],
        model: str,
        cases: list[Case],
        *,
        sample_s: int,
        chips: list[str] | None = None,
        from_january: bool = False,
        repeats: int = 1,
    ) -> None:
        # What errs at random has a generator of its own: how often it is looked at changes no life.
        self._noise = rng.spawn(1)[0]
        self._rng, self.model, self.cases = rng, model, cases
        self._sample_s, self._repeats = sample_s, repeats
        self.days = int(np.ceil(max(case.end_s for case in cases) / DAY))
        count = len(cases)
        first = np.zeros(count) if from_january else None
        self.homes = home.make(rng, count, self.days * DAY, first)
        self.sensors = Sensors(self._noise, profile, root, count, chips)
        self._ageing = _ageing(cases)
        self._last_s = np.zeros(count)
        self._off = np.zeros(count, bool)
        for case, at, lasts in zip(
            self.homes.left_open.home, self.homes.left_open.at_s, self.homes.left_open.lasts_s, strict=True
        ):
            cases[case].left_open_s.append((float(at), float(at + lasts)))

    def chunks(self) -> Iterator[list[Chunk]]:
        """Lists of chunks, one for each case that lives on; time goes on from one list to the next."""
        if self.model in _WET:
            yield from self._wet()
        else:
            machines = fridge.Fridges(self._rng, self.homes, self._ageing)
            for day in machines.run(self.days):
                yield self._fridge_day(day)

    def _fridge_day(self, day: fridge.Minutes) -> list[Chunk]:
        """A row each `sample_s`; by the minute where the door is open for long, or the power fails."""
        everybody, steps = np.arange(len(self.cases)), day.powered.shape[0]
        many = int(self._sample_s // day.step_s)
        felt = dict(day.values)
        felt["siemens"] = felt["afloat"] = day.truth["pan_siemens"]
        at_s, dt_s = day.at_s + (np.arange(steps) + 1) * day.step_s, np.full(steps, int(day.step_s))
        blocks = (steps // many, many, len(self.cases))
        door = felt["door"].reshape(blocks)
        busy = (door.sum(1) >= _LONG_DOOR) | (day.powered.reshape(blocks).min(1) < 1)
        busy[1:] |= busy[:-1].copy()
        busy[:-1] |= busy[1:].copy()
        kept = np.repeat(busy, many, axis=0)
        felt["door"] = np.where(kept, felt["door"], np.repeat(door.mean(1), many, axis=0))
        kept[many - 1 :: many] = True
        felt, powered, at_s, dt_s = self._finer(felt, day.powered, at_s.astype(np.float64), dt_s)
        kept = np.repeat(kept, self._repeats, axis=0)
        columns = np.stack([self._column(spec, felt, at_s, everybody) for spec in self.sensors.specs], axis=2)
        found = []
        for index, case in enumerate(self.cases):
            if case.end_s > day.at_s:
                mine = kept[:, index]
                ends = at_s[mine]
                lasts = np.diff(ends, prepend=day.at_s).astype(int)
                truth = {name: value[mine, index] for name, value in felt.items()}
                found.append(
                    self._chunk(index, ends, lasts, columns[mine, index], powered[mine, index], truth)
                )
        return found

    def _wet(self) -> Iterator[list[Chunk]]:
        lives = wet.Machines(self._rng, _WET[self.model], self.homes, self._ageing, self._idle_s()).run()
        ends = [np.cumsum(life.dt_s) for life in lives]
        for begin in range(0, self.days, _SLICE_DAYS):
            found = []
            for index, (life, ended) in enumerate(zip(lives, ends, strict=True)):
                if self.cases[index].end_s <= begin * DAY:
                    continue
                first, last = np.searchsorted(ended, [begin * DAY + 1, (begin + _SLICE_DAYS) * DAY + 1])
                felt = {name: value[first:last, None] for name, value in life.values.items()}
                at_s, lane = ended[first:last].astype(float), np.array([index])
                powered = life.powered[first:last]
                felt, powered, at_s, dt_s = self._finer(felt, powered, at_s, life.dt_s[first:last])
                columns = np.stack(
                    [self._column(spec, felt, at_s, lane)[:, 0] for spec in self.sensors.specs], axis=1
                )
                truth = {name: value[:, 0] for name, value in felt.items()}
                found.append(self._chunk(index, at_s, dt_s, columns, powered, truth))
            yield found

    def _finer(
        self, felt: dict[str, Floats], powered: Floats, at_s: Floats, dt_s: Any
    ) -> tuple[dict[str, Floats], Floats, Floats, Any]:
        """So many samples of each step, between which nothing changes but what errs at random."""
        many = self._repeats
        if many == 1:
            return felt, powered, at_s, dt_s
        parts = np.repeat(dt_s // many, many)
        parts[many - 1 :: many] += dt_s - many * (dt_s // many)
        ends = (at_s - dt_s)[0] + np.cumsum(parts)
        return (
            {name: np.repeat(value, many, 0) for name, value in felt.items()},
            np.repeat(powered, many, 0),
            ends,
            parts,
        )

    def _idle_s(self) -> int:
        # What a sensor does is looked at more often than what a machine does not.
        return wet.IDLE_S if all(case.sensor_fault is None for case in self.cases) else 300

    def _column(self, spec: dict[str, Any], felt: dict[str, Floats], at_s: Floats, lanes: Any) -> Integers:
        """[step, lane]: what the chip reads of one sensor."""
        name, kind = spec["name"], spec["kind"]
        if kind == "ntc":
            ohm = self.sensors.ohm(name, felt[name], lanes)
            read = self.sensors.microvolts(name, ohm, lanes)
        elif kind in ("leak", "probe"):
            ohm = self.sensors.loop_ohm(name, felt["siemens"])
            read = self.sensors.microvolts(name, ohm, lanes)
        elif kind == "ds18b20":
            ohm, read = np.zeros(0), self.sensors.register(felt[name])
        else:
            ohm, read = (
                np.zeros(0),
                np.round(felt["afloat" if kind == "float" else name] * 1000).astype(np.int32),
            )
        for column, lane in enumerate(lanes):
            fault = self.cases[int(lane)].sensor_fault
            if fault is None or fault.name != name:
                continue
            if kind in ("ntc", "leak", "probe"):
                read[:, column] = sensor_faults.resistor(
                    fault, self.sensors, int(lane), ohm[:, column], at_s, self._noise
                )
            elif kind == "ds18b20":
                read[:, column] = sensor_faults.register(fault, read[:, column], at_s, self._noise)
            else:
                read[:, column] = sensor_faults.contact(fault, read[:, column], at_s, self._noise)
        return read

    def _chunk(
        self,
        index: int,
        at_s: Floats,
        dt_s: Any,
        columns: Integers,
        powered: Floats,
        truth: dict[str, Floats],
    ) -> Chunk:
        rows = np.empty((at_s.size, 2 + columns.shape[1]), np.int32)
        on = (powered > 0.99) & (at_s <= self.cases[index].end_s + 300)
        before = np.concatenate(([not self._off[index]], on[:-1]))
        self._off[index] = not on[-1]
        restarted = on & ~before
        judged = (at_s % np.clip(dt_s, _JUDGE_S, None) < dt_s) | restarted
        rows[:, 0] = dt_s.astype(np.int32) | np.where(judged, JUDGE, 0) | np.where(restarted, RESTART, 0)
        rows[:, 1] = at_s
        rows[:, 2:] = columns
        self.cases[index].lived_s = min(float(at_s[-1]), self.cases[index].end_s)
        return Chunk(
            index, np.ascontiguousarray(rows[on]), {"at_s": at_s, "dt_s": np.asarray(dt_s, float), **truth}
        )


def _ageing(cases: list[Case]) -> fridge.Ageing:
    count = len(cases)
    start = np.array([case.onset_s if case.fault else np.inf for case in cases])
    ramp = np.ones(count)
    amount: dict[str, Floats] = {}
    for index, case in enumerate(cases):
        if case.fault is None:
            continue
        ramp[index] = case.fault.ramp_days[case.grade] * DAY
        for part, value in case.fault.amounts[case.grade].items():
            amount.setdefault(part, np.zeros(count))[index] = value
    return fridge.Ageing(start, ramp, amount)
