"""The self-test, each part failing in turn: what a technician is told, that it ends in time, and that flash is spared."""

import builtins
import errno
import gc
import json
import os

import pytest

from firmware import selftest
from firmware.sensors.ds18b20 import Ds18b20
from firmware.sensors.float_switch import Float
from firmware.sensors.probe import Probe
from firmware.sensors.switch import Switch
from host_tests.firmware import fakes
from host_tests.firmware.fakes import Appliance

PARTS = ["loop pan", "sensor fridge", "converter", "memory", "flash", "clock", "radio", "panel"]


@pytest.fixture(autouse=True)
def device(tmp_path, monkeypatch):
    """The slot's profile, and what only the device interpreter can tell."""
    (tmp_path / "models").mkdir()
    (tmp_path / "models/profile.json").write_text(json.dumps(fakes.PROFILE, separators=(",", ":")))
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(gc, "mem_free", lambda: 50_000, raising=False)
    monkeypatch.setattr(gc, "mem_alloc", lambda: 70_000, raising=False)


@pytest.fixture
def appliance():
    made = Appliance()
    made.settings.wifi_ssid = "home"
    made.settings.consent = "full"
    return made


@pytest.fixture
def test(appliance, tmp_path):
    """Run it on simulated time: {part: (verdict, what was measured)}."""

    def run(**options):
        results = {}
        waited = 0
        for result in selftest.run(
            appliance.view, **{"folder": str(tmp_path), "ticks": appliance.ticks, **options}
        ):
            if isinstance(result, int):
                assert 0 <= result <= 1200
                waited += result
                fakes.drive(appliance.pause(result))
            else:
                part, verdict, text = result
                assert verdict in (selftest.OK, selftest.WARNING, selftest.FAILED, selftest.NOT_TESTABLE)
                assert text.isascii()
                assert part not in results
                results[part] = (verdict, text)
        assert waited < 15_000
        assert set(os.listdir(tmp_path)) == {"models"}
        return results

    return run


def test_a_healthy_unit(test, appliance):
    results = test()
    assert list(results) == PARTS
    assert {verdict for verdict, _ in results.values()} == {"ok"}
    assert results["loop pan"][1] == "47.0 kohm, its end resistor has 47.0 kohm"
    assert results["sensor fridge"][1] == "4.8 C +-1.8 at 22.2 kohm"
    assert results["converter"][1] == "calibrated; 2 channels, 1.65 V to 1.65 V, noise 0 mV"
    assert results["memory"][1] == "heap 50000 of 120000 bytes free, 91234 beside it for radio and sockets"
    assert results["flash"][1].startswith("4096 bytes written in 0 ms, read back, removed; ")
    assert results["clock"][1] == "time set, 1100 ms and 1 s counted in a pause of 1100 ms"
    assert results["radio"][1] == "joined, signal -58 dBm; uplink broker ok"
    assert results["panel"][1].startswith("address 39 answers")
    assert appliance.notes == ["self-test wrote to flash: well"]


@pytest.mark.parametrize(
    ("uv", "verdict", "said"),
    [
        (fakes.WET_UV, "warning", "9.7 kohm, wet: it sees water; dry it, then test again"),
        (fakes.OPEN_UV, "failed", "open: look at the plug and the wire, then the sensor"),
        (fakes.SHORT_UV, "failed", "short: look for water in the plug and for a pinched wire"),
        (None, "failed", "stale: it answered once, and does no more"),
        (900_000, "warning", "17.6 kohm, its end resistor has 47.0 kohm: damp, not wet"),
        (1_500_000, "warning", "more than 10 % off; moisture, a plug, or the resistor"),
        (1_800_000, "warning", "56.4 kohm, its end resistor has 47.0 kohm: more than 10 % off"),
    ],
)
def test_a_leak_loop(test, appliance, uv, verdict, said):
    appliance.pan.uv = uv
    appliance.run(1)
    found = test()["loop pan"]
    assert found[0] == verdict
    assert said in found[1]


@pytest.mark.parametrize(
    "quality", ["open", "short", "stuck", "stale", "out of range", "implausible", "unknown"]
)
def test_a_sensor_that_cannot_be_believed(test, appliance, quality):
    appliance.station.sensors[1].quality = quality
    appliance.fridge.uv = None if quality in ("stale", "unknown") else appliance.fridge.uv
    verdict, text = selftest_of(appliance, 1)
    assert verdict == "failed"
    assert text.startswith(quality + ": ")


def selftest_of(appliance, place):
    """What the self-test says of one sensor as it is now."""
    found = [result for result in selftest._sensors(appliance.view) if not isinstance(result, int)]
    return found[place][1:]


def with_sensor(appliance, sensor, now=5000):
    appliance.station.sensors.append(sensor)
    sensor.sample(now)
    return selftest_of(appliance, len(appliance.station.sensors) - 1)


