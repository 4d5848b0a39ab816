"""The chip's converter: attenuation, twelve bits, noise, and the calibration that `read_uv` goes through.

The full scales and, on the ESP32, the offset (an input at ground reads 75 to 142 mV, because the line that ESP-IDF fits
does not pass through zero) are typical values; single chips differ by some percent.
"""

from __future__ import annotations

import random
from dataclasses import dataclass


@dataclass(frozen=True)
class Converter:
    """By attenuation 0..3 (0, 2.5, 6, 11 dB): what raw 0 and raw 4095 mean, in microvolts."""

    offset_uv: tuple[int, int, int, int]
    full_uv: tuple[int, int, int, int]


CONVERTERS = {
    "esp32": Converter((75_000, 78_000, 107_000, 142_000), (1_060_000, 1_380_000, 1_930_000, 3_140_000)),
    "esp32c3": Converter((0, 0, 0, 0), (840_000, 1_140_000, 1_610_000, 2_957_000)),
}
_NOISE_LSB = 2.5


def sample(chip: str, volt: float, attenuation: int, rng: random.Random) -> tuple[int, int]:
    """One conversion: (raw 0..4095, microvolts)."""
    converter = CONVERTERS[chip]
    offset, full = converter.offset_uv[attenuation], converter.full_uv[attenuation]
    ideal = (volt * 1_000_000 - offset) * 4095 / (full - offset)
    raw = min(4095, max(0, round(ideal + rng.gauss(0, _NOISE_LSB))))
    return raw, offset + raw * (full - offset) // 4095
