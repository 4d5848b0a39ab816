"""A DS18B20 on its bus: slot by slot without a chip, and through the chip's own modules as a program sees it."""

import json
import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from host_tests.tools.sim_board import printed, running
from nameplate.sim.physics import ds18b20
from nameplate.sim.physics.ds18b20 import Ds18b20
from nameplate.sim.physics.onewire import Bus, crc8

PROFILE = json.dumps({"pins": {"esp32": {"sump": 26}}, "sensors": [{"name": "sump", "kind": "ds18b20"}]})
FILES = {"/a/models/profile.json": PROFILE}


class Line:
    """A master on a bus with one device; `now` is the time in microseconds."""

    def __init__(self, celsius: float = 21.3, fault: str = "ok") -> None:
        self.now = 0
        self.celsius = celsius
        self.device = Ds18b20(0x123456, lambda: self.celsius, lambda: self.now, random.Random(1))
        self.device.fault = fault
        self.bus = Bus([self.device])

    def write(self, *data: int) -> None:
        for byte in data:
            for place in range(8):
                self.bus.write(byte >> place & 1)

    def read(self, count: int) -> bytes:
        return bytes(sum(self.bus.read() << place for place in range(8)) for _ in range(count))

    def ask(self, *command: int, answer: int = 0) -> bytes:
        assert self.bus.reset()
        self.write(ds18b20.SKIP_ROM, *command)
        return self.read(answer)

    def scratchpad(self) -> bytes:
        return self.ask(ds18b20.READ_SCRATCHPAD, answer=9)


def register(scratchpad: bytes) -> float:
    return int.from_bytes(scratchpad[:2], "little", signed=True) / 16


@given(st.binary(max_size=20))
def test_nothing_is_left_of_data_and_its_own_checksum(data: bytes) -> None:
    assert crc8(data + bytes((crc8(data),))) == 0


def test_the_checksum_is_dallas() -> None:
    assert crc8(bytes.fromhex("021cb801000000")) == 0xA2  # the example of Maxim's application note 27


def test_after_power_on_it_says_85_degrees_until_a_conversion_is_done() -> None:
    line = Line()
    assert line.scratchpad()[:3] == bytes.fromhex("50054b")
    line.ask(ds18b20.CONVERT)
    assert line.bus.read() == 0  # it is busy
    line.now = 749_999
    assert register(line.scratchpad()) == 85
    line.now = 750_000
    assert register(line.scratchpad()) == 21.3125
    assert crc8(line.scratchpad()) == 0
    line.device.power_on()
    assert register(line.scratchpad()) == 85


@given(st.floats(-70, 140))
def test_a_temperature_is_a_sixteenth_of_a_degree_within_what_it_can_measure(celsius: float) -> None:
    line = Line(celsius)
    line.ask(ds18b20.CONVERT)
    line.now = 750_000
    assert abs(register(line.scratchpad()) - min(125, max(-55, celsius))) <= 1 / 32


def test_fewer_bits_are_quicker_and_coarser_and_forgotten_unless_they_are_copied() -> None:
    line = Line(21.3125)
    line.ask(ds18b20.WRITE_SCRATCHPAD, 75, 70, 0x1F)
    line.ask(ds18b20.CONVERT)
    line.now = 93_750
    assert register(line.scratchpad()) == 21.0
    line.device.power_on()
    assert line.scratchpad()[4] == 0x7F
    line.ask(ds18b20.WRITE_SCRATCHPAD, 75, 70, 0x1F)
    line.ask(ds18b20.COPY_SCRATCHPAD)
    line.device.power_on()
    assert line.scratchpad()[4] == 0x1F


def test_it_answers_to_its_own_address_only() -> None:
    line = Line()
    assert line.bus.reset()
    line.write(ds18b20.READ_ROM)
    rom = line.read(8)
    assert rom == line.device.rom
    assert rom[0] == 0x28
    assert crc8(rom) == 0
    for address, answers in ((rom, True), (bytes(reversed(rom)), False)):
        line.bus.reset()
        line.write(ds18b20.MATCH_ROM, *address, ds18b20.READ_SCRATCHPAD)
        assert (line.read(9) != b"\xff" * 9) == answers


def test_two_that_answer_at_once_spoil_each_other() -> None:
    line = Line()
    other = Ds18b20(0x777, lambda: -5.0, lambda: line.now, random.Random(2))
    line.bus.devices.append(other)
    line.ask(ds18b20.CONVERT)
    line.now = 750_000
    assert crc8(line.scratchpad()) != 0
    for device, celsius in ((line.device, 21.3125), (other, -5.0)):
        line.bus.reset()
        line.write(ds18b20.MATCH_ROM, *device.rom, ds18b20.READ_SCRATCHPAD)
        assert register(line.read(9)) == celsius


@pytest.mark.parametrize(("fault", "powered"), [("ok", 0xFF), ("parasite", 0xFE)])
def test_it_says_how_it_is_powered(fault: str, powered: int) -> None:
    assert Line(fault=fault).ask(ds18b20.READ_POWER_SUPPLY, answer=1)[0] == powered


