"""Every kind of sensor as the firmware reads it on the virtual board: its own interpreter, drivers, pins and profiles."""

import json
from pathlib import Path

import pytest

from host_tests.tools.sim_board import printed, running
from nameplate.factory import device_model, profile

ROOT = Path(__file__).resolve().parents[2]
MAIN = """
import sys, time
sys.path.insert(0, "/a")
import json
from firmware.pins import Pins
from firmware.sensors.station import Station
with open("/a/models/profile.json") as file:
    station = Station(json.load(file), Pins())
print("problems", station.problems)
longest = 0
shown = time.ticks_ms()
while True:
    began = time.ticks_us()
    for sensor in station.sensors:
        at = time.ticks_us()
        sensor.sample(time.ticks_ms())
        longest = max(longest, time.ticks_diff(time.ticks_us(), at))
    time.sleep_ms(20)
    if time.ticks_diff(time.ticks_ms(), shown) > 1000:
        shown = time.ticks_ms()
        found = {}
        for reading in station.readings():
            value = reading.state if reading.milli is None else reading.milli
            found[reading.name] = [reading.quality, value]
        print(json.dumps([found, longest]))
"""


def board(tmp_path, folder, chip="esp32", **world):
    checked = profile.load(ROOT, folder)
    sources = ["firmware/__init__.py", "firmware/pins.py", "lib/__init__.py", "lib/rare.py"]
    sources += [path.relative_to(ROOT).as_posix() for path in (ROOT / "firmware/sensors").glob("*.py")]
    files = {f"/a/{path}": (ROOT / path).read_text() for path in sources}
    files["/a/models/profile.json"] = json.dumps(device_model.profile(checked))
    return running(tmp_path, MAIN, files=files, world=world, chip=chip)


def after(running_board, milliseconds):
    running_board.run(milliseconds)
    last = [line for line in printed(running_board) if line.startswith("[")][-1]
    return json.loads(last)


def test_a_washing_machine_and_all_that_its_thermometer_can_suffer(tmp_path):
    with board(tmp_path, "wm90", sump_c="31", water_c="31", heater="on") as unit:
        found, longest = after(unit, 6000)
        assert "problems []" in printed(unit)
        assert found["sump"] == ["ok", 31000]
        assert found["water"][0] == "ok" and abs(found["water"][1] - 31000) < 1500
        assert (found["base"], found["heater"]) == (["ok", False], ["ok", True])
        assert 5000 < longest < 20000  # microseconds, as the virtual chip counts them
        for fault, qualities in (
            ("missing", ("open",)), ("shorted", ("short",)), ("two", ("unknown",)), ("parasite", ("unknown",)),
            ("crc", ("stale",)), ("power_on", ("stale",)), ("minus127", ("stale",)), ("noisy", ("ok", "stale", "unknown")),
            ("ok", ("ok",)),
        ):  # fmt: skip
            unit.set("sump", fault)
            found, longest = after(unit, 25000 if "stale" in qualities else 7000)
            assert found["sump"][0] in qualities, fault
            assert found["sump"][1] == (31000 if found["sump"][0] == "ok" else None), fault
        assert longest < 20000


@pytest.mark.parametrize(
    ("word", "expected"),
    [("dry", ["ok", False]), ("wet", ["ok", True]), ("open", ["open", None]), ("short", ["short", None])],
)
def test_a_dishwasher(tmp_path, word, expected):
    with board(tmp_path, "gs45", floor=word, base="wet" if word == "wet" else "dry") as unit:
        found, _ = after(unit, 4000)
        assert found["floor"] == expected
        assert found["base"] == ["ok", word == "wet"]
        assert found["water"][0] == "ok"


@pytest.mark.parametrize("chip", ["esp32", "esp32c3"])
def test_a_fridge_with_a_wire_off(tmp_path, chip):
    with board(tmp_path, "kf320", chip, freezer="open") as unit:
        found, _ = after(unit, 4000)
        assert (found["freezer"], found["fridge"][0], found["pan"]) == (["open", None], "ok", ["ok", False])
        assert ("door" in found) == (chip == "esp32")  # the other has no pin left for it
