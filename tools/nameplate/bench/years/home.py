"""Where appliances stand and who uses them: rooms, seasons, mains, doors, shopping, holidays, power cuts.

Everything is drawn for many homes at once from one seeded generator. Times are seconds since the run began; a home's
first day of the year is its own, so that faults meet every season. Temperatures are degrees Celsius.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
HOUR, DAY, YEAR = 3600, 86400, 365 * 86400

# Share of a day's door openings in each hour: breakfast, lunch, the evening.
_OPENINGS = np.array([2, 1, 1, 1, 1, 3, 10, 14, 10, 6, 5, 7, 12, 10, 6, 5, 7, 12, 18, 16, 11, 8, 6, 4], float)
_OPENINGS /= _OPENINGS.sum()


@dataclass(frozen=True)
class Events:
    """Things that begin in one home at one time: `home` (index), `at_s`, `lasts_s`, `size` (whatever the kind says)."""

    home: npt.NDArray[np.int64]
    at_s: Floats
    lasts_s: Floats
    size: Floats

    def within(self, start_s: float, end_s: float) -> Events:
        """Those that touch this time."""
        chosen = (self.at_s < end_s) & (self.at_s + self.lasts_s > start_s)
        return Events(self.home[chosen], self.at_s[chosen], self.lasts_s[chosen], self.size[chosen])


@dataclass
class Homes:
    """`count` homes for `duration_s`; every member of one number a home is an array of that length."""

    count: int
    duration_s: float
    first_day: Floats  # of the year, 0 is the first of January
    room_hourly: Floats  # [hour, home]
    openings_a_day: Floats
    holidays: Events
    cuts: Events  # no power at all
    brownouts: Events  # a dip: what runs stops and the controller starts again
    shopping: Events  # size: kilograms of warm food
    freezing: Events  # size: kilograms of food to freeze
    left_open: Events  # a fridge door somebody forgot
    humidity: Floats
    mains_volt: Floats
    mains_bar: Floats
    mains_mean: Floats  # water temperature over the year

    def room(self, at_s: float) -> Floats:
        """The air around the appliances at that time."""
        hour, part = divmod(at_s / HOUR, 1)
        index = min(int(hour), len(self.room_hourly) - 2)
        found: Floats = self.room_hourly[index] * (1 - part) + self.room_hourly[index + 1] * part
        return found

    def summer(self, at_s: Floats | float) -> Floats:
        """-1 in the depth of winter to 1 in that of summer."""
        return np.cos(2 * np.pi * (self.first_day + np.asarray(at_s) / DAY - 200) / 365)


def _poisson_events(
    rng: np.random.Generator,
    count: int,
    duration_s: float,
    a_year: float,
    lasts: tuple[float, float],
    size: tuple[float, float] = (0, 0),
    hours: tuple[float, float] | None = None,
) -> Events:
    """Events at any time (or between two hours of the day); `lasts` is (median, sigma of its logarithm), `size` uniform."""
    counts = rng.poisson(a_year * duration_s / YEAR, count)
    home = np.repeat(np.arange(count), counts)
    at = rng.uniform(0, duration_s, home.size)
    if hours is not None:
        at = np.floor(at / DAY) * DAY + rng.uniform(hours[0], hours[1], home.size) * HOUR
    lasting = lasts[0] * np.exp(rng.normal(0, lasts[1], home.size))
    return Events(home, at, lasting, rng.uniform(size[0], size[1], home.size))


def make(rng: np.random.Generator, count: int, duration_s: float, first_day: Floats | None = None) -> Homes:
    """Draw the homes; `first_day` 0 for all begins the run in January."""
    start = rng.uniform(0, 365, count) if first_day is None else first_day
    hours = np.arange(int(duration_s // HOUR) + 3)
    day = start + hours[:, None] / 24
    summer = np.cos(2 * np.pi * (day - 200) / 365)
    kitchen = rng.random(count) < 0.9  # else an unheated utility room, cold in winter and hot in summer
    mean = np.where(kitchen, rng.normal(21.5, 1.2, count), rng.normal(19, 1.5, count))
    swing = np.where(kitchen, rng.uniform(1, 3.5, count), rng.uniform(3, 6, count))
    daily = rng.uniform(0.5, 2.0, count)
    room = mean + swing * summer + daily * np.sin(2 * np.pi * (hours[:, None] % 24 - 10) / 24)
    room += _slow_noise(rng, hours.size, count, 0.8, 36)
    for wave in range(2 * (int(duration_s // YEAR) + 1)):
        year = (wave // 2) * 365
        middle = rng.normal(200, 22, count) + year
        long = rng.uniform(3, 8, count)
        hot = rng.uniform(3, 9, count)
        room += hot * np.exp(-(((day - middle) / (long / 2)) ** 4))
        room += hot * np.exp(-(((day - middle - 365) / (long / 2)) ** 4))
    holidays = _poisson_events(rng, count, duration_s, 2.5, (8 * DAY, 0.5))
    away = np.zeros((hours.size, count), bool)
    for home, at, lasts in zip(holidays.home, holidays.at_s, holidays.lasts_s, strict=True):
        away[int(at // HOUR) : int((at + lasts) // HOUR), home] = True
    room -= away * np.where(summer < 0, 3.0, -1.0)  # the heating is turned down, or the windows stay shut
    return Homes(
        count=count,
        duration_s=duration_s,
        first_day=start,
        room_hourly=np.clip(room, 6, 40),
        openings_a_day=np.clip(np.exp(rng.normal(np.log(26), 0.45, count)), 6, 90),
        holidays=holidays,
        cuts=_poisson_events(rng, count, duration_s, 2.0, (25 * 60, 1.2)),
        brownouts=_poisson_events(rng, count, duration_s, 6.0, (20, 0.8)),
        shopping=_poisson_events(rng, count, duration_s, 90, (75, 0.4), (2, 9), (9, 20)),
        freezing=_poisson_events(rng, count, duration_s, 40, (30, 0.4), (0.3, 2.0), (9, 20)),
        left_open=_poisson_events(rng, count, duration_s, 4, (5 * 60, 0.6), hours=(7, 23)),
        humidity=rng.uniform(0.6, 1.4, count),
        mains_volt=np.clip(rng.normal(230, 5, count), 212, 248),
        mains_bar=np.clip(rng.normal(3.2, 0.9, count), 1.2, 6),
        mains_mean=rng.uniform(10, 14.5, count),
    )


def _slow_noise(rng: np.random.Generator, steps: int, count: int, sigma: float, correlation: float) -> Floats:
    keep = np.exp(-1 / correlation)
    noise = rng.normal(0, sigma * np.sqrt(1 - keep**2), (steps, count))
    state = rng.normal(0, sigma, count)
    for step in range(steps):
        state = keep * state + noise[step]
        noise[step] = state
    return noise


def share_of_steps(events: Events, homes: int, start_s: float, steps: int, step_s: float) -> Floats:
    """[step, home]: the part of each step (0..1) in which one of these is going on."""
    found = np.zeros((steps, homes))
    touched = events.within(start_s, start_s + steps * step_s)
    for home, at, lasts in zip(touched.home, touched.at_s, touched.lasts_s, strict=True):
        first, last = (at - start_s) / step_s, (at + lasts - start_s) / step_s
        low, high = max(0, int(first)), min(steps - 1, int(last))
        index = np.arange(low, high + 1)
        part = np.minimum(index + 1, last) - np.maximum(index, first)
        found[low : high + 1, home] = np.maximum(found[low : high + 1, home], np.clip(part, 0, 1))
    return found


def openings(rng: np.random.Generator, homes: Homes, start_s: float, steps: int, step_s: float) -> Floats:
    """[step, home]: the part of each step in which a fridge's door is open, by habit; nobody is there on holidays."""
    hour = ((start_s + np.arange(steps) * step_s) % DAY // HOUR).astype(int)
    expected = _OPENINGS[hour][:, None] * homes.openings_a_day * (step_s / HOUR)
    opened = rng.poisson(expected)
    seconds = np.where(opened > 0, rng.gamma(np.maximum(opened, 1) * 1.6, 8.0), 0)
    found = np.minimum(seconds / step_s, 1.0)
    for long in (homes.shopping, homes.freezing, homes.left_open):
        found = np.maximum(found, share_of_steps(long, homes.count, start_s, steps, step_s))
    away = share_of_steps(homes.holidays, homes.count, start_s, steps, step_s)
    found[away > 0] = 0
    return found
