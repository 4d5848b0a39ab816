"""What is known of the faults over a restart: whole or not at all, never another profile's, and never in the way."""

import asyncio
import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firmware.diagnosis import begin, examination, judge, store
from firmware.diagnosis.examiner import Examiner
from firmware.diagnosis.faults import CLEAR, CONFIRMED, FOR, OLD, RECOVERING, SINCE, WINDOW
from host_tests.firmware import fakes
from host_tests.firmware.fakes import Appliance
from host_tests.firmware.judging import ABOVE, HEALTH, Bench
from host_tests.firmware.test_judge import DOOR, WET
from nameplate.factory.rules import compile_rules

DIGEST = b"12345678"


def stored(bench, name, digest=DIGEST, up_s=None):
    store.save(str(name), bench.faults, digest, bench.up_s if up_s is None else up_s)


def loaded(bench, name, digest=DIGEST, up_s=0):
    """(what is wrong or None, fresh faults with what was stored)."""
    faults = begin.faults(bench.blob)
    return store.load(str(name), faults, digest, up_s), faults


@pytest.fixture
def bench():
    bench = Bench(ABOVE, DOOR, HEALTH, up_s=3600)
    bench.run(7200, air=12000, door=0)
    assert bench.state("T01") == CONFIRMED
    return bench


def test_what_is_read_is_what_was_written_with_its_ages(bench, tmp_path):
    stored(bench, tmp_path / "faults")
    problem, faults = loaded(bench, tmp_path / "faults", up_s=5)
    assert problem is None
    for start in faults.starts:
        assert bench.up_s - bench.faults.cells[start + SINCE] == 5 - faults.cells[start + SINCE]
        faults.cells[start + SINCE] = bench.faults.cells[start + SINCE]
    assert faults.cells == bench.faults.cells
    assert os.listdir(tmp_path) == ["faults"]


def test_nothing_was_stored_yet(bench, tmp_path):
    assert loaded(bench, tmp_path / "faults")[0] is None


def test_another_profiles_state_is_dropped_and_told(bench, tmp_path):
    stored(bench, tmp_path / "faults")
    problem, faults = loaded(bench, tmp_path / "faults", b"other...")
    assert "other rules" in problem
    assert not any(faults.cells)
    other = Bench(ABOVE)
    assert "other rules" in loaded(other, tmp_path / "faults")[0]


@settings(deadline=None, max_examples=60)
@given(st.data())
def test_a_damaged_file_is_told_and_never_believed(tmp_path_factory, data):
    bench = Bench(ABOVE, DOOR, up_s=3600)
    bench.run(3600, air=12000, door=1000)
    name = tmp_path_factory.mktemp("store") / "faults"
    stored(bench, name)
    whole = name.read_bytes()
    if data.draw(st.booleans()):
        at = data.draw(st.integers(0, len(whole) - 1))
        damaged = whole[:at] + bytes([whole[at] ^ data.draw(st.integers(1, 255))]) + whole[at + 1 :]
    else:
        damaged = data.draw(
            st.binary(max_size=100) | st.integers(0, len(whole) - 1).map(lambda end: whole[:end])
        )
    name.write_bytes(damaged)
    problem, faults = loaded(bench, name)
    assert "lost" in problem or "dropped" in problem
    assert not any(faults.cells)


def test_a_whole_file_that_no_rule_could_have_written_is_damaged(bench, tmp_path):
    bench.faults.cells[bench.faults.starts[1] + WINDOW] = -1
    stored(bench, tmp_path / "faults")
    assert "damaged" in loaded(bench, tmp_path / "faults")[0]


def test_ages_of_a_century_do_not_overflow(bench, tmp_path):
    bench.faults.cells[bench.faults.starts[0] + SINCE] = -(2**31) + 1
    stored(bench, tmp_path / "faults", up_s=2**31 - 1)
    problem, faults = loaded(bench, tmp_path / "faults", up_s=2**31 - 1)
    assert problem is None
    assert faults.since(0) <= 0


# A leak over a power cut

LEAKS = compile_rules({"sensors": [{"name": "pan"}, {"name": "fridge"}], "faults": [WET]}, {"L01": 2})


def after_power_cut(tmp_path, monkeypatch):
    """An appliance whose pan was wet when the power went, just started again."""
    (tmp_path / "rules.bin").write_bytes(LEAKS)
    monkeypatch.setattr(store, "PATH", str(tmp_path / "faults"))
    before = Appliance()
    before.watch.faults.rules = str(tmp_path / "rules.bin")
    before.pan.uv = fakes.WET_UV
    before.run(100)
    store.keep(before.watch.faults, before.ticks.uptime_s(), str(tmp_path / "faults"))
    appliance = Appliance()
    appliance.watch.faults.rules = str(tmp_path / "rules.bin")
    appliance.pan.uv = fakes.OPEN_UV
    assert begin.wake(appliance.watch.faults, 5, str(tmp_path / "faults")) is None
    return appliance


