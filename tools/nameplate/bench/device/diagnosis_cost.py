"""Times the sensors and the judge against an empty loop, on MicroPython: diagnosis_cost.py DEVICE_ROOT COMPILED SLOT...

COMPILED is a folder with the judge and what it loads as .mpy; each SLOT one with models/. Prints one JSON object.

Everything is timed many times in turn and the best of each counts, so that another program's turn does not.
"""

import gc
import json
import sys
import time

sys.path.insert(0, sys.argv[1])

from lib import rare

forget = rare.forget
rare.forget = lambda names: None

from firmware.diagnosis import begin, rules
from firmware.diagnosis.judge import step
from firmware.sensors.station import Station

ROUNDS = 40
MANY = 20  # in a round
# What a DS18B20's bus takes: the reset and its presence pulse, a slot of 60 to 70 us and what recovers from it.
RESET_US = 1000
BIT_US = 72
READ_US = 60  # of an ESP32's converter, its calibration included
NAMES = ("firmware.diagnosis.judge", "firmware.diagnosis.cycles", "firmware.diagnosis.trend")


class Ticks:
    now = 0

    def ticks_ms(self):
        return self.now

    def ticks_diff(self, one, other):
        return one - other

    def ticks_add(self, one, other):
        return one + other


class Counted:
    """Microseconds that the hardware would have taken."""

    us = 0


class Adc:
    def __init__(self, uv):
        self.uv = uv

    def read_uv(self):
        Counted.us += READ_US
        return self.uv

    def read_u16(self):
        return 30000


class Pin:
    def value(self, *level):
        return 0

    def irq(self, handler=None, trigger=0):
        pass


class Bus:
    def __init__(self):
        self.ow = self
        self.bit = -1
        self.pad = bytearray(9)
        self.pad[0] = 0x40
        self.pad[1] = 1
        self.pad[4] = 0x7F

    def reset(self, required=False):
        Counted.us += RESET_US
        self.bit = -1
        return True

    def writebyte(self, byte):
        Counted.us += 8 * BIT_US
        if byte == 0xF0:
            self.bit = 0

    def writebit(self, bit):
        Counted.us += BIT_US

    def readbit(self):
        Counted.us += BIT_US
        if self.bit < 0:
            return 1
        bit = 0x28 >> (self.bit >> 1) & 1 if self.bit < 16 else 0
        opposite = self.bit & 1
        self.bit += 1
        return bit ^ opposite

    def crc8(self, data):
        return 0

    def convert_temp(self):
        Counted.us += RESET_US + 16 * BIT_US

    def read_scratch(self, rom):
        # reset, MATCH ROM and the address, READ SCRATCHPAD, nine bytes
        Counted.us += RESET_US + (8 + 64 + 8 + 72) * BIT_US
        return self.pad


class Board:
    def __init__(self, chip):
        self.chip = chip

    def adc(self, pin):
        return Adc(1500000)

    def pin_in(self, pin):
        return Pin()

    def pin_out(self, pin):
        return Pin()

    def onewire(self, pin):
        return Bus()


def timed(function, *args):
    start = time.ticks_us()
    function(*args)
    return time.ticks_diff(time.ticks_us(), start)


def empty_loop():
    for i in range(100000):
        pass


def sampling(sensors, ticks):
    """`MANY` rounds in which every sensor is due."""

    def work():
        for _ in range(MANY):
            ticks.now += 5000
            for sensor in sensors:
                sensor.sample(ticks.now)

    return work


def judging(blob, faults, sensors, ticks):
    def work():
        for _ in range(MANY):
            ticks.now += 5000
            for sensor in sensors:
                if sensor.tally is not None:
                    sensor.tally.take(4000)
            step(blob, faults, sensors, 60, ticks.now // 1000, print)

    return work


def longest_bus_us(sensors, ticks):
    """The most that the hardware takes in one round, over many of them 20 ms apart."""
    longest = 0
    for _ in range(2000):
        ticks.now += 20
        Counted.us = 0
        for sensor in sensors:
            sensor.sample(ticks.now)
        longest = max(longest, Counted.us)
    return longest


def loading(compiled):
    def work():
        sys.path.insert(0, compiled)
        for name in NAMES:
            if name in sys.modules:
                del sys.modules[name]
        for name in NAMES:
            try:
                __import__(name)
            except ImportError:
                pass
        sys.path.pop(0)

    return work


def main(compiled, slots):
    found = {}
    loop = best_load = None
    for slot in slots:
        with open(slot + "/models/profile.json") as file:
            profile = json.load(file)
        ticks = Ticks()
        station = Station(profile, Board("esp32"), ticks)
        blob = rules.read(slot + "/models/rules.bin")
        faults = begin.faults(blob)
        sample = sampling(station.sensors, ticks)
        judge = judging(blob, faults, station.sensors, ticks)
        best = [1 << 30, 1 << 30]
        for _ in range(ROUNDS):
            loop = min(loop or 1 << 30, timed(empty_loop))
            best = [min(best[0], timed(sample)), min(best[1], timed(judge))]
        gc.collect()
        found[profile["model"]] = {
            "sensors": len(station.sensors),
            "rules": len(faults.codes),
            "cell_bytes": 4 * len(faults.cells) + 3 * len(faults.codes),
            "sample_ns": best[0] * 1000 // MANY,
            "judge_ns": best[1] * 1000 // MANY,
            "bus_us": longest_bus_us(station.sensors, ticks),
        }
    load = loading(compiled)
    for _ in range(ROUNDS):
        best_load = min(best_load or 1 << 30, timed(load))
    print(json.dumps({"loop_us": loop, "load_us": best_load, "models": found}))


main(sys.argv[2], sys.argv[3:])
