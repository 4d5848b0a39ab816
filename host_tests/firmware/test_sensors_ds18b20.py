"""A DS18B20: a checked temperature or a word, whatever the wire does; never longer than 20 ms at a time."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firmware.sensors.ds18b20 import Ds18b20
from host_tests.firmware.fakes import WRAP, Ticks

SPEC = {
    "name": "sump", "kind": "ds18b20", "title": "sump", "count": 1, "min_milli": -5000, "max_milli": 105000,
    "rate_milli_s": 12000, "stuck_s": 0, "stuck_milli": 0, "sample_ms": 2000, "stale_ms": 20000,
}  # fmt: skip
ROM = bytes((0x28, 0xFF, 0x64, 0x1E, 0x82, 0x16, 0x04))
OTHER = bytes((0x28, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66))
# What a bit, a reset and a call cost on a chip: the slots of the port's driver in C, and some Python around each byte.
SLOT_US, RESET_US, CALL_US = 70, 960, 30


def crc8(data):
    crc = 0
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ 0x8C if crc & 1 else crc >> 1
    return crc


def with_crc(data):
    return bytes(data) + bytes((crc8(data),))


class Wire:
    """The 1-Wire bus as the frozen driver shows it, with the sensors on it; what it costs a chip is counted."""

    def __init__(self, ticks, roms=(ROM,)):
        self.ticks = ticks
        self.devices = [with_crc(rom) for rom in roms]
        self.celsius = 20.0
        self.powered = True
        self.shorted = False
        self.slow_ms = 700
        self.noise = lambda data: data  # what becomes of bytes on their way
        self.resets_while_converting = False
        self.config = 0x7F
        self.pad = None
        self.converting_until = None
        self.us = 0
        self.calls = []
        self.selected = ()
        self.answer = b""
        self.bits = []
        self.searching = None
        self.polled = False
        self.bit = self.asked = 0
        self.power_on()

    def power_on(self):
        self.pad = with_crc((0x50, 0x05, 0x4B, 0x46, self.config, 0xFF, 0x0C, 0x10))
        self.converting_until = None

    def reset(self, required=False):
        self.us += RESET_US + CALL_US
        self.calls.append("reset")
        self.answer, self.selected, self.bits, self.searching = b"", (), [], None
        self.polled = False
        there = bool(self.devices) or self.shorted
        if required and not there:
            raise Exception("OneWireError")  # as the driver: a class of its own, nothing to catch it by
        return there

    def _write(self, byte):
        self.us += 8 * SLOT_US + CALL_US
        if self.bits and self.bits[-1] == "match":
            self.answer += bytes((byte,))
            if len(self.answer) == 8:
                self.selected = tuple(rom for rom in self.devices if rom == self.answer)
                self.answer, self.bits = b"", []
            return
        if byte == 0x55:
            self.bits = ["match"]
        elif byte == 0xCC:
            self.selected = tuple(self.devices)
        elif byte == 0xF0:
            self.searching, self.bit, self.asked = list(self.devices), 0, 0
        elif byte == 0xB4:
            self.bits = [0 if not self.powered else 1]
        elif byte == 0x44:
            self._convert()
        elif byte == 0xBE:
            self.answer = self._together([self.pad] * len(self.selected)) if self.selected else b"\xff" * 9

    def writebyte(self, byte):
        self._write(byte)

    def _together(self, answers):
        # The wire is a wired AND.
        found = b"\xff" * 9
        for answer in answers:
            found = bytes(a & b for a, b in zip(found, answer.ljust(9, b"\xff"), strict=True))
        return found

    def _convert(self):
        if self.resets_while_converting:
            self.power_on()
            return
        raw = round(self.celsius * 16) & 0xFFFF
        self.pad = with_crc(
            (raw & 0xFF, raw >> 8, 0x4B, 0x46, self.config, 0xFF, 0x10 - (raw & 0xF) & 0xFF, 0x10)
        )
        self.converting_until = self.ticks.now + self.slow_ms
        self.polled = True

    def readbit(self):
        self.us += SLOT_US + CALL_US
        if self.bits:
            return self.bits.pop()
        if self.shorted:
            return 0
        if self.searching is not None:
            self.asked += 1
            bits = [
                (rom[self.bit >> 3] >> (self.bit & 7) & 1) ^ (self.asked % 2 == 0) for rom in self.searching
            ]
            told = all(bits)  # the wire is a wired AND
            return int(self.noise(bytes((told,)))[0] & 1)
        if self.polled and self.converting_until is not None and self.ticks.now < self.converting_until:
            return 0
        return 1

    def writebit(self, bit):
        self.us += SLOT_US + CALL_US
        self.searching = [rom for rom in self.searching if rom[self.bit >> 3] >> (self.bit & 7) & 1 == bit]
        self.bit += 1

    def readinto(self, buf):
        self.us += len(buf) * (8 * SLOT_US + CALL_US)
        answer = bytes(len(buf)) if self.shorted else self.noise(self.answer.ljust(9, b"\xff"))
        buf[:] = answer[: len(buf)]

    def crc8(self, data):
        return crc8(data)

    def select_rom(self, rom):
        self.reset()
        self.writebyte(0x55)
        for byte in rom:
            self.writebyte(byte)


class Driver:
    """ds18x20.DS18X20, as far as it is used."""

    def __init__(self, wire):
        self.ow = wire
        self.buf = bytearray(9)

    def convert_temp(self):
        self.ow.reset(True)
        self.ow.writebyte(0xCC)
        self.ow.writebyte(0x44)

    def read_scratch(self, rom):
        self.ow.reset(True)
        self.ow.select_rom(rom)
        self.ow.writebyte(0xBE)
        self.ow.readinto(self.buf)
        if self.ow.crc8(self.buf):
            raise Exception("CRC error")
        return self.buf


class Bench:
    def __init__(self, now=0, roms=(ROM,), **more):
        self.ticks = Ticks(now)
        self.wire = Wire(self.ticks, roms)
        self.sensor = Ds18b20({**SPEC, **more}, Driver(self.wire), self.ticks)
        self.longest_us = 0
        self.seen = []

    def run(self, seconds):
        """Time passes, and the station samples every 20 ms; the values that were told meanwhile."""
        self.seen = []
        for _ in range(round(seconds * 50)):
            self.ticks.now += 20
            self.wire.us = 0
            self.sensor.sample(self.ticks.ticks_ms())
            self.longest_us = max(self.longest_us, self.wire.us)
            reading = self.reading
            if reading.milli is not None and (not self.seen or self.seen[-1] != reading.milli):
                self.seen.append(reading.milli)
        return self.seen

    @property
    def reading(self):
        return self.sensor.reading(self.ticks.ticks_ms())


@pytest.mark.parametrize("celsius", [-5, -0.0625, 0, 0.5, 4.8125, 25.0625, 84.9375, 85.0625, 104.5])
def test_a_temperature(celsius):
    bench = Bench()
    bench.wire.celsius = celsius
    assert bench.run(3) == [celsius * 1000 // 1]
    assert (bench.reading.quality, bench.reading.unit, bench.sensor.why) == ("ok", "Cel", "")
    assert bench.reading.raw == celsius * 16


def test_a_sample_every_two_seconds_and_no_step_over_20_milliseconds():
    bench = Bench()
    bench.run(60)
    assert 28 <= bench.sensor.tally.n <= 31
    assert 8000 < bench.longest_us < 16000


def test_a_storm_of_wrong_checksums_is_never_a_temperature():
    bench = Bench()
    bench.run(5)
    flips = iter(range(10**6))

    def noisy(data):
        at = next(flips) % (8 * len(data))
        return bytes(byte ^ (1 << at % 8 if place == at // 8 else 0) for place, byte in enumerate(data))

    bench.wire.noise = noisy
    assert set(bench.run(15)) <= {20000}  # the last good one, until it is too old
    bench.run(20)
    assert bench.reading.quality in ("stale", "unknown") and bench.reading.milli is None
    assert bench.sensor.why
    bench.wire.noise = lambda data: data
    bench.run(5)
    assert (bench.reading.quality, bench.sensor.why) == ("ok", "")


def test_one_wrong_checksum_is_asked_again_and_nobody_notices():
    bench = Bench()
    bench.run(5)
    left = [2]

    def twice(data):
        left[0] -= 1
        return data if left[0] < 0 else bytes((data[0] ^ 1,)) + data[1:]

    bench.wire.noise = twice
    bench.run(10)
    assert (bench.reading.quality, bench.sensor.tally.bad) == ("ok", 0)


def test_85_after_power_on_is_no_temperature():
    bench = Bench()
    bench.wire.resets_while_converting = True
    assert bench.run(30) == []
    assert (bench.reading.quality, "85.0" in bench.sensor.why) == ("unknown", True)
    bench.wire.resets_while_converting = False
    assert bench.run(5) == [20000]
    # Later the supply sags at each conversion: the last value grows old, and 85 never appears.
    bench.wire.resets_while_converting = True
    assert set(bench.run(60)) <= {20000}
    assert bench.reading.quality == "stale"


def test_85_is_believed_where_it_was_nearly_so_before():
    bench = Bench()
    for celsius in (80, 81, 82, 83, 84, 84.5, 85, 85, 85.5):
        bench.wire.celsius = celsius
        assert bench.run(4.2)[-1:] == [celsius * 1000]


def test_exactly_85_at_the_start_waits_for_the_next_sixteenth():
    bench = Bench()
    bench.wire.celsius = 85
    assert bench.run(10) == []
    bench.wire.celsius = 84.9375
    assert bench.run(5) == [84937]
    bench.wire.celsius = 85
    assert bench.run(5)[-1] == 85000


@pytest.mark.parametrize("celsius", [-127, -56, 126, 255, -2048])
def test_what_the_part_cannot_measure_is_no_temperature(celsius):
    bench = Bench(min_milli=-300_000, max_milli=300_000)
    bench.wire.celsius = celsius
    assert bench.run(30) == []
    assert bench.reading.quality == "unknown"


def test_beyond_what_the_profile_allows():
    bench = Bench()
    bench.wire.celsius = 110
    assert bench.run(10) == []
    assert bench.reading.quality == "out of range"


def test_nobody_answers():
    bench = Bench(roms=())
    assert bench.run(10) == []
    assert (bench.reading.quality, bench.sensor.why) == ("open", "nothing answers")
    bench.wire.devices = [with_crc(ROM)]
    assert bench.run(5) == [20000]


def test_unplugged_in_the_midst_of_a_conversion():
    bench = Bench()
    bench.run(2.5)
    bench.wire.devices = []
    bench.run(10)
    assert bench.reading.quality == "open"


def test_a_wire_at_ground():
    bench = Bench()
    bench.run(5)
    bench.wire.shorted = True
    bench.run(10)
    assert (bench.reading.quality, bench.sensor.why) == ("short", "the wire is at ground")


def test_two_sensors_on_one_wire_are_refused_since_nobody_knows_which_is_which():
    bench = Bench(roms=(ROM, OTHER))
    assert bench.run(30) == []
    assert bench.reading.quality == "unknown"
    assert bench.sensor.why.startswith("more than one sensor")
    bench.wire.devices.pop()
    assert bench.run(5) == [20000]
    bench.wire.devices.append(with_crc(OTHER))  # a second one is plugged in while it runs
    bench.run(60)  # and however long it lasts, it is told as that
    assert (bench.reading.quality, bench.reading.milli) == ("unknown", None)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.binary(min_size=6, max_size=6), min_size=2, max_size=4, unique=True))
def test_any_sensors_together_are_refused(serials):
    bench = Bench(roms=[b"\x28" + serial for serial in serials])
    assert bench.run(10) == []


def test_another_part_on_the_wire_is_refused():
    bench = Bench(roms=(b"\x10" + ROM[1:],))
    assert bench.run(10) == []
    assert bench.reading.quality == "unknown"


def test_parasite_power_is_refused_with_a_word():
    bench = Bench()
    bench.wire.powered = False
    assert bench.run(10) == []
    assert (bench.reading.quality, "parasite" in bench.sensor.why) == ("unknown", True)


def test_a_slow_conversion_is_waited_for_and_an_endless_one_is_not():
    bench = Bench()
    bench.wire.slow_ms = 1300
    assert bench.run(5) == [20000]
    bench.wire.slow_ms = 10**9
    bench.run(30)
    assert (bench.reading.quality, "end its conversion" in bench.sensor.why) == ("stale", True)


@pytest.mark.parametrize(
    ("config", "raw", "milli"), [(0x1F, 0x197, 25000), (0x3F, 0x197, 25250), (0x7F, 0x197, 25437)]
)
def test_a_coarser_resolution_has_no_lowest_bits(config, raw, milli):
    bench = Bench()
    bench.wire.config = config
    bench.wire.celsius = raw / 16
    assert bench.run(5) == [milli]


@pytest.mark.parametrize("byte", [0x00, 0xFF])
def test_a_register_of_zeros_or_ones_is_no_temperature(byte):
    bench = Bench()
    first = [True]

    def blank(data):
        # The address is whole, the register is not.
        if len(data) == 1:
            return data
        first[0] = False
        return bytes((byte,)) * len(data)

    bench.wire.noise = blank
    assert bench.run(20) == []
    assert bench.reading.quality == "unknown"
    assert not first[0]


def test_no_bus_at_all():
    ticks = Ticks()
    sensor = Ds18b20(SPEC, None, ticks)
    for _ in range(1000):
        ticks.now += 20
        sensor.sample(ticks.ticks_ms())
    assert (sensor.quality, sensor.why) == ("unknown", "no such bus")
    assert sensor.tally.bad >= 3


def test_across_the_wrap_of_the_ticks():
    bench = Bench(now=WRAP - 5000)
    bench.run(10)
    assert (bench.reading.quality, bench.reading.milli) == ("ok", 20000)


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_any_wire_tells_what_it_measures_or_nothing(data):
    """Whatever becomes of the bytes: a value that is told is one that the sensor had converted."""
    bench = Bench()
    real = {20000}
    for _ in range(data.draw(st.integers(1, 12))):
        what = data.draw(
            st.sampled_from(["noise", "quiet", "gone", "back", "warm", "reset", "parasite", "other"])
        )
        if what == "noise":
            mask = data.draw(st.binary(min_size=9, max_size=9))
            bench.wire.noise = lambda told, mask=mask: bytes(
                a ^ b for a, b in zip(told.ljust(9, b"\xff"), mask, strict=True)
            )
        elif what == "quiet":
            bench.wire.noise = lambda told: told
        elif what == "gone":
            bench.wire.devices = []
        elif what == "back":
            bench.wire.devices = [with_crc(ROM)]
        elif what == "other":
            bench.wire.devices = [*bench.wire.devices, with_crc(OTHER)][:2]
        elif what == "warm":
            bench.wire.celsius = data.draw(st.integers(-80, 1600)) / 16
            real.add(bench.wire.celsius * 1000 // 1)
        else:
            bench.wire.resets_while_converting = what == "reset"
            bench.wire.powered = what != "parasite"
        assert set(bench.run(data.draw(st.integers(1, 6)))) <= real
    assert bench.longest_us < 20000


def test_on_the_device_interpreter(micropython):
    """The driver as it is frozen into the builds raises bare Exceptions, and this runs as it stands."""
    script = """