def test_a_leak_from_before_is_known_and_silent_until_the_probe_speaks(tmp_path, monkeypatch):
    appliance = after_power_cut(tmp_path, monkeypatch)
    faults = appliance.watch.faults
    appliance.run(2000)
    assert (faults.state(0), faults.flags(0), faults.active()) == (RECOVERING, OLD, [0])
    assert not appliance.alarm.on
    assert appliance.watch.take() is None


def test_still_wet_sounds_at_once_and_is_told_again(tmp_path, monkeypatch):
    appliance = after_power_cut(tmp_path, monkeypatch)
    faults = appliance.watch.faults
    appliance.pan.uv = fakes.WET_UV
    appliance.run(2)
    assert not appliance.alarm.on
    assert appliance.watch.suspected
    appliance.run(1)
    assert appliance.alarm.on
    assert (faults.state(0), faults.flags(0)) == (CONFIRMED, 0)
    change = appliance.watch.take()
    assert (change.state, change.since < 5) == ("confirmed", True)
    assert faults.cells[3] == 1  # the same leak
    assert faults.cells[FOR] > 2000


def test_two_wet_samples_after_a_power_cut_are_none(tmp_path, monkeypatch):
    appliance = after_power_cut(tmp_path, monkeypatch)
    for _ in range(50):
        appliance.pan.uv = fakes.WET_UV
        appliance.run(2)
        appliance.pan.uv = fakes.OPEN_UV
        appliance.run(1)
    assert not appliance.alarm.on
    assert appliance.watch.faults.flags(0) == OLD


