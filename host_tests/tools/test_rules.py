"""The rules of a profile as they are compiled: they read back as they were, and the device refuses what was damaged."""

import hashlib
import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firmware.diagnosis import begin, cycles, judge, trend
from firmware.diagnosis import rules as device
from firmware.diagnosis.faults import HEAD as DEVICE_HEAD
from host_tests.firmware.judging import ABOVE, HEALTH, SENSORS, Sensor, content
from nameplate.factory import rules
from nameplate.factory.refused import Refused

ROOT = Path(__file__).resolve().parents[2]
MODELS = sorted(path.parent.name for path in (ROOT / "models").glob("*/profile.json"))


def profile(model):
    return json.loads((ROOT / "models" / model / "profile.json").read_bytes())


@pytest.mark.parametrize("model", MODELS)
def test_each_models_rules_read_on_the_device_as_the_profile_has_them(model, tmp_path):
    source = profile(model)
    severities = {fault["code"]: place % 3 for place, fault in enumerate(source["faults"])}
    blob = rules.compile_rules(source, severities)
    (tmp_path / "rules.bin").write_bytes(blob)
    assert device.read(str(tmp_path / "rules.bin")) == blob
    names = device.sensors(blob)
    assert names == [sensor["name"] for sensor in source["sensors"]]
    rows = list(device.each(blob))
    assert [row[0] for row in rows] == [fault["code"] for fault in source["faults"]]
    for row, fault in zip(rows, source["faults"], strict=True):
        code, severity, kind, sensor, other, _, _, numbers = row
        assert (severity, device.NAMES[kind]) == (severities[code], fault["rule"])
        assert (None if sensor == device.NONE else names[sensor]) == fault.get("sensor")
        if "of" in fault:
            assert rows[other][0] == fault["of"]
        for member, number in zip(rules.NUMBERS[fault["rule"]], numbers, strict=True):
            if member != "measure":
                assert number == fault.get(member, 0)


def test_host_and_device_mean_the_same_cells_kinds_and_flags():
    assert rules.KINDS == device.NAMES
    assert rules.HEAD == DEVICE_HEAD
    least = dict(zip(device.NAMES, device._CELLS, strict=True))
    assert rules.CELLS == {
        **least,
        "never_rests": least["never_rests"] + cycles.CELLS,
        "trend": least["trend"] + trend.CELLS,
    }
    assert (rules.FALLING, rules.WHILE, rules.WHILE_NOT, rules.LEVEL, rules.NONE) == (
        device.FALLING, device.WHILE, device.WHILE_NOT, device.LEVEL, device.NONE,
    )  # fmt: skip


def test_what_the_device_has_no_code_or_room_for_is_refused():
    with pytest.raises(Refused, match="no rule dances"):
        rules.compile_rules(content({**ABOVE, "rule": "dances"}), {"T01": 1})
    with pytest.raises(Refused, match="no measure luck"):
        trend_of_luck = {"code": "C03", "rule": "trend", "measure": "luck", "sensor": "air"}
        rules.compile_rules(content(trend_of_luck), {"C03": 0})
    with pytest.raises(Refused, match="does not fit"):
        rules.compile_rules(content({**ABOVE, "limit_milli": 2**31}), {"T01": 1})
    with pytest.raises(Refused, match="T01 has no severity"):
        rules.compile_rules(content(ABOVE), {})
    many = [{**ABOVE, "code": f"{letter}{place:02}"} for letter in "ST" for place in range(60)]
    with pytest.raises(Refused, match="the device has"):
        rules.compile_rules(content(*many), {fault["code"]: 1 for fault in many})


BLOB = rules.compile_rules(content(ABOVE, HEALTH), {"T01": 1, "S01": 1})


@given(st.integers(0, len(BLOB) - 1), st.integers(1, 255))
@settings(deadline=None, max_examples=100)
def test_one_changed_byte_anywhere_is_seen(at, change):
    damaged = bytearray(BLOB)
    damaged[at] ^= change
    assert not device.whole(bytes(damaged))
    with pytest.raises(ValueError, match="damaged"):
        rules.read_rules(bytes(damaged))


@given(st.binary(max_size=200) | st.integers(0, len(BLOB) - 1).map(lambda end: BLOB[:end]))
@settings(deadline=None, max_examples=100)
def test_whatever_lies_there_instead_is_none(blob):
    assert not device.whole(blob)


@given(st.integers(8, len(BLOB) - 9), st.integers(0, 255))
@settings(deadline=None, max_examples=200)
def test_a_file_with_a_right_digest_and_wrong_numbers_raises_nothing_that_is_not_caught(at, value):
    body = bytearray(BLOB[:-8])
    body[at] = value
    blob = bytes(body) + hashlib.sha256(body).digest()[:8]
    if not device.whole(blob):
        return
    faults = begin.faults(blob)
    sensors = [Sensor(name) for name in SENSORS]
    sensors[0].see(5000)
    judge.step(blob, faults, sensors, 60, 4000, lambda text: None)


def test_a_file_that_is_too_long_missing_or_another_profiles(tmp_path):
    name = str(tmp_path / "rules.bin")
    source = {"faults": [["T01", 1, "above", "air"], ["L01", 2, "wet", "pan"]]}
    for data, told in (
        (None, "damaged or missing"), (b"", "damaged or missing"), (BLOB + b"\0" * 5000, "damaged or missing"),
        (BLOB[:-1], "damaged or missing"), (BLOB, "another profile"),
    ):  # fmt: skip
        if data is not None:
            Path(name).write_bytes(data)
        faults, problem = begin.table(source, name)
        assert told in problem
        assert "only leaks are watched" in problem
        assert (faults.rules, faults.codes, faults.severity(1)) == (None, ["T01", "L01"], 2)
    faults, problem = begin.table({"faults": [["T01", 1, "above", "air"], ["S01", 1, "health", "air"]]}, name)
    assert (problem, faults.rules) == (None, name)
