"""A cooled compartment for the tests of cycles and trends: one body, a thermostat, an evaporator; a sample a minute.

Only as much physics as the tests need: what they claim of a fridge's life is shown on the benchmark's appliances.
"""

import math
import random

MINUTE_S = 60
DAY = 1440


class Cooler:
    """`strength` and the room's load in kelvin an hour; `air_c` and `evap_c` after each `minute()`."""

    def __init__(self, seed=1, strength=10.0, room_c=22.0):
        self.rng = random.Random(seed)
        self.strength, self.room_c = strength, room_c
        self.air_c, self.evap_c = -18.0, -20.0
        self.runs = self.stuck = self.dead = self.doors = self.seasons = False
        self.at = 0
        self.defrost = 0  # minutes that it still lasts
        self.defrosts = True
        self.noise_c = 0.05

    def minute(self):
        """Live a minute; (air, evaporator) in milli-degrees."""
        self.at += 1
        if self.defrosts and self.at % 720 == 0:
            self.defrost = 25
        self.defrost -= self.defrost > 0
        if self.air_c > -16.5:
            self.runs = True
        elif self.air_c < -20.0:
            self.runs = False
        runs = (self.runs or self.stuck) and not self.defrost and not self.dead
        room = self.room_c
        if self.seasons:
            room += 6 * math.sin(2 * math.pi * self.at / DAY / 365) + math.sin(2 * math.pi * self.at / DAY)
        load = (room - self.air_c) / 40 * 3
        if self.doors and self.rng.random() < 30 / DAY:
            load += self.rng.uniform(10, 60)
        cold = min(self.strength * runs, load + 1.5 * self.strength) if runs else 0
        self.air_c += (load - cold) / 60
        if self.stuck:
            self.air_c = max(self.air_c, -24.0)
        aim = 10.0 if self.defrost else self.air_c - 12 * runs
        self.evap_c += (aim - self.evap_c) * (0.25 if runs or self.defrost else 0.04)
        return tuple(
            round((value + self.rng.gauss(0, self.noise_c)) * 1000) for value in (self.air_c, self.evap_c)
        )
