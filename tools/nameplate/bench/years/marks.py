"""How well it judged: false alarms with their bound, detection and delay, predictions against the truth, Brier scores."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from nameplate.bench.years.faults import SEVERITIES
from nameplate.bench.years.home import DAY, HOUR, YEAR, Floats
from nameplate.bench.years.lives import Case, Chunk
from nameplate.bench.years.model import Model

_FLOW = 600_000  # the device counts what fills or drains as a flow: this by the seconds
_SILENT_S = 5 * DAY
_KEEP_S = 2 * DAY  # of the truth, for means that reach back over a chunk's end
BINS = ((0, 5), (5, 25), (25, 50), (50, 75), (75, 90), (90, 96), (96, 99), (99, 101))


@dataclass
class Stated:
    """One probability that was stated, in percent, and whether it came true; `basis`: the code, and what it is of."""

    code: str
    percent: float
    true: bool
    of: str = "the true value is beyond the limit"


@dataclass
class Forecast:
    """What was said of one moment, and the truth in days (None: not reached for as long as it was looked at)."""

    code: str
    days: float
    low: float
    high: float
    chance: float
    active: bool
    case: int
    at_s: float
    truth: float | None = None
    looked: float = 0.0


@dataclass
class Marks:
    """What is kept of one model's cases while they live."""

    model: Model
    stated: list[Stated] = field(default_factory=list)
    forecasts: list[Forecast] = field(default_factory=list)
    _before: dict[int, dict[str, Floats]] = field(default_factory=dict)
    _told: dict[int, int] = field(default_factory=dict)

    def take(self, cases: Sequence[Case], chunks: Iterable[Chunk]) -> None:
        """Compare what was said in these chunks with what was true; to be called after each."""
        for chunk in chunks:
            key = id(cases[chunk.case])
            truth = chunk.truth
            before = self._before.get(key)
            if before is not None:
                truth = {name: np.concatenate((before[name], truth[name])) for name in truth}
            case = cases[chunk.case]
            for word in case.told[self._told.get(key, 0) :]:
                self._judge(word, truth, key)
            self._told[key] = len(case.told)
            recent = truth["at_s"] > truth["at_s"][-1] - _KEEP_S
            self._before[key] = {name: value[recent] for name, value in truth.items()}

    def forget(self, case: Case) -> None:
        """It is over."""
        self._before.pop(id(case), None)

    def _judge(self, word: dict[str, Any], truth: dict[str, Floats], key: int) -> None:
        if word["state"] == "forecast":
            if word["forecast"] is not None:
                days, low, high, _, _, chance, _ = word["forecast"]
                said = Forecast(word["code"], days, low, high, chance, word["active"], key, word["at_s"])
                self.forecasts.append(said)
            return
        claims = word["claims"]
        if not claims or claims.get("confidence") is None or "limit" not in claims:
            return
        rule = self.model.rule(word["code"])
        if rule["rule"] == "trend":
            return  # its chance is a forecast's
        # What the probability is of: the mean since it was suspected, of about a day at most.
        mean = true_mean(truth, rule["sensor"], word["at_s"], min(claims["window"], DAY))
        up = rule["rule"] in ("above", "too_long") or bool(rule.get("falling"))
        beyond = mean > claims["limit"] if up else mean < claims["limit"]
        self.stated.append(Stated(word["code"], claims["confidence"], bool(beyond)))

    def settle(self, case: Case) -> None:
        """The case is over: when its measures truly reached their limits is known by now, or that they did not."""
        mine = [one for one in self.forecasts if one.case == id(case)]
        for code in {one.code for one in mine}:
            at_s = reached(case, self.model.rule(code))
            warn = self.model.rule(code)["warn_days"]
            for one in mine:
                if one.code != code:
                    continue
                one.looked = (case.lived_s - one.at_s) / DAY
                one.truth = None if at_s is None else (at_s - one.at_s) / DAY
                if one.days > 0 and (one.truth is not None or one.looked >= warn):
                    comes = one.truth is not None and one.truth <= warn
                    self.stated.append(
                        Stated(code, one.chance, comes, "a limit is reached within the days of warning")
                    )


