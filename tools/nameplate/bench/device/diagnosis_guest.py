# The handles that diagnosis_cost.mjs pulls: sensors made as the station makes them, sixteen of a kind at a time.
import gc
import json
import sys

sys.path[:] = ["/"]
kept = []
room = [None] * 64


class Stand:
    """A pin, a converter, a bus: none of it is counted, there is one."""

    chip = "esp32"

    def irq(self, handler=None, trigger=0):
        pass

    def adc(self, pin):
        return stand

    pin_in = pin_out = onewire = adc

    def ticks_diff(self, one, other):
        return one - other


stand = Stand()


def names():
    with open("/specs.json") as file:
        return json.dumps(list(json.load(file)))


def make(name, count):
    global kept
    from firmware.sensors.station import Station

    kept = []
    for _ in range(count):
        with open("/specs.json") as file:
            profile = json.load(file)[name]
        station = Station(profile, stand, stand)
        if station.problems:
            raise ValueError(station.problems[0])
        kept.append(station.sensors[0])


def drop():
    global kept
    kept = []


def collect():
    gc.collect()


def measure():
    global measured
    measured = gc.mem_alloc()
