"""The device's own code, fed with years: years.py DEVICE_ROOT SLOT. Rows come in on standard input, words go out as JSON.

SLOT is a folder with models/ as a slot has it; what is stored over a power cut goes there too.

What stands in for the chip here is a converter, a contact and a bus that give what the last row says, and a clock that
goes on by rows. Everything else is the device's: the sensors as its station fits them, the leaks' rules with each sample,
the judge with each row that is marked for it, the evidence. What the device loads, uses and forgets once a minute stays
loaded, for speed. A message in is three int32 (what, lane, count) and what follows from them:

    0 lane: a new appliance, count: the chip, by its place in CHIPS
    1 rows: count rows of [dt and flags, time, one number a sensor], int32; 2 ask: print "." when all is done; 3 end
"""

import gc
import json
import struct
import sys
from array import array

# Evidence reads the profile where the running code came from.
sys.path[0:0] = [sys.argv[2], sys.argv[1]]

from lib import rare

rare.forget = lambda names: None

from firmware.diagnosis import begin, judge, rules, store, trend
from firmware.diagnosis.evidence import claims
from firmware.diagnosis.faults import CLEAR, CONFIRMED
from firmware.sensors.reading import OK
from firmware.sensors.station import Station

CHIPS = ("esp32", "esp32c3", "esp32s3")
_TOP_UV = {"esp32": 3140000, "esp32c3": 2957000, "esp32s3": 3100000}
_JUDGE = 1 << 16
_RESTART = 1 << 17
_CRC_ERROR = 1 << 16
_MISSING = 1 << 17
_PARTS = 10  # of a step in which a contact was on for a part of it
_BURST = 14  # samples, a second apart, where there is or was water
_CLAIMS_S = 21600  # so often an active fault is asked for its evidence
_FORECAST_S = 86400
_KEEP_S = 3600
_SEARCH = 0xF0  # of a DS18B20's commands
_FAMILY = 0x28


class Ticks:
    now = 0

    def ticks_ms(self):
        return self.now

    def ticks_diff(self, one, other):
        return one - other

    def ticks_add(self, one, other):
        return one + other


class Adc:
    def __init__(self, top, a=None):
        self.uv = 0
        self.top = top
        self.a = a  # a probe's first drive
        self.supply = 3300000

    def read_uv(self):
        return self.uv if self.a is None or self.a.level else self.supply - self.uv

    def read_u16(self):
        return 65535 if self.uv >= self.top else 0


class Pin:
    level = 0

    def value(self, *level):
        if level:
            self.level = level[0]
        return self.level

    def irq(self, handler=None, trigger=0):
        pass


class Bus:
    """A OneWire and a DS18X20 in one, with one sensor on it."""

    def __init__(self):
        self.ow = self
        self.register = 0
        self._bit = -1
        self._pad = bytearray(9)
        self._pad[4] = 0x7F

    def reset(self, required=False):
        present = not self.register & _MISSING
        if required and not present:
            raise Exception("no device")
        self._bit = -1
        return present

    def writebyte(self, byte):
        if byte == _SEARCH:
            self._bit = 0

    def writebit(self, bit):
        pass

    def readbit(self):
        # In a search each bit and then its opposite; else the wire is high: it has its supply, it has converted.
        if self._bit < 0:
            return 1
        bit = _FAMILY >> (self._bit >> 1) & 1 if self._bit < 16 else 0
        opposite = self._bit & 1
        self._bit += 1
        return bit ^ opposite

    def crc8(self, data):
        return 0

    def convert_temp(self):
        pass

    def read_scratch(self, rom):
        if self.register & _CRC_ERROR:
            raise Exception("CRC error")
        struct.pack_into("<h", self._pad, 0, self.register)
        return self._pad


class Board:
    """Hands out stand-ins, and keeps them by their pin."""

    def __init__(self, chip):
        self.chip = chip
        self.made = {}

    def adc(self, pin):
        self.made[pin] = Adc(_TOP_UV[self.chip])
        return self.made[pin]

    def pin_in(self, pin):
        self.made[pin] = Pin()
        return self.made[pin]

    def pin_out(self, pin):
        self.made[pin] = Pin()
        return self.made[pin]

    def onewire(self, pin):
        self.made[pin] = Bus()
        return self.made[pin]