def reached(case: Case, rule: Mapping[str, Any]) -> float | None:
    """When the measure of that trend came to its limit, or None: by the medians of seven days, four of them yet to come.

    A forecast does not know those; noise of single days is not the truth.
    """
    days = [
        word
        for word in case.told
        if word["state"] == "forecast" and word["code"] == rule["code"] and word["level"]
    ]
    limit = rule["limit"]
    if rule["measure"] == "strength":
        limit *= 100  # percent; the device's are ten thousandths
    elif rule["measure"] in ("fill_s", "drain_s"):
        limit = _FLOW / limit
    levels = np.array([word["level"] for word in days], float)
    for place in range(3, levels.size - 3):
        if (
            np.median(levels[place - 3 : place + 4]) <= limit
            and np.median(levels[place : place + 7]) <= limit
        ):
            return float(days[place]["at_s"])
    if rule["measure"] == "strength" and days and case.lived_s - days[-1]["at_s"] > _SILENT_S:
        # A compressor that has no strength left rests no more, and what does not rest has no cycles: no numbers come.
        return float(days[-1]["at_s"])
    return None


def true_mean(truth: dict[str, Floats], sensor: str, at_s: float, over_s: float) -> float:
    """What the sensor truly felt, over so many seconds before that moment."""
    chosen = (truth["at_s"] <= at_s) & (truth["at_s"] > at_s - max(over_s, 1))
    if not chosen.any():
        chosen = truth["at_s"] <= at_s
        chosen[: max(0, chosen.sum() - 1)] = False
    return float(np.average(truth[sensor][chosen], weights=truth["dt_s"][chosen]))


def truly_open(case: Case, word: dict[str, Any], limit_s: float) -> bool:
    """Whether a door had been open for that long by then: such a word is no false one."""
    return any(
        end - start >= limit_s * 0.95 and start <= word["at_s"] <= end + 900
        for start, end in case.left_open_s
    )


def false_words(case: Case, model: Model) -> list[dict[str, Any]]:
    """The confirmations that nothing in this case's life explains, product and sensor codes alike."""
    found = []
    for word in case.told:
        if word["state"] != "confirmed":
            continue
        code = word["code"]
        if case.kind != "healthy" and word["at_s"] >= case.onset_s and code in (*case.codes, *case.follows):
            continue
        rule = model.rule(code)
        if (
            rule["rule"] == "too_long"
            and rule["sensor"] == "door"
            and truly_open(case, word, rule["limit_s"])
        ):
            continue
        found.append(word)
    return found


@dataclass
class Detection:
    """One fault at one severity: of `runs`, how many were found, and after how many hours."""

    model: str
    name: str
    severity: str
    codes: tuple[str, ...]
    runs: int
    hours: list[float]
    wrong: dict[str, int]

    @property
    def rate(self) -> float:
        return len(self.hours) / self.runs if self.runs else 0.0

    def delay(self, percent: float) -> float | None:
        """The hours within which that percentage of those found were found."""
        return float(np.percentile(self.hours, percent)) if self.hours else None


def detections(cases: Sequence[Case], model: Model) -> list[Detection]:
    """One line for each product fault and severity, in the order of the cases."""
    found: dict[tuple[str, int], Detection] = {}
    for case in cases:
        key = (case.name, case.grade)
        if key not in found:
            found[key] = Detection(model.folder, case.name, SEVERITIES[case.grade], case.codes, 0, [], {})
        line = found[key]
        line.runs += 1
        first = case.found()
        if first is not None:
            line.hours.append(max(0.0, (first["at_s"] - case.onset_s) / HOUR))
        for code in {word["code"] for word in false_words(case, model)}:
            line.wrong[code] = line.wrong.get(code, 0) + 1
    return list(found.values())


