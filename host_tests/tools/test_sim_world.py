"""What the world of each appliance has, and which pin leads to which part of it."""

import json

import pytest

from host_tests.tools.sim_board import MODELS, profile_of, world_of_model
from nameplate.errors import NameplateError
from nameplate.sim.wiring import Wiring, from_profile


def test_wiring_follows_the_chip() -> None:
    profile = profile_of("kf320")
    for chip in ("esp32", "esp32c3"):
        wiring = from_profile(profile, chip)
        assert wiring.pin_of("pan") == profile["pins"][chip]["pan"]
    unknown = from_profile(profile, "esp99")
    assert unknown.signals == {}
    assert unknown.panel_address is None


def test_a_sensor_that_a_chip_has_no_pin_for_is_not_there() -> None:
    profile = profile_of("kf320")
    profile["pins"]["esp32"]["fridge"] = None
    wiring = from_profile(profile, "esp32")
    assert "fridge" not in wiring.sensors
    assert wiring.pin_of("fridge") is None


@pytest.mark.parametrize(
    "profile",
    [
        None,
        [],
        7,
        {"pins": 5},
        {"pins": {"esp32": []}, "sensors": {}},
        {"pins": {"esp32": {"pan": "x", "fridge": True}}, "sensors": [1, {}, {"name": "pan"}], "panel": [1]},
        {"pins": {"esp32": {"pan": 34}}, "sensors": [{"name": ["pan"]}, {"name": "pan"}], "alarm": "high"},
    ],
)
def test_a_profile_that_is_none_connects_what_can_be_made_sense_of(profile: object) -> None:
    wiring = from_profile(profile, "esp32")
    assert isinstance(wiring, Wiring)
    assert set(wiring.sensors) <= {"pan"}


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("leak", "soup", "one of dry, damp, wet, open, short"),
        ("pan", "soup", "one of dry, damp, wet, open, short"),
        ("fridge", "crc", "one of ok, open, short"),
        ("fridge_c", "warm", "or auto"),
        ("fridge_c", "200", "from -55 to 125"),
        ("fridge_stuck", "yes", "one of on, off"),
        ("power_cut_at", "0", "whole number from 1"),
        ("clock", "tomorrow", "a date"),
        ("rssi", "40", "-120 to 0"),
        ("profile", "bad", "one of ok, erased, damaged"),
        ("fog", "1", "no 'fog'"),
    ],
)
def test_an_impossible_world_is_refused_and_unchanged(key: str, value: str, message: str) -> None:
    world = world_of_model("kf320")
    before = dict(world.items())
    with pytest.raises(NameplateError, match=message):
        world.set(key, value)
    assert dict(world.items()) == before


def test_an_unknown_key_is_told_with_those_there_are() -> None:
    with pytest.raises(NameplateError) as caught:
        world_of_model("kf320").set("fog", "1")
    assert {"leak", "pan", "fridge", "fridge_c", "door", "room_c"} <= set(
        caught.value.hint.removeprefix("there are: ").split(", ")
    )


@pytest.mark.parametrize("model", MODELS)
def test_every_default_is_a_value_that_may_be_set(model: str) -> None:
    world = world_of_model(model)
    for key, meaning in world.keys.items():
        world.set(key, meaning.default)
        assert world[key] == meaning.default
        assert meaning.help.isascii()
    world.set("clock", "2026-11-24T09:00:00")
    assert world["clock"] == "1795510800"


def test_a_number_is_kept_as_text_and_a_sensors_own_name_is_the_leak() -> None:
    world = world_of_model("kf320")
    world.set("fridge_c", 4.5)
    assert world["fridge_c"] == "4.5"
    world.set("pan", "wet")
    assert world["leak"] == world.get("pan") == "wet"


@pytest.mark.parametrize("model", MODELS)
def test_every_sensor_has_its_key(model: str) -> None:
    world = world_of_model(model)
    for sensor in profile_of(model)["sensors"]:
        name, kind = sensor["name"], sensor["kind"]
        wrong = {
            "leak": "wet",
            "probe": "damp",
            "float": "wet",
            "ntc": "open",
            "ds18b20": "crc",
            "switch": "stuck",
        }
        world.set(name, wrong[kind])
        if kind in ("ntc", "ds18b20"):
            for suffix, value in (("_c", "-12.5"), ("_drift_c", "1.5"), ("_stuck", "on")):
                world.set(name + suffix, value)
        if kind == "switch":
            for word in sensor["words"]:
                world.set(name, word)
                assert world[name] == word
            world.set(name, "on")
            assert world[name] == sensor["words"][1]


def test_a_world_without_a_profile_has_the_fixed_keys() -> None:
    profile = json.loads('{"pins": {}, "sensors": []}')
    assert from_profile(profile, "esp32").sensors == {}
