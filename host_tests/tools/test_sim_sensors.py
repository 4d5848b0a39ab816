"""Each kind of sensor as a program on the chip sees it: floats, contacts, probes, thermometers, and how they fail."""

import json
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from host_tests.tools.flash_images import read_files
from host_tests.tools.sim_board import printed, running
from nameplate.errors import NameplateError
from nameplate.sim.board import VirtualBoard

CONTENT = {
    "pins": {
        "esp32": {
            "base": 27,
            "floor": 34,
            "floor_a": 32,
            "floor_b": 33,
            "water": 35,
            "tray": 39,
            "sump": 26,
            "door": 14,
            "heater": 13,
            "inlet": 18,
            "drain": 19,
            "level": 36,
            "pump": None,
        }
    },
    "sensors": [
        {"name": "base", "kind": "float", "active": "low"},
        {"name": "floor", "kind": "probe", "supply_uv": 3300000, "series_ohm": 22000, "end_ohm": 220000}
        | {"wet_below_ohm": 60000, "dry_above_ohm": 100000},
        {"name": "tray", "kind": "leak", "supply_uv": 3300000, "pull_up_ohm": 47000, "end_ohm": 47000}
        | {"wet_below_ohm": 15000, "dry_above_ohm": 25000},
        {
            "name": "water",
            "kind": "ntc",
            "supply_uv": 3300000,
            "pull_up_ohm": 4700,
            "r25_ohm": 5000,
            "beta_k": 3988,
        },
        {"name": "sump", "kind": "ds18b20"},
        {"name": "door", "kind": "switch", "active": "high", "words": ["closed", "open"]},
        {"name": "heater", "kind": "switch", "active": "low", "words": ["off", "on"]},
        {"name": "inlet", "kind": "switch", "active": "low", "words": ["closed", "open"]},
        {"name": "drain", "kind": "switch", "active": "low"},
        {"name": "level", "kind": "switch", "active": "low", "words": ["empty", "filled"]},
        {"name": "pump", "kind": "switch", "active": "low"},
    ],
}
FILES = {"/a/models/profile.json": json.dumps(CONTENT)}


def board_with(tmp_path: Path, main: str, **world: object) -> AbstractContextManager[VirtualBoard]:
    """A board wired as above."""
    return running(tmp_path, main, files=FILES, world=world)


def last(board: VirtualBoard, duration_ms: int = 250) -> str:
    board.run(duration_ms)
    return printed(board)[-1]


LEVELS = """
import machine, time
pins = [machine.Pin(number, machine.Pin.IN, machine.Pin.PULL_UP) for number in (%s)]
while True:
    print(*[pin.value() for pin in pins])
    time.sleep_ms(100)
"""


def test_a_float_is_a_contact_to_ground(tmp_path: Path) -> None:
    with board_with(tmp_path, LEVELS % "27,") as board:
        assert last(board) == "1"
        board.set("leak", "wet")  # the first that looks for water
        assert last(board) == "0"
        assert board.get("base") == "wet"
        with pytest.raises(NameplateError, match="one of dry, wet"):
            board.set("base", "open")


def test_a_contact_needs_a_pull_up(tmp_path: Path) -> None:
    with board_with(tmp_path, (LEVELS % "27,").replace(", machine.Pin.PULL_UP", "")) as board:
        assert last(board) == "0"
    with board_with(tmp_path, (LEVELS % "36,").replace(", machine.Pin.PULL_UP", "")) as board:
        assert last(board) == "1"  # a pin that has none of its own has one on the board


def test_a_switch_is_on_by_its_own_word_and_by_its_own_level(tmp_path: Path) -> None:
    with board_with(tmp_path, LEVELS % "14, 18, 19") as board:
        assert last(board) == "0 1 1"  # closed; not open; off
        board.set("door", "open")
        board.set("inlet", "open")
        board.set("drain", "on")
        assert last(board) == "1 0 0"
        board.set("door", "off")
        board.set("inlet", "off")
        board.set("drain", "auto")
        assert (board.get("door"), board.get("inlet")) == ("closed", "closed")
        assert last(board) == "0 1 1"


def test_a_contact_that_sticks_stays_as_it_was(tmp_path: Path) -> None:
    with board_with(tmp_path, LEVELS % "14,") as board:
        board.set("door", "open")
        assert last(board) == "1"
        board.set("door", "stuck")
        assert last(board) == "1"
        board.set("door", "closed")
        assert last(board) == "0"
        board.set("door_stuck", "on")
        board.set("door", "open")
        assert last(board) == "0"
        board.set("door_stuck", "off")
        assert last(board) == "1"