@dataclass
class SensorMark:
    """One fault of one sensor at one severity: told as the sensor's, taken for the appliance's, or neither."""

    model: str
    sensor: str
    what: str
    severity: str
    runs: int = 0
    told: int = 0
    mistaken: dict[str, int] = field(default_factory=dict)
    mistaken_runs: int = 0


def sensor_marks(cases: Sequence[Case], model: Model) -> list[SensorMark]:
    """One line for each sensor, what is done to it, and severity."""
    found: dict[tuple[str, str, int], SensorMark] = {}
    for case in cases:
        fault = case.sensor_fault
        assert fault is not None
        mark = found.setdefault(
            (fault.name, fault.what, fault.grade),
            SensorMark(model.folder, fault.name, fault.what, SEVERITIES[fault.grade]),
        )
        mark.runs += 1
        mark.told += any(word["code"] in case.codes and word["state"] == "confirmed" for word in case.told)
        wrong = {word["code"] for word in false_words(case, model)} - model.sensor_codes
        mark.mistaken_runs += bool(wrong)
        for code in wrong:
            mark.mistaken[code] = mark.mistaken.get(code, 0) + 1
    return list(found.values())


def differing(cases: Sequence[Case]) -> tuple[int, int]:
    """(verdicts that only one of two ways of sampling came to, those of both); `cases`: the one way's, then the other's.

    A verdict is a code that was confirmed in a life, as often as it was.
    """
    half = len(cases) // 2
    apart = both = 0
    for one, other in zip(cases[:half], cases[half:], strict=True):
        codes = [
            sorted(word["code"] for word in case.told if word["state"] == "confirmed")
            for case in (one, other)
        ]
        same = sum(min(codes[0].count(code), codes[1].count(code)) for code in set(codes[0]))
        both += same
        apart += len(codes[0]) + len(codes[1]) - 2 * same
    return apart, both


def years(cases: Iterable[Case]) -> float:
    """How long these lived, all together."""
    return sum(case.lived_s for case in cases) / YEAR


def rule_of_three(seen: int, lived: float) -> float:
    """The most a year that is still likely (95 %) when so few were seen in that time; 3/N for none."""
    # Upper limits of a Poisson mean for 0, 1, 2 ... seen.
    upper = (3.0, 4.74, 6.30, 7.75, 9.15, 10.51, 11.84, 13.15, 14.43, 15.71, 16.96)
    return (upper[seen] if seen < len(upper) else seen + 1.645 * seen**0.5 + 1.5) / lived


def coverage(forecasts: Sequence[Forecast]) -> tuple[int, int]:
    """(how often the truth fell within the interval, of how many whose truth is known).

    Not reached for longer than the interval's end is a truth too: it fell outside. Whole days are foretold, so the truth
    is taken to the nearest one. What says that the limit is reached already is no prediction.
    """
    ahead = [one for one in forecasts if one.days > 0]
    judged = [one for one in ahead if one.truth is not None or one.looked > one.high]
    held = [
        one for one in judged if one.truth is not None and one.low <= round(max(one.truth, 0)) <= one.high
    ]
    return len(held), len(judged)


def brier(stated: Sequence[Stated]) -> float | None:
    """The mean square of what was stated less what came true: 0 is perfect, 0.25 is what a coin gets."""
    if not stated:
        return None
    return sum((one.percent / 100 - one.true) ** 2 for one in stated) / len(stated)


def reliability(stated: Sequence[Stated]) -> list[tuple[str, int, float, float]]:
    """By what was stated: (percents, how often, mean of what was stated, share that came true)."""
    found = []
    for low, high in BINS:
        chosen = [one for one in stated if low <= one.percent < high]
        if chosen:
            stated_mean = sum(one.percent for one in chosen) / len(chosen) / 100
            came = sum(one.true for one in chosen) / len(chosen)
            found.append((f"{low} to {min(high, 100)} %", len(chosen), stated_mean, came))
    return found
