"""The sensors' parts of a profile, read again one at a time: whole, cut, damaged, and in the memory of a small chip."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firmware.sensors import specs

SENSORS = [
    {"name": "pan", "kind": "leak", "title": "base pan", "end_ohm": 47000},
    {"name": "door", "kind": "switch", "title": "door", "words": ["closed } \"ajar\"", "open ]}"]},
    {"name": "sump", "kind": "ds18b20", "agrees": {"sensor": "water", "within_milli": 4000, "for_s": 60}},
    {"name": "water", "kind": "ntc", "table": "QUJD" * 200, "title": "Wasser für Spülen"},
]  # fmt: skip


def written(path, sensors=SENSORS, **more):
    profile = {"model": "KF-320", "pins": {"esp32": {"pan": 34}}, "sensors": sensors, "faults": [], **more}
    path.write_bytes(json.dumps(profile, ensure_ascii=False, separators=(",", ":")).encode())
    return str(path)


def test_each_sensor_is_what_the_profile_says(tmp_path):
    path = written(tmp_path / "profile.json")
    assert list(specs.each(path)) == SENSORS
    assert specs.of("sump", path) == SENSORS[2]
    assert specs.of("oven", path) is None


@pytest.mark.parametrize("padding", range(0, 520, 13))
def test_wherever_a_piece_ends(tmp_path, padding):
    path = written(tmp_path / "profile.json", note="x" * padding)
    profile = json.loads((tmp_path / "profile.json").read_bytes())
    moved = {"note": profile.pop("note"), **profile}
    (tmp_path / "profile.json").write_text(json.dumps(moved, ensure_ascii=False, separators=(",", ":")))
    assert list(specs.each(path)) == SENSORS


def test_no_file_and_no_sensors(tmp_path):
    assert list(specs.each(str(tmp_path / "none.json"))) == []
    assert list(specs.each(written(tmp_path / "profile.json", []))) == []


@settings(max_examples=80, deadline=None)
@given(st.integers(0, 5000), st.binary(max_size=3))
def test_damage_gives_fewer_and_never_raises(tmp_path_factory, at, put):
    path = tmp_path_factory.mktemp("profile") / "profile.json"
    written(path)
    data = path.read_bytes()
    at %= len(data)
    path.write_bytes(data[:at] + put + data[at + len(put) :] if put else data[:at])
    found = list(specs.each(str(path)))
    assert len(found) <= len(SENSORS)
    assert all(isinstance(spec, dict) for spec in found)


def test_the_device_interpreter_reads_the_same(tmp_path, micropython):
    path = written(tmp_path / "profile.json")
    printed = micropython(
        f"""
import json
from firmware.sensors import specs
for spec in specs.each({path!r}):
    print(json.dumps(spec))
print(len(list(specs.each({str(tmp_path / "script.py")!r}))))
""",
        heap="64k",
    )
    *found, none = printed.splitlines()
    assert [json.loads(line) for line in found] == SENSORS
    assert none == "0"