def test_a_sensor_this_chip_has_no_pin_for_has_no_key(tmp_path: Path) -> None:
    with board_with(tmp_path, LEVELS % "14,") as board:
        with pytest.raises(NameplateError, match="no 'pump'") as caught:
            board.set("pump", "on")
        assert "inlet" in caught.value.hint


EDGES = """
import machine, time
seen = []
pin = machine.Pin(%d, machine.Pin.IN, machine.Pin.PULL_UP)
pin.irq(lambda pin: seen.append((pin.value(), time.ticks_ms())), machine.Pin.IRQ_FALLING | machine.Pin.IRQ_RISING)
while True:
    time.sleep_ms(100)
    print(seen)
"""


@pytest.mark.parametrize(
    ("number", "key", "on", "off"), [(27, "base", "wet", "dry"), (18, "inlet", "open", "closed")]
)
def test_the_edges_of_a_contact_interrupt(tmp_path: Path, number: int, key: str, on: str, off: str) -> None:
    with board_with(tmp_path, EDGES % number) as board:
        board.at(1000, key, on)
        board.at(1030, key, off)
        first, second = json.loads(last(board, 1500).replace("(", "[").replace(")", "]"))
        assert (first[0], second[0]) == (0, 1)
        assert 1000 <= first[1] <= 1002
        assert 1030 <= second[1] <= 1032


def test_a_contact_that_the_appliance_moves_interrupts_too(tmp_path: Path) -> None:
    with board_with(tmp_path, EDGES % 18) as board:
        board.at(1000, "programme", "start")
        edges = json.loads(last(board, 600_000).replace("(", "[").replace(")", "]"))
        assert [level for level, _ in edges[:4]] == [0, 1, 0, 1]
        assert 1000 <= edges[0][1] <= 1800
        assert edges[1][1] - edges[0][1] == pytest.approx(80_000, abs=1000)  # four litres


def test_a_programme_moves_its_contacts_and_its_water(tmp_path: Path) -> None:
    with board_with(tmp_path, LEVELS % "13, 18, 19, 36", heater="50") as board:
        assert last(board) == "1 1 1 1"
        board.set("programme", "start")
        board.run(2000)
        assert board.get("step") == "rinse: fill"
        assert last(board) == "1 0 1 1"
        board.run(100_000)
        assert last(board) == "1 1 1 0"  # the level switch has closed
        assert float(board.get("litres")) == pytest.approx(4, abs=0.1)
        assert board.wait(lambda board: board.get("step") == "wash: heat", 600_000)
        assert last(board) == "0 1 1 0"
        before = float(board.get("water_true_c"))
        board.run(60_000)
        warmer = float(board.get("water_true_c")) - before
        assert warmer == pytest.approx(900 * 60 / (14e3 + 4 * 4186), rel=0.1)
        assert board.get("sump_true_c") == board.get("water_true_c")
        board.set("heater", "off")  # what the agent is told of it; it heats on
        assert last(board) == "1 1 1 0"
        board.set("programme", "stop")
        assert last(board, 60_000) == "1 1 1 1"
        assert board.get("step") == "idle"


PROBE = """
import machine, time
adc = machine.ADC(machine.Pin(34), atten=machine.ADC.ATTN_11DB)
a, b = machine.Pin(32, machine.Pin.OUT, value=0), machine.Pin(33, machine.Pin.OUT, value=0)
def look(one, ms):
    one.on()
    time.sleep_ms(ms)
    found = sum(adc.read_uv() for _ in range(16)) // 16
    one.off()
    return found
while True:
    print(look(a, %d), look(b, %d), adc.read_uv())
    time.sleep_ms(50)
"""
SUPPLY, SERIES = 3.3e6, 22_000


@pytest.mark.parametrize(
    ("state", "ohm"),
    [
        ("dry", 220_000),
        ("wet", 220 * 12 / 232 * 1000),
        ("damp", (60_000 * 100_000) ** 0.5),
        ("short", 0),
    ],
)
def test_a_conductive_probe_by_both_polarities(tmp_path: Path, state: str, ohm: float) -> None:
    with board_with(tmp_path, PROBE % (5, 5), floor=state) as board:
        forward, back, rest = map(int, last(board).split())
        assert forward == pytest.approx(max(142_000, SUPPLY * ohm / (SERIES + ohm)), abs=5_000)
        assert back == pytest.approx(
            min(3_140_000, max(142_000, SUPPLY * SERIES / (SERIES + ohm))), abs=5_000
        )
        assert rest < 160_000