def test_dried_while_the_power_was_off_is_over_after_ten_seconds(tmp_path, monkeypatch):
    appliance = after_power_cut(tmp_path, monkeypatch)
    appliance.pan.uv = fakes.DRY_UV
    appliance.run(10000 // 20 - 1)
    assert appliance.watch.faults.active() == [0]
    appliance.run(2)
    assert appliance.watch.faults.state(0) == CLEAR
    assert appliance.watch.take().state == "cleared"
    assert not appliance.alarm.on


# The examiner


class Told(list):
    def __call__(self, text):
        self.append(text)


def an_examiner(tmp_path, monkeypatch, blob=LEAKS):
    (tmp_path / "rules.bin").write_bytes(blob)
    monkeypatch.setattr(store, "PATH", str(tmp_path / "faults"))
    monkeypatch.setattr(store.keep, "__defaults__", (str(tmp_path / "faults"),))
    appliance = Appliance()
    appliance.watch.faults.rules = str(tmp_path / "rules.bin")
    appliance.up = 0
    examiner = Examiner(appliance.watch, lambda: appliance.up, Told(), asyncio.Lock())
    return appliance, examiner


def go(appliance, examiner, seconds):
    """So many seconds of the examiner's own task."""

    async def run():
        async def sleep_ms(milliseconds):
            appliance.up += (milliseconds + 999) // 1000
            appliance.run(milliseconds // 20 or 1)
            if appliance.up >= end:
                raise asyncio.CancelledError
            await real(0)

        real = asyncio.sleep
        end = appliance.up + seconds
        asyncio.sleep_ms = sleep_ms
        try:
            await examiner.run(lambda: None)
        except asyncio.CancelledError:
            pass
        finally:
            del asyncio.sleep_ms

    asyncio.run(run())


def test_a_leak_is_on_flash_a_second_after_it_was_confirmed_and_all_else_once_an_hour(tmp_path, monkeypatch):
    appliance, examiner = an_examiner(tmp_path, monkeypatch)
    writes = []
    real = store.save
    monkeypatch.setattr(store, "save", lambda *given: writes.append(appliance.up) or real(*given))
    go(appliance, examiner, 300)
    assert writes == []
    appliance.pan.uv = fakes.WET_UV
    begun = appliance.up
    go(appliance, examiner, 4)
    assert len(writes) == 1
    assert writes[0] <= begun + 2
    go(appliance, examiner, 8000)
    assert len(writes) == 3
    assert examiner.note == []
    assert examiner.failures == 0


def test_without_a_file_system_it_is_told_once_and_tried_again(tmp_path, monkeypatch):
    appliance, examiner = an_examiner(tmp_path, monkeypatch)
    tries = []

    def full(*given):
        tries.append(appliance.up)
        raise OSError(28)

    monkeypatch.setattr(store, "save", full)
    appliance.pan.uv = fakes.WET_UV
    go(appliance, examiner, 4000)
    assert 10 < len(tries) < 20
    assert len(examiner.note) == 1
    assert examiner.failures == len(tries)
    assert appliance.alarm.on


def test_rules_that_can_no_longer_be_read_are_told_and_leaks_are_watched_on(tmp_path, monkeypatch):
    appliance, examiner = an_examiner(tmp_path, monkeypatch)
    (tmp_path / "rules.bin").write_bytes(LEAKS[:-1])
    go(appliance, examiner, 7200)
    assert 0 < len(examiner.note) < 10
    assert "only leaks" in examiner.note[0]
    appliance.pan.uv = fakes.WET_UV
    go(appliance, examiner, 60)
    assert appliance.alarm.on


def test_whatever_judging_raises_is_told_counted_and_tried_again(tmp_path, monkeypatch):
    appliance, examiner = an_examiner(tmp_path, monkeypatch)

    async def broken(*given):
        raise RuntimeError("simulated")

    monkeypatch.setattr(examination, "_judge", broken)
    go(appliance, examiner, 7200)
    assert examiner.failures > 50
    assert len(examiner.note) < 10
    assert Path(tmp_path / "faults").exists()  # keeping goes on


def test_a_hole_in_the_examiners_time_is_none_of_the_judges(tmp_path, monkeypatch):
    blob = compile_rules({"sensors": [{"name": "pan"}, {"name": "fridge"}], "faults": [WET]}, {"L01": 2})
    appliance, examiner = an_examiner(tmp_path, monkeypatch, blob)
    seen = []
    monkeypatch.setattr(judge, "steps", lambda blob, faults, sensors, dt_s, up, note: seen.append(dt_s) or ())
    go(appliance, examiner, 130)
    appliance.up += 1000
    go(appliance, examiner, 70)
    assert seen[:2] == [60, 60]
    assert 0 in seen
    assert max(seen) <= 180


def test_nothing_is_judged_or_kept_where_there_are_no_rules(tmp_path, monkeypatch):
    appliance, examiner = an_examiner(tmp_path, monkeypatch)
    appliance.watch.faults.rules = None
    appliance.pan.uv = fakes.WET_UV
    go(appliance, examiner, 7200)
    assert examiner.note == []
    assert not (tmp_path / "faults").exists()


CUT_ANYWHERE = """
import os, vfs
from ram_flash import BLOCK, RamFlash, erase, program
from firmware.diagnosis import begin, store
blob = open(sys.argv[1], "rb").read()
flash = RamFlash(16)
flash.mount("/flash", True)
base = bytearray(flash.data)
flash.log = []
faults = begin.faults(blob)
promised = []  # operations until then, what was stored
for number in range(1, 13):
    for cell in range(len(faults.cells)):
        faults.cells[cell] = number
    store.save("/flash/faults", faults, blob[-8:], 100)
    promised.append((len(flash.log), number))
log = flash.log
vfs.umount("/flash")
boots = 0
for done in range(len(log) + 1):
    for how in ("whole", "half"):
        data = bytearray(base)
        if how == "half":
            if done == len(log):
                break
            at, new = log[done]
            if new is None:
                erase(data, at, BLOCK // 2)
            else:
                program(data, at, new[: len(new) // 2])
        RamFlash(16, data).mount("/cut")
        known = begin.faults(blob)
        assert store.load("/cut/faults", known, blob[-8:], 100) is None
        last = max([number for at, number in promised if at <= done] or [0])
        assert known.cells[0] in (last, last + 1), (done, how, last, known.cells[0])
        assert all([cell == known.cells[0] for cell in known.cells])
        store.save("/cut/faults", known, blob[-8:], 100)  # what a cut left behind is in nobody's way
        vfs.umount("/cut")
        boots += 1
    if done < len(log):
        at, new = log[done]
        if new is None:
            erase(base, at, BLOCK)
        else:
            program(base, at, new)
print(boots, flash.erases / 12, flash.programmed // 12)
"""


def test_a_cut_at_any_flash_operation_leaves_the_old_or_the_new(micropython, tmp_path):
    (tmp_path / "rules.bin").write_bytes(Bench(ABOVE, DOOR, HEALTH, WET).blob)
    device = Path(__file__).parents[2] / "tools" / "nameplate" / "bench" / "device"
    printed = micropython(
        f"sys.path.insert(0, {str(device)!r})\n" + CUT_ANYWHERE, str(tmp_path / "rules.bin"), heap="8m"
    )
    boots, erases, programmed = printed.split()
    assert int(boots) > 100
    # What docs/diagnosis.md says that a year costs.
    assert float(erases) < 2
    assert int(programmed) < 2048
