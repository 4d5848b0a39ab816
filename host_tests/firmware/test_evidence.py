"""What a fault rests on, in words and as JSON: only what was measured, and how sure it is."""

import asyncio
import json
from types import SimpleNamespace

import pytest

from firmware import claims as claims_text
from firmware.diagnosis import evidence, trend
from firmware.outbox import Outbox
from firmware.reporter import Reporter
from firmware.sensors import specs
from firmware.sensors.reading import Reading
from host_tests.firmware import fakes
from host_tests.firmware.fakes import Appliance
from host_tests.firmware.judging import ABOVE, HEALTH, Bench
from host_tests.firmware.test_heartbeat import NOW, Clock, chain_on, emit, plain
from host_tests.firmware.test_judge import COOLS, DEFROST, DOOR, FILL, HEATS, RETURNS, WET, leaks, wet_sensor
from nameplate.token import schemas

DIGITAL = {"name": "air", "kind": "ds18b20"}  # plus-minus 0.5 K


@pytest.fixture(autouse=True)
def a_known_sensor(monkeypatch):
    monkeypatch.setattr(specs, "of", lambda name: {**DIGITAL, "name": name})


def told(bench, tmp_path, code, now=None):
    """(the line, the claims) of a fault, with a reading of the air as of now."""
    name = tmp_path / "rules.bin"
    name.write_bytes(bench.blob)
    bench.faults.rules = str(name)
    reading = now if isinstance(now, Reading) else Reading("air", "ok", 0, 0, "Cel", now)
    station = SimpleNamespace(readings=lambda: [reading])
    watch = SimpleNamespace(faults=bench.faults, station=station, leaks=[], chip="esp32")
    index = bench.faults.codes.index(code)
    line = evidence.line(watch, index)
    assert line.isascii()
    assert len(line) <= 128
    return line, json.loads(evidence.claims(watch, index))


def test_too_warm(tmp_path):
    bench = Bench(ABOVE, up_s=3600)
    bench.run(600, air=5000)
    bench.run(3600, air=[9100, 10300])
    line, claims = told(bench, tmp_path, "T01", 9700)
    assert line == "mean 9.7 C (9.1 to 10.3), above 8.0 C for 51 min of 51 min, 99 % sure"
    assert claims == {
        "window": 3060, "known": 3060, "for": 3060, "sensors": ["air"], "min": 9.1, "mean": 9.7, "max": 10.3,
        "limit": 8, "unit": "Cel", "confidence": 99,
        "basis": "mean 1.7 K beyond its limit, reading within 0.5 K",
    }  # fmt: skip


@pytest.mark.parametrize(("over", "sure"), [(0, 50), (25, 54), (125, 69), (250, 84), (500, 98), (5000, 99)])
def test_confidence_is_the_normal_distributions(over, sure, tmp_path):
    bench = Bench({**ABOVE, "confirm_s": 600}, up_s=3600)
    bench.run(3600, air=8001)
    row = bench.faults.starts[0]
    bench.faults.cells[row + 8] = (8000 + over) * 64
    assert told(bench, tmp_path, "T01", 8001)[1]["confidence"] == sure
    bench.faults.cells[row + 8] = (8000 - over) * 64
    assert told(bench, tmp_path, "T01", 8001)[1]["confidence"] == 100 - sure


def test_a_sensor_that_is_not_known_makes_no_confidence(tmp_path, monkeypatch):
    bench = Bench(ABOVE, HEALTH, up_s=3600)
    bench.run(7200, air=12000)
    bench.run(600, air="open")
    line, claims = told(bench, tmp_path, "T01", Reading("air", "open", 0, 0))
    assert line.startswith("before its sensor failed: mean 12.0 C (12.0 to 12.0), above 8.0 C for ")
    assert line.endswith(", air is open now")
    assert claims["window"] > claims["known"]
    assert (claims["confidence"], claims["basis"]) == (None, "air is open now")
    assert claims["max"] == 12
    monkeypatch.setattr(specs, "of", lambda name: None)
    assert told(bench, tmp_path, "T01", 12000)[1]["confidence"] is None


def test_a_sensors_own_fault(tmp_path):
    bench = Bench(ABOVE, HEALTH, up_s=3600)
    bench.run(600, air="open")
    line, claims = told(bench, tmp_path, "S01", Reading("air", "open", 0, 0))
    assert line == "not ok for 10 min of 10 min, last open, now open"
    assert claims == {
        "window": 600, "known": 600, "for": 600, "sensors": ["air"], "quality": "open", "confidence": None,
        "basis": "air is open now",
    }  # fmt: skip


def test_a_contact_has_times_and_no_confidence(tmp_path):
    bench = Bench(DOOR)
    bench.run(420, door=1000)
    line, claims = told(bench, tmp_path, "D01")
    assert line == "door on for 7 min of 7 min, limit 5 min"
    assert claims == {
        "window": 420, "known": 420, "for": 420, "sensors": ["door"], "limit_s": 300, "confidence": None,
        "basis": "one contact, not cross-checked",
    }  # fmt: skip
    bench = Bench(FILL)
    bench.run(600, heater=1000, level=0)
    line, claims = told(bench, tmp_path, "F01")
    assert line == "heater on for 10 min of 10 min, limit 5 min, level off"
    assert claims["sensors"] == ["heater", "level"]