def test_contacts_cannot_be_tested_without_moving_them(appliance, tmp_path):
    profile = {"sensors": [*fakes.PROFILE["sensors"], {"name": "door", "words": ["closed", "open"]}]}
    (tmp_path / "models/profile.json").write_text(json.dumps(profile, separators=(",", ":")))
    door = {"name": "door", "kind": "switch", "active": "high", "sample_ms": 200, "stale_ms": 5000}
    verdict, text = with_sensor(appliance, Switch(door, fakes.Contact(1), appliance.ticks))
    assert (verdict, text) == ("not testable", "open: move it and see it change in sensors live")
    assert with_sensor(appliance, Switch(door, None, appliance.ticks)) == (
        "failed",
        "unknown: it never answered",
    )
    base = {
        "name": "base",
        "kind": "float",
        "active": "low",
        "sample_ms": 20,
        "debounce_ms": 40,
        "stale_ms": 1000,
    }
    verdict, text = with_sensor(appliance, Float(base, fakes.Contact(1), appliance.ticks))
    assert (verdict, text) == ("not testable", "dry, level 1: lift it and see it change in sensors live")
    assert with_sensor(appliance, Float(base, fakes.Contact(0), appliance.ticks))[1].startswith(
        "WET, level 0"
    )


def test_a_probe_without_an_end_resistor_cannot_be_tested_dry(appliance):
    class Pin:
        level = 0

        def value(self, level):
            self.level = level

    class Water:
        """Electrodes in nothing: the driven side's level is all there is to see."""

        def read_uv(self):
            return 3_300_000 if a.level else 0

    a, b = Pin(), Pin()
    spec = {
        "name": "floor", "kind": "probe", "supply_uv": 3_300_000, "series_ohm": 47_000, "wet_below_ohm": 100_000,
        "dry_above_ohm": 300_000, "end_ohm": 0, "short_below_ohm": 100, "sample_ms": 20, "stale_ms": 1000,
        "debounce_ms": 40,
    }  # fmt: skip
    verdict, text = with_sensor(appliance, Probe(spec, (Water(), a, b), appliance.ticks))
    assert verdict == "not testable"
    assert text.startswith("no current at all, dry; without an end resistor a cut cable looks the same")


def test_a_ds18b20_says_why_it_gives_no_value(appliance):
    spec = {
        "name": "sump", "kind": "ds18b20", "sample_ms": 1000, "stale_ms": 10_000, "min_milli": 0, "max_milli": 99_000,
        "rate_milli_s": 1000, "stuck_s": 0, "stuck_milli": 100,
    }  # fmt: skip
    sensor = Ds18b20(spec, None, appliance.ticks)
    for _ in range(4):
        verdict, text = with_sensor(appliance, sensor)
    assert (verdict, text) == ("failed", "unknown: it never answered; no such bus")


class Jumping(fakes.Adc):
    """A converter whose ground is loose."""

    def read_uv(self):
        self.uv = self.uv + 50_000 if self.uv < 1_700_000 else self.uv - 150_000
        return self.uv


def test_the_converter(test, appliance):
    appliance.fridge.uv = None
    assert test()["converter"] == ("failed", "no microvolts from fridge: not calibrated, or no such pin")
    appliance.pan.uv = appliance.fridge.uv = 3_140_000
    assert test()["converter"][0] == "failed"
    assert "all at one end" in test()["converter"][1]
    appliance.pan.uv, appliance.fridge.uv = fakes.DRY_UV, 0
    assert test()["converter"][0] == "ok"  # one at the end is its own wire
    appliance.station.sensors[1].source = Jumping(1_600_000)
    assert test()["converter"][0] == "warning"
    appliance.station.sensors.clear()
    assert test()["converter"] == ("not testable", "no sensor here is on it")


def test_memory_that_runs_low(test, appliance, monkeypatch):
    appliance.view.board.spare = 4000
    assert test()["memory"][0] == "warning"
    appliance.view.board.spare = 90_000
    monkeypatch.setattr(gc, "mem_free", lambda: 2000)
    assert test()["memory"][0] == "warning"

    def no_room(size):
        raise MemoryError

    monkeypatch.setattr(selftest, "bytearray", no_room, raising=False)
    assert test()["memory"] == (
        "failed",
        "heap 2000 of 72000 bytes free, 91234 beside it for radio and sockets, none of it 4096 in one piece"
        .replace("91234", "90000"),
    )  # fmt: skip


def test_flash_is_written_once_a_minute_at_most(test, appliance):
    assert test()["flash"][0] == "ok"
    again = test()["flash"]
    assert again[0] == "not testable"
    assert again[1].startswith("writing wears it: ask again in 5")
    assert len(appliance.notes) == 1
    appliance.clock.uptime += 60
    assert test()["flash"][0] == "ok"
    assert len(appliance.notes) == 2


def test_flash_waits_for_a_leak_to_be_judged_and_for_whoever_writes(test, appliance):
    appliance.view.writing.held = True
    assert test()["flash"] == ("not testable", "busy: ask again")
    assert appliance.notes == []
    appliance.view.writing.held = False
    assert test()["flash"][0] == "ok"


