"""Rules and sensors for the judge's tests: sensors are tallies that a test fills, time is seconds handed over."""

from types import SimpleNamespace

from firmware.diagnosis import begin, judge
from firmware.sensors.tally import Tally
from nameplate.factory.rules import compile_rules

SENSORS = ("air", "pan", "door", "heater", "level")
ABOVE = {
    "code": "T01", "rule": "above", "sensor": "air", "limit_milli": 8000, "clear_milli": 7000, "average_s": 600,
    "confirm_s": 1800, "clear_s": 900, "grace_s": 3600,
}  # fmt: skip
HEALTH = {"code": "S01", "rule": "health", "sensor": "air", "confirm_s": 120, "clear_s": 300}


def content(*faults):
    """A profile's part that is compiled."""
    return {"sensors": [{"name": name} for name in SENSORS], "faults": list(faults)}


class Sensor:
    """A sensor that says what the test says, once a second."""

    def __init__(self, name):
        self.name = name
        self.tally = Tally()
        self.quality = "ok"
        self.title = name

    def see(self, value, seconds=60):
        """A value in thousandths, or the word for what is wrong; for a list, one after another."""
        values = value if isinstance(value, list) else [value]
        for place in range(seconds):
            now = values[place * len(values) // seconds]
            if isinstance(now, str):
                self.tally.miss(now)
                self.quality = now
            elif now is not None:
                self.tally.take(now)
                self.quality = "ok"


class Bench:
    """Rules on five sensors; `changes` holds (uptime, code, word)."""

    def __init__(self, *faults, up_s=0, absent=()):
        self.blob = compile_rules(
            content(*faults), {fault["code"]: 2 if fault["rule"] == "wet" else 1 for fault in faults}
        )
        self.faults = begin.faults(self.blob)
        self.sensors = {name: Sensor(name) for name in SENSORS if name not in absent}
        self.up_s = up_s
        self.changes = []
        self.notes = []

    def step(self, dt_s=60, **seen):
        """One step in which sensors saw what is given by name."""
        for name, value in seen.items():
            self.sensors[name].see(value, max(dt_s, 1))
        self.up_s += dt_s
        said = judge.step(
            self.blob, self.faults, list(self.sensors.values()), dt_s, self.up_s, self.notes.append
        )
        for index, word in said:
            self.changes.append((self.up_s, self.faults.codes[index], word))
        assert self.notes == []
        return said

    def run(self, seconds, dt_s=60, **seen):
        """As many steps as make `seconds`; the changes in them, as (seconds from here, code, word)."""
        begun, before = self.up_s, len(self.changes)
        for _ in range(seconds // dt_s):
            self.step(dt_s, **seen)
        return [(up - begun, code, word) for up, code, word in self.changes[before:]]

    def state(self, code):
        return self.faults.state(self.faults.codes.index(code))

    def cell(self, code, cell):
        return self.faults.cells[self.faults.starts[self.faults.codes.index(code)] + cell]

    def restart(self):
        """As after a power cut of whatever length: what was stored is what there was."""
        stored = self.faults.cells
        age = self.up_s
        self.faults = begin.faults(self.blob)
        self.faults.cells[:] = stored
        for start in self.faults.starts:
            self.faults.cells[start + 1] -= age
        begin.restart(self.faults, self.blob)
        self.up_s = 0
        for sensor in self.sensors.values():
            sensor.tally.clear()


def wet_sensor(name="pan"):
    """A water sensor, which has no tally."""
    return SimpleNamespace(name=name, tally=None, quality="ok", wet=False, fresh=True)