class Lane:
    """One appliance."""

    def __init__(self, number, chip, profile, blob):
        self.number = number
        self.blob = blob
        self.ticks = Ticks()
        self.chip = chip
        board = Board(chip)
        self.station = Station(profile, board, self.ticks)
        if self.station.problems:
            raise ValueError(", ".join(self.station.problems))
        self.faults = begin.faults(blob)
        self.leaks = begin.leaks(profile, self.faults, self.station, self.uptime_s, self.ticks)
        self.rows = rules.each(blob)
        self.started_s = self.at_s = self.judged_s = 0
        self.kept = None
        self.kept_s = 0  # by the case's clock
        self.last_claims = self.last_forecast = 0
        pins = profile["pins"][chip]
        self.feeds = []
        for column, spec in enumerate(profile["sensors"]):
            sensor = self.station.sensor(spec["name"])
            if sensor is None:
                continue
            source = board.made[pins[spec["name"]]]
            if sensor.kind == "probe":
                source.a = board.made[pins[spec["name"] + "_a"]]
                source.supply = spec["supply_uv"]
            leak = None
            for one in self.leaks:
                if one.sensor is sensor:
                    leak = one
            on = int(spec.get("active", "high") == "high")
            self.feeds.append((sensor, source, leak, column, on))

    def uptime_s(self):
        return self.at_s - self.started_s

    def note(self, text):
        tell([self.number, self.at_s, "note", text])

    def rows_in(self, data, count, width):
        for row in range(count):
            at = row * width
            word = data[at]
            self.at_s = data[at + 1]
            now = self.at_s * 1000
            dt_ms = (word & 0xFFFF) * 1000
            if word & _RESTART:
                self.restart()
                self.started_s = self.judged_s = self.at_s - (word & 0xFFFF)
            for sensor, source, leak, column, on in self.feeds:
                value = data[at + 2 + column]
                kind = sensor.kind
                if kind == "ntc":
                    source.uv = value
                    self.ticks.now = now
                    sensor.sample(now)
                elif kind == "switch":
                    later = data[at + width + 2 + column] if row + 1 < count else 0
                    self.contact(sensor, source, value, later, on, now, dt_ms)
                elif leak is not None:
                    self.watch(leak, sensor, source, on, now, data, at + 2 + column, width, len(data))
                elif kind == "ds18b20":
                    source.register = value
                    self.convert(sensor, now)
            if word & _JUDGE:
                self.ticks.now = now
                self.judge(min(self.at_s - self.judged_s, judge.LONGEST_S))
                self.judged_s = self.at_s

    def keep(self):
        """As firmware.diagnosis.examiner: at once when a fault changed, else hourly. It becomes a file in restart()."""
        self.kept = array("i", self.faults.cells)
        self.kept_s = self.at_s
        self.faults.changed = False

    def restart(self):
        """The power was gone: what was last stored is what is known, by way of the file."""
        faults = self.faults
        if self.kept is None:
            return
        name = sys.argv[2] + "/faults"
        faults.cells[:] = self.kept
        store.save(name, faults, rules.digest(self.blob), self.kept_s - self.started_s)
        faults.cells[:] = array("i", bytes(4 * len(self.kept)))
        problem = store.load(name, faults, rules.digest(self.blob), 0)
        if problem:
            raise ValueError(problem)
        begin.restart(faults, self.blob)

    def contact(self, sensor, source, share, later, on, now, dt_ms):
        part_ms = dt_ms // _PARTS
        if share <= 0 or share >= 1000:
            source.level = on if share else 1 - on
            if sensor.state is None or sensor.state != (share >= 1000):
                sensor.sample(now - 2 * part_ms)
                sensor.sample(now - part_ms)
            sensor.sample(now)
            return
        many = (share * _PARTS + 500) // 1000
        # What was on goes on; what will be on begins at the end; a short moment lies in the middle.
        first = 0
        if not sensor.state:
            first = _PARTS - many if later >= 500 else (_PARTS - many) // 2
        for part in range(_PARTS):
            source.level = on if first <= part < first + many else 1 - on
            sensor.sample(now - (_PARTS - 1 - part) * part_ms)

    def watch(self, leak, sensor, source, on, now, data, place, width, end):
        """A sample; and more, three close together each second, where there is or was water. They take turns with what this
        row and the next two say, so that noise is not the same in all of them."""
        wet = self.look(leak, sensor, source, on, now, data[place])
        if not wet and self.faults.state(leak.index) == CLEAR:
            return
        for second in range(1, _BURST):
            for again in range(3):
                row = place + (again + 1) % 3 * width
                if row >= end:
                    row = place
                self.look(leak, sensor, source, on, now + second * 1000 + 25 * again, data[row])

    def look(self, leak, sensor, source, on, now, value):
        if sensor.kind == "float":
            source.level = on if value >= 500 else 1 - on
        else:
            source.uv = value
        self.ticks.now = now
        sensor.sample(now)
        change = leak.step(now)
        if change is not None:
            self.changed(leak.index, change)
        return sensor.wet

    def convert(self, sensor, now):
        before = sensor.tally.n + sensor.tally.bad
        moment = now - 8000
        for _ in range(60):
            self.ticks.now = moment
            sensor.sample(moment)
            if sensor.tally.n + sensor.tally.bad != before:
                return
            moment += 130

    def judge(self, dt_s):
        # As judge.step, but the change is told by its number, and at once.
        for change in judge.steps(
            self.blob, self.faults, self.station.sensors, dt_s, self.uptime_s(), self.note
        ):
            if change is not None:
                self.changed(change[0], change[1])
        if self.faults.changed or self.at_s - self.kept_s >= _KEEP_S:
            self.keep()
        if self.at_s - self.last_claims >= _CLAIMS_S:
            self.last_claims = self.at_s
            for index in self.faults.active():
                self.word(index, "stands")
        if self.at_s - self.last_forecast >= _FORECAST_S:
            self.last_forecast = self.at_s
            self.forecasts()

    def forecasts(self):
        for index, row in enumerate(self.rows):
            if row[2] == rules.TREND:
                cells, at = self.faults.cells, row_start(self.faults, index)
                level = trend.level(cells, at, row[7])
                said = trend.forecast(cells, at, row[7])
                if level or said:
                    said = None if said is None else list(said)
                    tell([self.number, self.at_s, "forecast", row[0], said, self.faults.state(index), level])

    def changed(self, index, state):
        self.faults.changed = True
        self.word(index, "confirmed" if state == CONFIRMED else "cleared")

    def word(self, index, state):
        qualities = [sensor.quality for sensor in self.station.sensors if sensor.quality != OK]
        tell([self.number, self.at_s, state, self.faults.codes[index], self.claims(index), qualities])

    def claims(self, index):
        return json.loads(claims(self, index))


def row_start(faults, index):
    return faults.starts[index] + rules.HIGH + 1


def hold(blob):
    """The device reads its rules in each step; they are the same in each."""
    rows = list(rules.each(blob))
    names = rules.sensors(blob)
    rules.each = lambda blob: rows
    rules.sensors = lambda blob: names


def tell(words):
    print(json.dumps(words))


def main():
    gc.threshold(2000000)
    read = sys.stdin.buffer
    with open(sys.argv[2] + "/models/profile.json") as file:
        profile = json.load(file)
    blob = rules.read(rules.path())
    if blob is None:
        raise ValueError("rules are not whole")
    hold(blob)
    width = 2 + len(profile["sensors"])
    head = bytearray(12)
    lanes = {}
    while read.readinto(head) == 12:
        what, number, count = struct.unpack("<3i", head)
        if what == 0:
            lanes[number] = Lane(number, CHIPS[count], profile, blob)
        elif what == 1:
            lanes[number].rows_in(array("i", read.read(4 * width * count)), count, width)
        elif what == 2:
            print(".")
        else:
            return


main()