def test_a_cut_probe(tmp_path: Path) -> None:
    with board_with(tmp_path, PROBE % (5, 5), floor="open") as board:
        forward, back, _ = map(int, last(board).split())
        assert forward > 3_100_000
        assert back < 160_000


def charges(board: VirtualBoard) -> tuple[float, float]:
    return float(board.get("floor_charge_ab_uc")), float(board.get("floor_charge_ba_uc"))


def test_the_charge_through_a_probe_is_counted_by_direction(tmp_path: Path) -> None:
    with board_with(tmp_path, PROBE % (5, 5), floor="wet") as board:
        board.run(10_000)
        forward, back = charges(board)
        # 97 uA while driven, some six of sixty milliseconds each way
        assert forward == pytest.approx(3.3 / (22_000 + 220 * 12 / 232 * 1000) * 1e6 * 10 * 6 / 62, rel=0.1)
        assert back == pytest.approx(forward, rel=0.02)
        board.set("floor", "open")
        board.run(5000)
        assert charges(board) == pytest.approx((forward, back), rel=0.02)
    with board_with(tmp_path, PROBE % (15, 5), floor="wet") as board:
        board.run(10_000)
        forward, back = charges(board)
        assert forward > 2 * back  # an agent that drives one way longer is seen


def test_a_reset_lets_the_drives_float(tmp_path: Path) -> None:
    with board_with(tmp_path, (PROBE % (5, 5)).replace("one.off()", "time.sleep(10)"), floor="wet") as board:
        board.run(1000)
        before = charges(board)[0]
        assert before > 50
        board.kill()
        board.run(5000)
        assert charges(board)[0] == pytest.approx(before, rel=0.05)


MICROVOLTS = """
import machine, time
adc = machine.ADC(machine.Pin(%d), atten=machine.ADC.ATTN_11DB)
while True:
    print(sum(adc.read_uv() for _ in range(32)) // 32)
    time.sleep_ms(100)
"""


def test_condensation_lies_between_dry_and_wet(tmp_path: Path) -> None:
    with board_with(tmp_path, MICROVOLTS % 39) as board:
        found = []
        for state in ("dry", "damp", "wet"):
            board.set("tray", state)
            uv = int(last(board))
            found.append(47_000 * uv / (SUPPLY - uv))
        dry, damp, wet = found
        assert dry > 25_000 > damp > 15_000 > wet


def test_a_thermistor_drifts_and_sticks(tmp_path: Path) -> None:
    with board_with(tmp_path, MICROVOLTS % 35, water_c=40) as board:
        first = int(last(board))
        board.set("water_drift_c", 5)
        drifted = int(last(board))
        assert drifted < first - 50_000
        board.set("water_c", 35)
        assert int(last(board)) == pytest.approx(first, abs=3_000)
        board.set("water_stuck", "on")
        board.set("water_c", 80)
        assert int(last(board)) == pytest.approx(first, abs=3_000)
        assert float(board.get("water_true_c")) == 40.0  # what it would say with sound wires
        board.set("water_stuck", "off")
        assert int(last(board)) < first - 400_000


def test_a_profile_that_is_damaged_or_gone_at_the_next_start_leaves_the_wires(tmp_path: Path) -> None:
    good = FILES["/a/models/profile.json"]
    files = {**FILES, "/b/models/profile.json": good}
    main = LEVELS % "27,"
    with running(tmp_path, main, files=files, world={"profile": "damaged", "base": "wet"}) as board:
        assert last(board) == "0"
        assert board.get("profile") == "ok"  # it has happened
        found = read_files(tmp_path / "unit.bin")
        for path in files:
            assert len(found[path]) == len(good)
            assert found[path] != good.encode()
        board.set("profile", "erased")
        assert files.keys() <= read_files(tmp_path / "unit.bin").keys()
        board.kill()
        board.set("power", "on")
        assert last(board) == "0"
        assert not files.keys() & read_files(tmp_path / "unit.bin").keys()


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '"x"', '{"pins": {"esp32": {"pan": []}}, "sensors": [null]}', "\xff"]
)
def test_a_profile_that_was_damaged_before_leaves_a_board_without_sensors(tmp_path: Path, text: str) -> None:
    with running(tmp_path, LEVELS % "27,", files={"/a/models/profile.json": text.encode("latin-1")}) as board:
        assert last(board) == "1"
        assert board.get("room_c") == "22"
        with pytest.raises(NameplateError, match="no 'leak'"):
            board.set("leak", "wet")