def test_a_defrost_and_a_heater(tmp_path):
    bench = Bench(DEFROST)
    bench.run(7200, air=11000)
    line, claims = told(bench, tmp_path, "D02", 11000)
    assert (
        line == "mean 11.0 C (11.0 to 11.0), above 8.0 C for 2 h 0 min of 2 h 0 min, limit 60 min, 99 % sure"
    )
    assert (claims["limit"], claims["limit_s"]) == (8, 3600)
    bench = Bench(HEATS)
    bench.run(1200, air=20000, heater=1000)
    line, claims = told(bench, tmp_path, "H01", 20000)
    assert (
        line == "mean 20.0 C (20.0 to 20.0), moved less than 4.0 K in 15 min, for 20 min of 20 min, 99 % sure"
    )
    assert claims["confidence"] == 99
    bench = Bench(COOLS)
    bench.run(18000, air=-5000)
    assert told(bench, tmp_path, "C01", -5000)[1]["confidence"] == 99


def test_leaks_that_return(tmp_path):
    bench = Bench(WET, RETURNS)
    bench.sensors["pan"] = wet_sensor()
    for _ in range(3):
        leaks(bench, 1)
        bench.run(3600)
    line, claims = told(bench, tmp_path, "L02")
    assert line == "3 leaks within 2 h 59 min; told when within 24 h 0 min"
    assert (claims["count"], claims["limit_s"], claims["confidence"]) == (3, 86400, None)


def test_what_was_known_before_a_power_cut_says_so(tmp_path):
    bench = Bench(ABOVE, up_s=3600)
    bench.run(7200, air=12000)
    bench.restart()
    assert told(bench, tmp_path, "T01", 12000)[0].startswith("before this start: mean 12.0 C")


def test_without_rules_only_a_leak_is_told(tmp_path):
    bench = Bench(ABOVE, WET, up_s=3600)
    told(bench, tmp_path, "T01", 5000)
    (tmp_path / "rules.bin").write_bytes(bench.blob[:-1])
    leak = SimpleNamespace(index=1, sensor=SimpleNamespace(name="air"))
    watch = SimpleNamespace(
        faults=bench.faults, leaks=[leak], chip="esp32", station=SimpleNamespace(readings=list)
    )
    assert evidence.line(watch, 1) == "wet 0.0 of 0.0 s"
    assert evidence.line(watch, 0) == "no rule is known for it"
    assert json.loads(evidence.claims(watch, 0))["confidence"] is None


@pytest.mark.parametrize("seconds", [0, 119, 120, 7199, 7200, 172799, 172800, 2**30])
def test_long_times_fit(seconds):
    assert len(evidence.age(seconds)) <= 12


NEVER = {
    "code": "C02", "rule": "never_rests", "sensor": "air", "window_s": 7200, "rest_s": 900, "rise_milli": 3000,
    "warm_milli": -10000,
}  # fmt: skip
WEAKENS = {
    "code": "C03", "rule": "trend", "measure": "fill_s", "sensor": "heater", "gate": "level", "limit": 270,
    "warn_days": 14, "rise_milli": 0, "warm_milli": 0, "min_s": 60,
}  # fmt: skip


def test_a_compressor_that_never_rests(tmp_path):
    bench = Bench(NEVER)
    for minute in range(300):
        bench.step(air=-12000 - 40 * minute)
    line, claims = told(bench, tmp_path, "C02", -24000)
    assert bench.changes[-1][1:] == ("C02", "confirmed")
    assert line.startswith("ran 3 h ")
    assert line.endswith(" without a rest of 15 min, limit 2 h 0 min")
    assert claims["limit_s"] == 7200
    assert claims["known"] >= 7200
    assert (claims["confidence"], claims["basis"]) == (
        None,
        "the course of one temperature, not cross-checked",
    )


def test_a_trend_tells_its_forecast_or_that_there_is_none(tmp_path, monkeypatch):
    bench = Bench(WEAKENS)
    monkeypatch.setattr(trend, "forecast", lambda cells, at, p: (9, 6, 15, 63, 21, 82, 243))
    line, claims = told(bench, tmp_path, "C03")
    assert line == (
        "at this rate the limit is reached in 9 days (6 to 15): 243 s now, +0.63 % a day, 21 days seen, 82 % sure"
    )
    assert claims == {
        "window": 0, "known": 0, "for": 0, "sensors": ["heater", "level"], "days": 9, "low": 6, "high": 15,
        "slope": 0.63, "n": 21, "level": 243, "limit": 270, "unit": "s", "confidence": 82,
        "basis": "values of 21 days; 6 to 15 days hold 8 of 10",
    }  # fmt: skip
    monkeypatch.setattr(trend, "forecast", lambda cells, at, p: None)
    line, claims = told(bench, tmp_path, "C03")
    assert line == "no forecast as of now"
    assert claims["confidence"] is None


