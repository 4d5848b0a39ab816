"""What sensors do when they, their wires or their connectors fail, at three severities, to the whole numbers a chip reads.

Each function changes one lane's column from the onset on, in place. Resistances are in ohm, shares are of the samples.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nameplate.bench.years.home import DAY, Floats
from nameplate.bench.years.sensing import CRC_ERROR, MISSING, POWER_ON, Integers, Sensors

OPEN = np.inf
KINDS = {
    "ntc": ("open", "short", "stuck", "drift", "intermittent", "noisy", "wet connector"),
    "leak": ("open", "short", "intermittent", "noisy", "wet connector"),
    "probe": ("open", "short", "intermittent", "wet connector"),
    "ds18b20": ("missing", "crc", "power-on value", "intermittent", "drift"),
    "switch": ("stuck off", "stuck on", "chatter"),
    "float": ("stuck dry",),
}
# Mild, typical, severe.
_SERIES_OHM = (1e6, 1e7, OPEN)
_SHORT_OHM = (300.0, 50.0, 0.0)
_DRIFT = (0.03, 0.10, 0.30)  # of the resistance, in two days
_DRIFT_K = (1.0, 4.0, 16.0)
_SHARE = (0.1, 0.4, 1.0)
_AWAY = (0.05, 0.2, 0.6)
_NOISE_UV = (20e3, 80e3, 300e3)
_WATER_OHM = (300e3, 100e3, 30e3)
_STILL_UV = (1500.0, 400.0, 0.0)


@dataclass(frozen=True)
class SensorFault:
    """Of the sensor `name`: `what` of KINDS, `grade` 0 mild, 1 typical, 2 severe, from `start_s` on."""

    name: str
    what: str
    grade: int
    start_s: float


def resistor(
    fault: SensorFault, sensors: Sensors, lane: int, ohm: Floats, at_s: Floats, rng: np.random.Generator
) -> Integers:
    """The microvolts of one lane's thermistor or loop, [step], with this fault."""
    after = at_s >= fault.start_s
    lanes = np.array([lane])
    changed = ohm.copy()
    grade = fault.grade
    if fault.what == "open":
        changed[after] += _SERIES_OHM[grade]
    elif fault.what == "short":
        changed[after] = np.minimum(changed[after], _SHORT_OHM[grade])
    elif fault.what == "drift":
        sign = 1 if lane % 2 else -1
        done = np.clip((at_s[after] - fault.start_s) / (2 * DAY), 0, 1)
        changed[after] *= 1 + sign * _DRIFT[grade] * done
    elif fault.what == "intermittent":
        changed[after & (rng.random(at_s.size) < _AWAY[grade])] = OPEN
    elif fault.what == "wet connector":
        # Water creeps in within half an hour, and what it conducts wanders.
        done = np.clip((at_s[after] - fault.start_s) / 1800, 1e-3, 1)
        wander = np.exp(0.3 * np.sin(2 * np.pi * at_s[after] / 7900 + lane))
        water = _WATER_OHM[grade] * wander / done
        changed[after] = 1 / (1 / changed[after] + 1 / water)
    read = sensors.microvolts(fault.name, changed[:, None], lanes)[:, 0]
    if fault.what == "stuck" and after.any():
        still = read[np.argmax(after)] + rng.normal(0, _STILL_UV[grade], after.sum())
        read[after] = still.astype(np.int32)
    elif fault.what == "noisy":
        noisy = read[after] + rng.normal(0, _NOISE_UV[grade], after.sum())
        read[after] = np.clip(noisy, 0, 3_100_000).astype(np.int32)
    return read


def register(fault: SensorFault, read: Integers, at_s: Floats, rng: np.random.Generator) -> Integers:
    """One lane's DS18B20, [step], with this fault."""
    after = at_s >= fault.start_s
    some = after & (rng.random(at_s.size) < _SHARE[fault.grade])
    changed = read.copy()
    if fault.what == "drift":
        done = np.clip((at_s[after] - fault.start_s) / (2 * DAY), 0, 1)
        changed[after] += (done * _DRIFT_K[fault.grade] * 16).astype(np.int32)
    elif fault.what == "missing":
        changed[after] = MISSING
    elif fault.what == "intermittent":
        changed[some] = MISSING
    elif fault.what == "crc":
        changed[some] = CRC_ERROR
    else:
        changed[some] = POWER_ON
    return changed


def contact(fault: SensorFault, share: Integers, at_s: Floats, rng: np.random.Generator) -> Integers:
    """One lane's contact, [step] of thousandths, with this fault."""
    after = at_s >= fault.start_s
    changed = share.copy()
    if fault.what == "chatter":
        some = after & (rng.random(at_s.size) < _AWAY[fault.grade])
        changed[some] = rng.integers(100, 900, some.sum())
    else:
        changed[after] = 1000 if fault.what == "stuck on" else 0
    return changed
