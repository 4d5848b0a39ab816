"""Whatever sensors say, whenever the power goes, however long a step is: what must hold of every fault, always."""

from array import array

from hypothesis import given, settings
from hypothesis import strategies as st

from firmware.diagnosis import begin, judge, store
from firmware.diagnosis.faults import (
    CLEAR,
    CONFIRMED,
    FOR,
    KNOWN,
    OLD,
    RECOVERING,
    SINCE,
    STATES,
    SUSPECTED,
    TIMES,
    WINDOW,
)
from firmware.diagnosis.leak import BAD, GOOD
from host_tests.firmware.judging import ABOVE, HEALTH, SENSORS, Bench, wet_sensor
from host_tests.firmware.test_evidence import NEVER, WEAKENS
from host_tests.firmware.test_judge import COOLS, DEFROST, DOOR, FILL, HEATS, RETURNS, WET, WET_HEALTH

DIGEST = b"12345678"
BELOW = {**ABOVE, "code": "T02", "rule": "below", "limit_milli": 0, "clear_milli": 1000, "grace_s": 0}
DOOR_HEALTH = {"code": "S03", "rule": "health", "sensor": "door", "confirm_s": 60, "clear_s": 60}
RULES = [
    WET, RETURNS, {**ABOVE, "grace_s": 0}, BELOW, HEATS, COOLS, DOOR, DEFROST, FILL, NEVER, WEAKENS, HEALTH, WET_HEALTH,
    DOOR_HEALTH,
]  # fmt: skip
# Seconds that each has to be known for before it may be confirmed.
CONFIRM_S = {
    "T01": 1800, "T02": 1800, "H01": 900, "C01": 14400, "D01": 300, "D02": 3600, "F01": 300, "S01": 120, "S02": 60,
    "S03": 60,
}  # fmt: skip
RESTS_ON = {
    "T01": ["air"], "T02": ["air"], "H01": ["air", "heater"], "C01": ["air"], "D01": ["door"], "D02": ["air"],
    "F01": ["heater", "level"], "C02": ["air"], "C03": ["heater", "level"],
}  # fmt: skip
HEALTH_OF = {"air": "S01", "pan": "S02", "door": "S03"}
QUALITIES = ["open", "short", "stuck", "stale", "out of range", "implausible", "unknown"]

milli = st.sampled_from([-40000, -18000, -5000, 500, 5000, 9000, 20000, 50000, 125000]) | st.integers(
    -55000, 125000
)
contact = st.sampled_from([0, 1000])
seen = st.fixed_dictionaries(
    {},
    optional={
        "air": st.one_of(milli, st.sampled_from(QUALITIES), st.lists(milli, min_size=2, max_size=4)),
        **{
            name: st.one_of(contact, st.sampled_from(QUALITIES), st.just([0, 1000]), st.just([1000, 1000, 0]))
            for name in ("door", "heater", "level")
        },
    },
)
# What happens: so many steps of so many seconds in which sensors see this, or a power cut with the state kept or lost.
steps = st.tuples(
    st.just("see"),
    st.sampled_from([1, 60, 60, 60, 300, 3600, 0, -7, 4000, 10**7]),
    st.sampled_from([1, 3, 12, 40]),
    seen,
)
# All is well for a while; or one thing is not.
well = {"air": 3000, "door": 0, "heater": 0, "level": 1000}
quiet = st.tuples(
    st.just("see"), st.sampled_from([60, 300]), st.sampled_from([5, 40]),
    st.sampled_from([well, {**well, "air": 12000}, {**well, "air": -3000}, {**well, "air": "open"}, {**well, "door": 1000}]),
)  # fmt: skip
cut = st.tuples(st.just("cut"), st.sampled_from(["kept", "kept", "lost"]))
leak = st.tuples(st.just("leak"), st.integers(1, 3))
probe = st.tuples(st.just("probe"), st.sampled_from(["ok", "open", "loose", "gone"]))
life = st.lists(st.one_of(steps, steps, quiet, quiet, cut, leak, probe), max_size=25)


