"""Runs on MicroPython: recorded rows in, one a line; what the device's code makes of them out, one line each.

    micropython replay.py DEVICE_ROOT score
    micropython replay.py DEVICE_ROOT judge SLOT CHIP STEP_S SENSOR...

`score` takes "VALUE DT SECOND_OF_DAY" (whole numbers, of any size the value) and answers with 0..1000.
`judge` takes "MS SECOND_OF_DAY CELL..." with a cell for each SENSOR: thousandths of a degree, 0 or 1 of a contact or a water
sensor, or - where nothing was recorded; and answers with JSON. SLOT is a folder with models/ as a slot has it. What
stands in for the board is only what hands a row's value to a sensor: quality, rules, evidence and score are the device's.
"""

import json
import sys
from array import array

sys.path.insert(0, sys.argv[1])

_WATER = ("leak", "float", "probe")
_HOUR_S = 3600
_PERIOD_S = 60
_LATE = 3  # times the usual step: what follows later follows a gap
_GAP_STEPS = 400  # of an hour each, after which nobody remembers anyway


def rows():
    read = sys.stdin.buffer.readline
    while True:
        line = read()
        if not line:
            return
        yield line.split()


def score():
    from firmware.diagnosis.score import CELLS, step

    cells = array("i", [0] * CELLS)
    for value, dt_s, second in rows():
        print(step(cells, int(value), int(dt_s), int(second)))


class Ticks:
    """The time of the row, which never wraps."""

    now = 0

    def ticks_ms(self):
        return self.now

    def ticks_diff(self, one, other):
        return one - other

    def ticks_add(self, one, other):
        return one + other


class Station:
    """What evidence asks for its readings."""

    def __init__(self, sensors, ticks):
        self.sensors = sensors
        self._ticks = ticks

    def readings(self):
        return [sensor.reading(self._ticks.now) for sensor in self.sensors]


class Watch:
    def __init__(self, faults, leaks, station, chip):
        self.faults = faults
        self.leaks = leaks
        self.station = station
        self.chip = chip


def sensors_of(profile, chip, columns, step_s, ticks):
    """The profile's sensors that have a column, each as the device's own class with nothing below it."""
    from firmware.sensors.pair import Pair
    from firmware.sensors.reading import OK
    from firmware.sensors.sensor import Sensor
    from firmware.sensors.switch import Switch
    from firmware.sensors.temperature import Temperature

    class Contact(Switch):
        """A contact that was debounced before it was recorded."""

        def recorded(self, on, now):
            self._at = now
            self.state = bool(on)
            self.quality = OK
            self.tally.take(1000 if on else 0)

    class Water(Sensor):
        """A water sensor's answer; its wire was not recorded."""

        tally = None
        fresh = True

        def __init__(self, spec, source, ticks):
            super().__init__(spec, source, ticks)
            self.kind = spec["kind"]

        def recorded(self, on, now):
            self._at = now
            self.wet = bool(on)
            self.quality = OK

    class Recorded(Temperature):
        def recorded(self, milli, now):
            self.take(milli, None, now)

    found = []
    fitted = profile["pins"].get(chip, {})
    for spec in profile["sensors"]:
        if spec["name"] not in columns or fitted.get(spec["name"], -1) is None:
            continue
        # A reading holds until the next one is due, however seldom the recorder wrote.
        spec["stale_ms"] = max(spec["stale_ms"], _LATE * step_s * 1000)
        kind = spec["kind"]
        made = Contact if kind == "switch" else Water if kind in _WATER else Recorded
        found.append(made(spec, None, ticks))
    named = {sensor.name: sensor for sensor in found}
    for spec in profile["sensors"]:
        rule = spec.get("agrees")
        if rule and spec["name"] in named and rule["sensor"] in named:
            one, other = named[spec["name"]], named[rule["sensor"]]
            fresh_ms = max(one.stale_ms, other.stale_ms)
            one.pair = other.pair = Pair(
                one, other, rule["within_milli"], rule["for_s"] * 1000, fresh_ms, ticks
            )
    return found


