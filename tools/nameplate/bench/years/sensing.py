"""From what a sensor feels to what the chip reads: parts within their tolerance, dividers, the converter's errors, noise.

What comes out are whole numbers, one column a sensor: microvolts, a DS18B20's register, or a switch's share of the time
in thousandths. Every lane has parts and a chip of its own, drawn within the limits of their data sheets.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from nameplate.bench.years.home import Floats

Integers = npt.NDArray[np.int32]
# What the chips' data sheets allow the converter to be off after calibration, at 11 dB, in microvolts; and the most and
# least that it can read.
ADC_LIMIT_UV = {"esp32": 60_000, "esp32c3": 35_000, "esp32s3": 50_000}
_TOP_UV = {"esp32": 3_140_000, "esp32c3": 2_957_000, "esp32s3": 3_100_000}
_BOTTOM_UV = {"esp32": 142_000, "esp32c3": 0, "esp32s3": 0}
_STEP_UV = 200  # of the mean of several conversions
_NOISE_UV = 1_200
# Of a DS18B20 that does not answer as it should, beside the 16 bits of its register.
CRC_ERROR, MISSING = 1 << 16, 1 << 17
POWER_ON = 85 * 16  # what it says when it has not converted
ZERO_K = 273.15


@cache
def curve(root: Path, part: str) -> tuple[Floats, Floats, Any]:
    """(temperatures, logarithms of the resistance, the part) of a thermistor as its maker publishes it."""
    from nameplate.factory.thermistor import load

    found = load(root, part)
    celsius = np.arange(max(found.low_c, -55), min(found.high_c, 125) + 0.1, 1.0)
    return celsius, np.log([found.ohm(float(one)) for one in celsius]), found


@dataclass
class Chips:
    """What belongs to the boards of `count` lanes: which chip, its converter's errors, its supply."""

    names: list[str]
    offset_uv: Floats
    gain: Floats
    bend_uv: Floats
    bend_at: Floats
    supply: Floats  # to the 3.3 V that the profile assumes

    @classmethod
    def draw(cls, rng: np.random.Generator, names: list[str], count: int) -> Chips:
        """As many boards, the chips of the model in turns."""
        chips = [names[lane % len(names)] for lane in range(count)]
        limit = np.array([ADC_LIMIT_UV[chip] for chip in chips], float)
        return cls(
            names=chips,
            offset_uv=rng.normal(0, limit / 4),
            gain=rng.normal(0, limit / 4 / 1.5e6),
            bend_uv=rng.uniform(0, limit / 5),
            bend_at=rng.uniform(0, 2 * np.pi, count),
            supply=1 + np.clip(rng.normal(0, 0.004, count), -0.01, 0.01),
        )

    def read(
        self, volts_uv: Floats, lanes: slice | npt.NDArray[np.int64], rng: np.random.Generator
    ) -> Integers:
        """[step, lane] microvolts at the pin, as the calibrated converter tells them."""
        limit = np.array([ADC_LIMIT_UV[chip] for chip in self.names], float)[lanes]
        top = np.array([_TOP_UV[chip] for chip in self.names], float)[lanes]
        bottom = np.array([_BOTTOM_UV[chip] for chip in self.names], float)[lanes]
        off = self.offset_uv[lanes] + self.gain[lanes] * (volts_uv - 1.5e6)
        off += self.bend_uv[lanes] * np.sin(self.bend_at[lanes] + volts_uv / 3.3e6 * 2 * np.pi)
        read = volts_uv + np.clip(off, -limit, limit) + rng.normal(0, _NOISE_UV, volts_uv.shape)
        return (np.round(np.clip(read, bottom, top) / _STEP_UV) * _STEP_UV).astype(np.int32)


class Sensors:
    """The sensors of `count` appliances of one model, whose profile this is."""

    def __init__(
        self,
        rng: np.random.Generator,
        profile: dict[str, Any],
        root: Path,
        count: int,
        chips: list[str] | None = None,
    ) -> None:
        self._rng, self._root = rng, root
        self.specs: list[dict[str, Any]] = profile["sensors"]
        self.chips = Chips.draw(rng, chips or list(profile["pins"]), count)
        self._parts: dict[str, tuple[Floats, Floats, Floats]] = {}
        for spec in self.specs:
            r_ppm, b_ppm, b_k = 20_000, 0, 0
            if spec["kind"] == "ntc":
                _, _, part = curve(root, spec["part"])
                r_ppm, b_ppm, b_k = part.r_tol_ppm, part.b_tol_ppm, part.b_k
            within = np.clip(rng.normal(0, r_ppm / 2, count), -r_ppm, r_ppm)
            beta = np.clip(rng.normal(0, b_ppm / 2, count), -b_ppm, b_ppm) * b_k
            pull_up = np.clip(rng.normal(0, 5_000, count), -10_000, 10_000)
            self._parts[spec["name"]] = (1 + within / 1e6, beta / 1e6, 1 + pull_up / 1e6)

    def ohm(self, name: str, celsius: Floats, lanes: slice | npt.NDArray[np.int64]) -> Floats:
        """The resistance of that thermistor in each lane, at [step, lane] degrees."""
        spec = self._spec(name)
        at, logarithm, _ = curve(self._root, spec["part"])
        ratio, beta, _ = self._parts[name]
        colder = 1 / (celsius + ZERO_K) - 1 / (25 + ZERO_K)
        found: Floats = np.exp(np.interp(celsius, at, logarithm) + beta[lanes] * colder) * ratio[lanes]
        return found

    def microvolts(self, name: str, ohm: Floats, lanes: slice | npt.NDArray[np.int64]) -> Integers:
        """What the converter tells of a resistance under that sensor's pull-up; infinite for a cut wire."""
        spec = self._spec(name)
        pull_up = float(spec.get("pull_up_ohm") or spec["series_ohm"]) * self._parts[name][2][lanes]
        share = np.where(np.isinf(ohm), 1.0, ohm / (np.where(np.isinf(ohm), 0, ohm) + pull_up))
        return self.chips.read(spec["supply_uv"] * self.chips.supply[lanes] * share, lanes, self._rng)

    def loop_ohm(self, name: str, siemens: Floats) -> Floats:
        """A leak loop's resistance with water of this conductance across it; its end resistor is the profile's."""
        end = self._spec(name).get("end_ohm") or np.inf
        with np.errstate(divide="ignore"):
            found: Floats = 1 / (siemens + 1 / end)
        return found

    def register(self, celsius: Floats) -> Integers:
        """A DS18B20's register: sixteenths of a degree, as far off as its data sheet allows."""
        noisy = celsius + self._rng.normal(0, 0.04, celsius.shape)
        read = np.clip(np.round(noisy * 16), -55 * 16, 125 * 16).astype(np.int32)
        # Samples lie minutes apart here: the one value that is believed only near the one before is left to its fault.
        return np.where(read == POWER_ON, POWER_ON - 1, read).astype(np.int32)

    def _spec(self, name: str) -> dict[str, Any]:
        return next(spec for spec in self.specs if spec["name"] == name)