from firmware.sensors.ds18b20 import Ds18b20
from host_tests.firmware.fakes import Ticks

class Wire:
    rom = bytes((0x28, 1, 2, 3, 4, 5, 6, 7))
    asked = place = 0
    def reset(self, required=False):
        self.asked = self.place = 0
        return True
    def writebyte(self, byte):
        self.searching = byte == 0xF0
        self.asked = 0
    def readbit(self):
        self.asked += 1
        if self.asked > 2 or not self.searching:
            return 1
        return (self.rom[self.place >> 3] >> (self.place & 7) & 1) ^ (self.asked == 2)
    searching = False
    def writebit(self, bit):
        self.place += 1
        self.asked = 0
    def crc8(self, data):
        return 0

class Driver:
    ow = Wire()
    count = 0
    def convert_temp(self):
        pass
    def read_scratch(self, rom):
        self.count += 1
        if self.count % 2:
            raise Exception("CRC error")
        return bytearray((0x97, 1, 0, 0, 0x7F, 0, 0, 0, 0))

ticks = Ticks()
sensor = Ds18b20(SPEC, Driver(), ticks)
for _ in range(300):
    ticks.now += 20
    sensor.sample(ticks.ticks_ms())
print(sensor.quality, sensor.milli, sensor.tally.n, sensor.tally.bad)
"""
    printed = micropython(script.replace("SPEC", repr(SPEC)))
    assert printed.strip() == "ok 25437 3 0"