class Judge:
    """One appliance in recorded time."""

    def __init__(self, slot, chip, step_s, columns):
        from firmware.diagnosis import begin, rules
        from firmware.diagnosis.judge import step
        from firmware.diagnosis.leak import Leak
        from firmware.diagnosis.score import CELLS

        with open(slot + "/models/profile.json") as file:
            profile = json.load(file)
        name = slot + "/models/rules.bin"
        self.blob = rules.read(name)
        if self.blob is None:
            raise ValueError("the rules do not read")
        self.step = step
        self.step_s = step_s
        self.columns = columns
        self.ticks = Ticks()
        self.sensors = sensors_of(profile, chip, columns, step_s, self.ticks)
        self.named = {sensor.name: sensor for sensor in self.sensors}
        self.faults = begin.faults(self.blob, name)
        specs = {spec["name"]: spec for spec in profile["sensors"]}
        names = rules.sensors(self.blob)
        leaks = []
        for index, row in enumerate(rules.each(self.blob)):
            if row[2] == rules.WET and names[row[3]] in self.named:
                sensor = self.named[names[row[3]]]
                leaks.append(Leak(self.faults, index, sensor, specs[sensor.name], self.up_s, self.ticks))
        self.watch = Watch(self.faults, leaks, Station(self.sensors, self.ticks), chip)
        self.cells = {
            sensor.name: array("i", [0] * CELLS) for sensor in self.sensors if sensor.kind == "temperature"
        }
        self.scored = {}
        self.began = None
        self.judged = 0
        self.notes = []

    def up_s(self):
        return self.ticks.now // 1000

    def row(self, ms, second, cells):
        """What is known after one row, as a dictionary."""
        before = self.ticks.now
        first = self.began is None
        if first:
            self.began = ms
        changes = []
        since = ms - self.began - before
        if since > _LATE * self.step_s * 1000:
            self.gap(since // 1000 - self.step_s, changes)
        self.ticks.now = ms - self.began
        found = {}
        for name, cell in zip(self.columns, cells):
            if name in self.named:
                found[name] = self.sense(self.named[name], cell, second)
        for leak in self.watch.leaks:
            # Three samples make a leak; they all are this row's.
            for _ in range(3):
                if cells[self.columns.index(leak.sensor.name)] != b"-":
                    self.change(changes, leak.index, leak.step(self.ticks.now))
        waited = self.up_s() - self.judged
        if waited >= _PERIOD_S or first:
            self.judge(min(waited, _HOUR_S) or 1, changes)
        told, self.notes = self.notes, []
        return {"sensors": found, "changed": changes, "active": self.active(), "notes": told}

    def gap(self, seconds, changes):
        """Nobody looked for so long: the rules are told so, an hour at a time."""
        for _ in range(_GAP_STEPS):
            if seconds <= 0:
                break
            part = min(seconds, _HOUR_S)
            seconds -= part
            self.ticks.now += part * 1000
            self.judge(part, changes)
        if seconds > 0:
            self.ticks.now += seconds * 1000
            self.judged = self.up_s()

    def judge(self, dt_s, changes):
        self.judged = self.up_s()
        said = self.step(self.blob, self.faults, self.sensors, dt_s, self.judged, self.notes.append)
        for index, word in said:
            changes.append(self.told(index, word))

    def change(self, changes, index, state):
        if state is not None:
            changes.append(self.told(index, "confirmed" if state else "cleared"))

    def told(self, index, word):
        from firmware.diagnosis.evidence import claims, line

        evidence = json.loads(claims(self.watch, index))
        return {
            "code": self.faults.codes[index],
            "change": word,
            "text": line(self.watch, index),
            "evidence": evidence,
        }

    def active(self):
        from firmware.diagnosis.evidence import line

        return [
            {"code": self.faults.codes[index], "text": line(self.watch, index)}
            for index in self.faults.active()
        ]

    def sense(self, sensor, cell, second):
        """Hand over a cell; the reading that follows from it."""
        from firmware.diagnosis.score import step
        from lib.senml import decimal

        now = self.ticks.now
        if cell != b"-":
            sensor.recorded(int(cell), now)
        reading = sensor.reading(now)
        found = {"quality": reading.quality}
        if reading.milli is not None:
            found["value"] = decimal(reading.milli)
            if cell != b"-":
                last = self.scored.get(sensor.name, now)
                self.scored[sensor.name] = now
                found["score"] = step(self.cells[sensor.name], reading.milli, (now - last) // 1000, second)
        elif reading.state is not None:
            found["value"] = "true" if reading.state else "false"
        return found


def judge():
    from lib import rare

    rare.forget = lambda names: (
        None
    )  # what the device loads and forgets once a minute stays loaded, for speed
    slot, chip, step_s = sys.argv[3:6]
    # Evidence reads the profile where the running code came from.
    sys.path.insert(0, slot)
    judging = Judge(slot, chip, int(step_s), sys.argv[6:])
    for line in rows():
        print(json.dumps(judging.row(int(line[0]), int(line[1]), line[2:])))


{"score": score, "judge": judge}[sys.argv[2]]()