SCAN = """
import ds18x20, machine, onewire, time
bus = onewire.OneWire(machine.Pin(26))
sensor = ds18x20.DS18X20(bus)
roms = sensor.scan()
print(len(roms))
def turn():
    sensor.convert_temp()
    time.sleep_ms(750)
    return [sensor.read_temp(rom) for rom in roms]
for attempt in (lambda: [sensor.read_temp(rom) for rom in roms], turn, turn, turn):
    try: print(attempt())
    except Exception as error: print(type(error).__name__, *error.args)
"""


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("ok", ["1", "[85.0]", "[-12.5]", "[-12.5]", "[-12.5]"]),
        ("missing", ["0", "[]", "OneWireError", "OneWireError", "OneWireError"]),
        ("crc", ["1", *["Exception CRC error"] * 4]),
        ("power_on", ["1", "[85.0]", "[85.0]", "[85.0]", "[85.0]"]),
        ("minus127", ["1", "[-127.0]", "[-127.0]", "[-127.0]", "[-127.0]"]),
        ("two", ["2", "[85.0, 85.0]", *["[-12.5, -12.5]"] * 3]),
        ("parasite", ["1", "[85.0]", "[85.0]", "[85.0]", "[85.0]"]),
        ("shorted", ["0", "[]", "[]", "[]", "[]"]),  # a line at ground looks like a device that is there
    ],
)
def test_what_the_driver_says_of_each_fault(tmp_path: Path, fault: str, said: list[str]) -> None:
    with running(tmp_path, SCAN, files=FILES, world={"sump": fault, "sump_c": "-12.5"}) as board:
        assert board.wait(lambda board: len(printed(board)) >= 5, 20_000), board.transcript
        assert printed(board)[:5] == said


def test_a_wire_that_is_cut_or_shorted_after_the_scan(tmp_path: Path) -> None:
    main = SCAN.replace("for attempt in (", "time.sleep_ms(1000)\nfor attempt in (")
    with running(tmp_path, main, files=FILES, world={"sump_c": "5"}) as board:
        board.at(500, "sump", "shorted")
        board.run(8000)
        # Nine zeros have a checksum of zero: the driver calls them a temperature.
        assert printed(board)[:5] == ["1", "[0.0]", "[0.0]", "[0.0]", "[0.0]"]
    with running(tmp_path, main, files=FILES, world={"sump_c": "5"}) as board:
        board.at(500, "sump", "missing")
        board.run(8000)
        assert printed(board)[:5] == ["1", "OneWireError", "OneWireError", "OneWireError", "OneWireError"]


def test_slots_hold_the_program_as_long_as_on_the_chip(tmp_path: Path) -> None:
    main = """
import ds18x20, machine, onewire, time
def took(action):
    start = time.ticks_us()
    action()
    return time.ticks_diff(time.ticks_us(), start)
bus = onewire.OneWire(machine.Pin(26))
sensor = ds18x20.DS18X20(bus)
rom = sensor.scan()[0]
for action in (bus.reset, bus.readbit, bus.readbyte, sensor.scan, sensor.convert_temp, lambda: sensor.read_temp(rom)):
    print(took(action))
"""
    with running(tmp_path, main, files=FILES) as board:
        board.run(500)
        times = [int(line) for line in printed(board)[:6]]
        wanted = [960, 70, 560, 960 + 200 * 70, 960 + 16 * 70, 2 * 960 + 19 * 560]
        for found, expected in zip(times, wanted, strict=True):
            assert expected <= found <= expected * 1.05 + 10


def test_noise_on_the_line_spoils_some_readings(tmp_path: Path) -> None:
    main = SCAN.replace("(lambda: [sensor.read_temp(rom) for rom in roms], turn, turn, turn)", "[turn] * 40")
    with running(tmp_path, main, files=FILES, world={"sump": "noisy", "sump_c": "5"}) as board:
        assert board.wait(lambda board: len(printed(board)) >= 41, 60_000)
        said = printed(board)[1:41]
        assert set(said) == {"[5.0]", "Exception CRC error"}
        assert 3 <= said.count("Exception CRC error") <= 25


def test_a_bus_that_leads_nowhere_has_nobody_on_it(tmp_path: Path) -> None:
    with running(tmp_path, SCAN.replace("Pin(26)", "Pin(27)"), files=FILES) as board:
        board.run(5000)
        assert printed(board)[:3] == ["0", "[]", "OneWireError"]


def test_an_input_only_pin_can_be_no_bus(tmp_path: Path) -> None:
    main = (
        "import machine, onewire\ntry: onewire.OneWire(machine.Pin(34))\nexcept ValueError as e: print(e)\n"
    )
    with running(tmp_path, main) as board:
        board.run(100)
        assert printed(board)[0] == "pin can only be input"


def test_the_supply_takes_the_last_conversion_with_it(tmp_path: Path) -> None:
    with running(tmp_path, SCAN, files=FILES, world={"sump_c": "5"}) as board:
        board.run(5000)
        assert printed(board)[1:3] == ["[85.0]", "[5.0]"]
        board.press_reset()  # the chip starts anew, the sensor does not notice
        board.run(5000)
        assert printed(board)[1] == "[5.0]"
        board.kill()
        board.set("power", "on")
        board.run(5000)
        assert printed(board)[1] == "[85.0]"


@pytest.mark.parametrize(("fault", "celsius"), [("power_on", 85.0), ("minus127", -127.0)])
def test_a_sensor_that_lies_has_a_right_checksum(fault: str, celsius: float) -> None:
    scratchpad = Line(fault=fault).scratchpad()
    assert register(scratchpad) == celsius
    assert crc8(scratchpad) == 0