# On the wire


@pytest.fixture
def outbox(tmp_path):
    return Outbox(str(tmp_path / "data"), capacity_bytes=4 * 4096, token_bytes=2048)


def longest_evidence(tmp_path):
    bench = Bench(ABOVE, up_s=3600)
    bench.run(6000, air=124999)
    row = bench.faults.starts[0]
    for cell in (4, 5, 6):
        bench.faults.cells[row + cell] = 2**29
    bench.faults.cells[row + 7] = -124999
    told(bench, tmp_path, "T01", -100123)
    watch = SimpleNamespace(
        faults=bench.faults, leaks=[], chip="esp32",
        station=SimpleNamespace(readings=lambda: [Reading("air", "ok", 0, 0, "Cel", -100123)]),
    )  # fmt: skip
    return evidence.claims(watch, 0)


def test_the_longest_event_is_within_2048_bytes_and_its_schema(outbox, tmp_path):
    """The first of a boot, eight readings, evidence with every number, losses; as the unit emits it."""
    readings = [Reading(f"sensor_{place}xxx", "ok", 0, 0, "Cel", -100123) for place in range(8)]
    for place in range(12):
        outbox.losses.add(place, 2**30, 2**30 + 5, "storage")
    claims = claims_text.event_claims(
        "T01", "confirmed", readings, -(2**31) + 1, 99999, "broker", longest_evidence(tmp_path)
    )
    token = emit(chain_on(outbox, 2**31 - 1, Clock("set", NOW, 2**30)), "event", claims)
    assert token is not None
    assert len(token) <= 2048
    assert schemas.problem("event", plain(token)) is None
    assert plain(token)["before"] == 2**31 - 1


def test_an_events_schema_knows_evidence_when_it_is_wrong(outbox, tmp_path):
    claims = claims_text.event_claims("T01", "confirmed", [], 5, 9, "broker", longest_evidence(tmp_path))
    plain_claims = plain(emit(chain_on(outbox), "event", claims))
    for wrong in ({"confidence": 101}, {"confidence": "sure"}, {"known": -1}, {"basis": ""}):
        event = {**plain_claims, "evidence": {**plain_claims["evidence"], **wrong}}
        assert schemas.problem("event", event) is not None
    with_more = {**plain_claims, "evidence": {**plain_claims["evidence"], "later": True}}
    assert schemas.problem("event", with_more) is None


# The reporter


class Chain:
    """Takes what is emitted, or fails as often as it is told to."""

    def __init__(self, failures=0):
        self.failures = failures
        self.emitted = []
        self.error = "simulated"

    async def emit(self, kind, text):
        if self.failures:
            self.failures -= 1
            return None
        self.emitted.append((kind, json.loads("{" + text + "}")))
        return b"token"


def reported(consent, failures=0):
    """What is emitted and noted of a leak."""
    appliance = Appliance()
    appliance.settings.consent = consent
    appliance.pan.uv = fakes.WET_UV
    appliance.run(3)
    chain, notes = Chain(failures), []
    reporter = Reporter(
        chain,
        appliance.settings,
        appliance.station,
        appliance.watch,
        lambda: 4,
        notes.append,
        appliance.ticks,
    )

    async def run():
        async def sleep_ms(milliseconds):
            waits.append(milliseconds)
            if milliseconds == 50:
                raise asyncio.CancelledError

        waits = []
        asyncio.sleep_ms = sleep_ms
        try:
            await reporter.events(lambda: None)
        except asyncio.CancelledError:
            return
        finally:
            del asyncio.sleep_ms

    asyncio.run(run())
    return chain.emitted, notes


def test_a_leak_is_reported_with_its_evidence_and_noted():
    ((kind, claims),), notes = reported("full")
    assert (kind, claims["fault"], claims["state"], claims["since"]) == ("event", "L01", "confirmed", 5)
    assert claims["evidence"]["for"] == claims["evidence"]["known"] == 0.04
    assert claims["senml"][0] == {"n": "pan", "vb": True}
    assert notes == ["fault L01 confirmed: wet 0.0 of 0.0 s, loop 9.7 kohm, probe healthy"]


def test_with_minimum_consent_no_reading_and_no_number_of_the_evidence_leaves():
    ((_, claims),), notes = reported("minimum")
    assert claims == {
        "fault": "L01",
        "state": "confirmed",
        "since": 5,
        "lag": 4,
        "ack": "broker",
        "senml": [],
    }
    assert len(notes) == 1


def test_without_consent_nothing_is_made():
    emitted, notes = reported("off")
    assert emitted == []
    assert len(notes) == 1


def test_what_cannot_be_stored_is_tried_again_with_the_evidence_of_its_moment():
    ((_, claims),), notes = reported("full", failures=3)
    assert claims["evidence"]["for"] == 0.04
    assert notes[1:] == ["simulated"] * 3