def test_flash_that_does_not_write(test, tmp_path, appliance):
    assert test(folder=str(tmp_path / "gone"))["flash"] == ("failed", f"cannot write, errno {errno.ENOENT}")
    assert appliance.notes == [f"self-test wrote to flash: cannot write, errno {errno.ENOENT}"]


def test_flash_that_gives_back_other_bytes(test, monkeypatch):
    real = open

    def flipping(path, mode="r"):
        file = real(path, mode)
        if mode == "rb" and str(path).endswith("selftest.tmp"):
            file.read(1)
        return file

    monkeypatch.setattr(builtins, "open", flipping)
    assert test()["flash"] == ("failed", "other bytes came back, from 0 on")


def test_flash_that_is_nearly_full(test, monkeypatch):
    monkeypatch.setattr(os, "statvfs", lambda path: (4096, 4096, 450, 3, 3, 0, 0, 0, 0, 255))
    assert test()["flash"] == (
        "warning",
        "4096 bytes written in 0 ms, read back, removed; 12 of 1800 KB free",
    )

    def untold(path):
        raise OSError(errno.EIO)

    monkeypatch.setattr(os, "statvfs", untold)


def test_a_caller_who_leaves_in_between_leaves_no_file(appliance, tmp_path):
    results = selftest.run(appliance.view, str(tmp_path), appliance.ticks)
    for result in results:
        if not isinstance(result, int) and result[0] == "memory":
            break
    for _ in range(4):
        next(results)
    assert "selftest.tmp" in os.listdir(tmp_path)
    results.close()
    assert "selftest.tmp" not in os.listdir(tmp_path)


def test_the_clock(test, appliance):
    appliance.clock.quality = "floor"
    assert test()["clock"][0] == "warning"

    class Stopped(fakes.Ticks):
        pass

    found = test(ticks=Stopped(7))["clock"]
    assert found == ("failed", "time floor, 0 ms and 1 s counted in a pause of 1100 ms")
    appliance.clock.uptime_s = lambda: 5
    assert test()["clock"][0] == "failed"


@pytest.mark.parametrize(
    ("state", "dbm", "verdict", "said"),
    [
        ("missing", None, "failed", "no radio"),
        ("no access point", None, "warning", "no access point; uplink broker ok"),
        ("wrong password", None, "warning", "wrong password; uplink broker ok"),
        ("up", -88, "warning", "joined, signal -88 dBm; uplink broker ok"),
        ("up", None, "warning", "joined, signal None dBm; uplink broker ok"),
    ],
)
def test_the_radio(test, appliance, state, dbm, verdict, said):
    appliance.view.board.wifi.word = state
    appliance.view.board.wifi.wlan.dbm = dbm
    assert test()["radio"] == (verdict, said)


def test_a_radio_that_is_to_be_silent_is_not_tested(test, appliance):
    appliance.settings.consent = "off"
    assert test()["radio"] == ("not testable", "silent: consent is off")
    appliance.settings.wifi_ssid = ""
    assert test()["radio"] == ("not testable", "no network is set")


def test_the_panel(test, appliance):
    appliance.view.display.gone = True
    assert test()["panel"] == ("failed", "address 39 does not answer, errno 19")
    appliance.view.display = None
    assert test()["panel"] == ("failed", "no bus for a display")


# On the console


@pytest.fixture
def on_console(appliance, tmp_path, monkeypatch):
    monkeypatch.setattr(selftest, "DATA", str(tmp_path))
    real = selftest.run
    monkeypatch.setattr(selftest, "run", lambda view: real(view, str(tmp_path), appliance.ticks))
    return appliance


def test_for_people_line_by_line(on_console):
    lines = on_console.ask(b"selftest\n")
    assert [line.split("  ")[0] for line in lines if line[0] != " "] == PARTS
    assert lines[0] == "loop pan        ok: 47.0 kohm, its end resistor has 47.0 kohm"
    assert all(len(line) <= 79 for line in lines)
    assert "writing wears it" in " ".join(on_console.ask(b"selftest\n"))


def test_for_programs(on_console):
    (line,) = on_console.ask(b'{"jsonrpc":"2.0","id":1,"method":"selftest"}\n')
    tests = json.loads(line)["result"]["tests"]
    assert [entry["part"] for entry in tests] == PARTS
    assert tests[0] == {
        "part": "loop pan", "verdict": "ok", "measured": "47.0 kohm, its end resistor has 47.0 kohm",
    }  # fmt: skip


def test_each_result_is_sent_when_it_is_there_and_leaks_are_watched_meanwhile(on_console):
    moments = []

    async def write(data):
        moments.append(on_console.ticks.now)
        if len(moments) == 2:
            on_console.pan.uv = fakes.WET_UV  # while the rest is tested

    on_console.session.write = write
    on_console.ask(b"selftest\n")
    assert len(set(moments)) >= 4
    assert on_console.pin.level == 1


def test_who_leaves_ends_it(on_console):
    from firmware.console.session import Gone

    written = []

    async def write(data):
        if len(written) == 3:
            raise Gone
        written.append(data)

    on_console.session.write = write
    on_console.ask(b"selftest\n")
    assert on_console.session.dropped == 1
    assert on_console.session.failures == 0