class Life(Bench):
    """All rules at once, and what holds after every step."""

    def __init__(self, folder):
        super().__init__(*RULES)
        self.name = str(folder / "faults")
        self.sensors["pan"] = wet_sensor()
        self.probe = "ok"
        self.asked = dict.fromkeys(SENSORS, True)

    def see(self, dt_s, seen):
        row = self.faults.starts[0]
        counts = {"ok": (60, 0), "open": (0, 60), "loose": (30, 30), "gone": (0, 0)}[self.probe]
        self.faults.cells[row + GOOD], self.faults.cells[row + BAD] = counts
        self.sensors["pan"].quality = "open" if self.probe == "open" else "ok"
        before = [self.faults.state(index) for index in range(len(RULES))]
        flags = [self.faults.flags(index) for index in range(len(RULES))]
        for name, value in seen.items():
            self.sensors[name].see(value, 6)
        changes = judge.step(
            self.blob, self.faults, list(self.sensors.values()), dt_s, self.up_s, self.notes.append
        )
        self.up_s = min(self.up_s + max(dt_s, 0), 2**30)
        assert self.notes == []
        assert all(sensor.tally is None or sensor.tally.n == 0 for sensor in self.sensors.values())
        told = dict(changes)
        for index, fault in enumerate(RULES):
            if fault["rule"] != "wet":
                self.hold(index, fault, before[index], flags[index], told.get(index), dt_s, seen)

    def hold(self, index, fault, before, flags, told, dt_s, seen):
        code, state = fault["code"], self.faults.state(index)
        cells = self.faults.cells[self.faults.starts[index] :]
        # What is told is what became of it, and nothing becomes active or clear without being told.
        was, is_now = before >= CONFIRMED, state >= CONFIRMED
        if told == "confirmed":
            assert state == CONFIRMED
            assert not was or flags & OLD
        elif told == "cleared":
            assert was
            assert state == CLEAR
        else:
            assert was == is_now
        if not 1 <= dt_s <= 3600:
            assert told is None
            assert state == before
        # No confirmed fault without evidence.
        assert 0 <= cells[FOR] <= cells[KNOWN] <= cells[WINDOW]
        if is_now:
            assert cells[TIMES] > 0
            assert cells[KNOWN] > 0
            assert cells[KNOWN] >= CONFIRM_S.get(code, 0)
            assert cells[FOR] >= CONFIRM_S.get(code, 0)
        # Nothing is found or found to be over by what is not known.
        unknown = [name for name in RESTS_ON.get(code, ()) if not known(seen.get(name))]
        if unknown:
            assert told is None
            assert not (before == CLEAR and state == SUSPECTED)
        # A sick sensor silences what rests on it.
        for name in RESTS_ON.get(code, ()):
            if name in HEALTH_OF and 1 <= dt_s <= 3600:
                health = [rule["code"] for rule in RULES].index(HEALTH_OF[name])
                if self.faults.state(health) >= CONFIRMED and not self.faults.flags(health) & OLD:
                    assert self.faults.silenced(index)
                    assert state != SUSPECTED
                    assert told is None

    def cut(self, kept):
        before = self.faults
        store.save(self.name, before, DIGEST, self.up_s)
        self.faults = begin.faults(self.blob)
        was, self.up_s = self.up_s, 3
        if kept:
            assert store.load(self.name, self.faults, DIGEST, self.up_s) is None
            # Nothing is lost between.
            again = array("i", self.faults.cells)
            for start in self.faults.starts:
                assert self.up_s - again[start + SINCE] == was - before.cells[start + SINCE]
                again[start + SINCE] = before.cells[start + SINCE]
            assert again == before.cells
            begin.restart(self.faults, self.blob)
            for index in range(len(RULES)):
                active = before.state(index) >= CONFIRMED
                assert self.faults.state(index) == (RECOVERING if active else CLEAR)
                assert bool(self.faults.flags(index) & OLD) == active
                assert self.faults.active() == before.active()
        assert not self.faults.sounding()
        for sensor in self.sensors.values():
            if sensor.tally is not None:
                sensor.tally.clear()


def known(value):
    return value is not None and not isinstance(value, str)


@settings(deadline=None, max_examples=100)
@given(life)
def test_whatever_happens(tmp_path_factory, events):
    lived = Life(tmp_path_factory.mktemp("life"))
    for event in events:
        if event[0] == "see":
            for _ in range(event[2]):
                lived.see(event[1], event[3])
        elif event[0] == "cut":
            lived.cut(event[1] == "kept")
        elif event[0] == "leak":
            lived.faults.cells[lived.faults.starts[0] + TIMES] += event[1]
        else:
            lived.probe = event[1]
    assert all(-(2**31) <= cell < 2**31 for cell in lived.faults.cells)
    assert all(cell & STATES <= 3 for cell in lived.faults.cells[:1])


@settings(deadline=None, max_examples=30)
@given(st.lists(st.tuples(seen, st.integers(1, 3600)), min_size=1, max_size=30), st.integers(-(10**9), 10**9))
def test_no_clock_is_asked(observations, jump):
    """Two lives that differ in the uptime alone, beyond all graces, are one."""
    lives = []
    for shift in (0, abs(jump) % 2**29):
        bench = Bench(*RULES, up_s=3600 + shift)
        bench.sensors["pan"] = wet_sensor()
        told = []
        for saw, dt_s in observations:
            for name, value in saw.items():
                bench.sensors[name].see(value, 6)
            bench.up_s += dt_s
            told.append(
                judge.step(bench.blob, bench.faults, list(bench.sensors.values()), dt_s, bench.up_s, print)
            )
        for start in bench.faults.starts:
            bench.faults.cells[start + SINCE] = 0
        lives.append((told, list(bench.faults.cells)))
    assert lives[0] == lives[1]
