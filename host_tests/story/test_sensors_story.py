"""Every kind of sensor, from the wire to the console: what is measured is told, what is not known is told as that.

The boards are as they leave the image: nobody has provisioned them, and sensors, alarm and console need nobody to.
"""

import shutil
from functools import cache
from types import SimpleNamespace

import pytest

from host_tests.story.conftest import Fridge
from host_tests.story.flash_files import change_files
from nameplate.factory import device_model, profile, sources

ALARM_MS = 150


@pytest.fixture
def switch_on(image, tmp_path):
    """`switch_on(model, **world)`: a board of that model, just plugged in. The code is the same for all models."""
    boards = []

    def start(model, **world):
        path = tmp_path / f"{model}-{len(boards)}.bin"
        shutil.copy(image, path)
        if model != "kf320":
            change_files(path, model_files(model))
        boards.append(Fridge(SimpleNamespace(path=path), world=world))
        return boards[-1]

    yield start
    for board in boards:
        board.close()


@cache
def model_files(model):
    files = device_model.files(profile.load(sources.device_root(), model))
    return {f"/{slot}/{path}": content for slot in "ab" for path, content in files}


def readings(board):
    """By name: (quality, value); the value is None where nothing is told."""
    result = board.ask("sensors")["result"]
    values = {record["n"]: record.get("v", record.get("vb")) for record in result["senml"]}
    for record in result["senml"]:
        assert ("vs" in record) == ("v" not in record and "vb" not in record)
    found = {}
    for sensor in result["sensors"]:
        quality, value = sensor["quality"], values[sensor["name"]]
        assert (value is None) == (quality != "ok"), sensor
        found[sensor["name"]] = (quality, value)
    return found


def alarms(board, moment):
    """Simulated ms from that moment to the alarm."""
    return [
        event.at_ms - moment
        for event in board.events("alarm")
        if event.detail == "on" and event.at_ms >= moment
    ]


def change(board, key, value):
    """Make a change; when it was made."""
    board.board.set(key, value)
    return board.events("world")[-1].at_ms


# Temperatures


def test_no_fault_of_a_ds18b20_is_ever_a_temperature(switch_on):
    board = switch_on("wm90", sump_c=31.4, water_c=31.4)
    board.until(lambda: readings(board)["sump"][0] == "ok", 20)
    for fault in ("missing", "crc", "power_on", "minus127", "two", "parasite", "shorted"):
        board.board.set("sump", fault)
        seen = []
        board.until(lambda: seen.append(readings(board)["sump"]) or seen[-1][0] != "ok", 60)  # noqa: B023
        board.run(2000)
        seen.append(readings(board)["sump"])
        assert seen[-1][1] is None, fault
        assert {value for _, value in seen if value is not None} <= {31.375}, fault
        assert readings(board)["water"][0] == "ok"  # it silences nobody else
        board.board.set("sump", "ok")
        board.until(lambda: readings(board)["sump"] == ("ok", 31.375), 60)


def test_a_noisy_wire_is_asked_again(switch_on):
    board = switch_on("wm90", sump_c=31.4, water_c=31.4, sump="noisy")
    board.until(lambda: readings(board)["sump"][0] == "ok", 60)
    for _ in range(5):
        board.run(3000)
        assert readings(board)["sump"][1] in (31.375, None)
    assert readings(board)["sump"] == ("ok", 31.375)


def test_a_thermistor_says_what_its_makers_table_says(switch_on):
    there = {"fridge": 4.5, "freezer": -25.0, "evap": 24.0}
    board = switch_on("kf320", **{f"{name}_c": celsius for name, celsius in there.items()})
    board.run(5000)
    found = readings(board)
    for name, celsius in there.items():
        assert found[name] == ("ok", pytest.approx(celsius, abs=0.5))


def test_a_thermistors_wire_is_told_as_cut_or_shorted(switch_on):
    board = switch_on("kf320", fridge="open", freezer="short")
    board.run(5000)
    found = readings(board)
    assert found["fridge"] == ("open", None)
    assert found["freezer"] == ("short", None)
    assert found["evap"][0] == "ok"
    board.board.set("fridge", "ok")
    board.until(lambda: readings(board)["fridge"][0] == "ok", 60)


def test_a_fridge_cannot_warm_by_twenty_degrees_at_once(switch_on):
    board = switch_on("kf320")
    board.until(lambda: readings(board)["fridge"][0] == "ok", 20)
    board.board.set("fridge_c", 25)
    board.run(3500)
    assert readings(board)["fridge"] == ("implausible", None)


# Water


def test_a_float_sounds_the_alarm_in_time_whenever_it_rises(switch_on):
    board = switch_on("gs45")
    board.run(5000)
    for number in range(3):
        moment = change(board, "base", "wet")
        board.wait(lambda: board.board.alarm, 1)
        assert alarms(board, moment)[0] <= ALARM_MS
        assert readings(board)["base"] == ("ok", True)
        board.board.set("base", "dry")
        board.wait(lambda: not board.board.alarm, 60)
        board.run(137 * number)


def test_a_conductive_probe_finds_water_and_is_not_eaten_away(switch_on):
    board = switch_on("gs45")
    board.run(5000)
    assert readings(board)["floor"] == ("ok", False)
    moment = change(board, "floor", "wet")
    board.wait(lambda: board.board.alarm, 2)
    assert alarms(board, moment)[0] <= 500
    board.run(20_000)
    assert readings(board)["floor"] == ("ok", True)
    forward, back = (float(board.board.get(f"floor_charge_{way}_uc")) for way in ("ab", "ba"))
    assert forward > 3
    assert abs(forward - back) < 0.02 * forward


@pytest.mark.parametrize(("model", "sensor"), [("gs45", "floor"), ("wm90", "base"), ("kf320", "pan")])
def test_condensation_and_a_broken_probe_alarm_nobody_and_are_not_called_dry(switch_on, model, sensor):
    board = switch_on(model)
    board.run(3000)
    board.board.set(sensor, "damp")
    board.run(10_000)
    assert readings(board)[sensor] == ("ok", False)  # it was dry, and is not wet yet
    for broken in ("open", "short"):
        board.board.set(sensor, broken)
        board.run(3000)
        assert readings(board)[sensor] == (broken, None)
    assert board.events("alarm") == []


# Contacts


def test_the_contacts_of_a_programme_and_what_comes_of_it(switch_on):
    board = switch_on("gs45", door="open", inlet_flow=200)
    board.run(3000)
    assert readings(board)["door"] == ("ok", True)
    board.board.set("door", "closed")
    board.board.set("programme", "start")
    board.run(5000)
    found = readings(board)
    assert [found[name][1] for name in ("door", "inlet", "drain", "level")] == [False, True, False, False]
    board.wait(lambda: board.board.get("step") == "rinse: wash", 200)
    board.run(3000)
    found = readings(board)
    assert [found[name][1] for name in ("inlet", "drain", "level")] == [False, False, True]
    assert found["water"][1] == pytest.approx(float(board.board.get("water_true_c")), abs=0.6)
    assert board.events("alarm") == []
