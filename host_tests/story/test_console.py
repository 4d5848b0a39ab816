"""The console of a virtual fridge, over its serial line: golden dialogues, consent at the button, hostile input."""

import json
import re

import pytest


@pytest.fixture
def fridge(house):
    made = house.switch_on()
    made.board.run(5000)
    made.heard()
    return made


def test_golden_dialogue(house, fridge):
    ueid = house.unit.ueid
    assert fridge.type("id") == [
        "KF-320 fridge-freezer by Acme",
        f"serial    {house.unit.serial}",
        "made      2026-03-02, revision C",
        "support   until 2036-03-02",
        f"board     {ueid}, maker number 32473",
        "key       made on the host; a signed reply proves it (nameplate read)",
    ]
    assert fridge.type("warranty") == [
        "parts: ends 2028-03-02, clock unknown",
        "compressor: ends 2036-03-02, clock unknown",
        "counted from the date made; time here: floor",
    ]
    pan, compartment, *_, door = fridge.type("sensors")
    assert re.fullmatch(r"pan       dry ok, base pan, 4\d\.\d kohm, 16\d\d mV, now", pan)
    assert re.fullmatch(
        r"fridge    4\.\d C \+-1\.[78] ok, fridge compartment, 2\d\.\d kohm, 16\d\d mV, now", compartment
    )
    assert door == "door      closed ok, fridge door, level 0, now"
    assert fridge.type("faults") == ["no fault is known"]
    assert fridge.type("version")[0].startswith("nameplate 0.1.0 on esp32, up ")
    assert fridge.type("whoami") == ['? no command "whoami": try help']
    assert any("start 1 (power)" in line for line in fridge.type("log"))


def test_sent_shows_the_bytes_that_the_broker_got(house, fridge):
    fridge.wait(lambda: house.subscriber.of("heartbeat"))
    topic, token, says = fridge.type("sent")[1:4]
    sent = (topic.split()[1], token.split()[1].encode())
    assert sent in house.subscriber.tokens
    assert json.loads(says[len("says ") :])["ueid"] == house.unit.ueid


def test_consent_is_changed_at_the_appliance_and_outlives_a_power_cut(house, fridge):
    assert fridge.ask("consent", value="off")["error"]["code"] == -32003
    fridge.board.set("button", "pressed")
    fridge.run(200)
    fridge.board.set("button", "released")
    fridge.run(200)
    assert fridge.ask("consent", value="off")["result"] == {"consent": "off", "changed": True}
    fridge.run(61_000)
    assert fridge.ask("consent", value="full")["error"]["code"] == -32003
    fridge.board.set("power", "off")
    fridge.board.set("power", "on")
    fridge.run(5000)
    assert fridge.ask("consent")["result"]["consent"] == "off"


def test_a_wet_pan_in_words(fridge):
    fridge.board.set("leak", "wet")
    fridge.run(5000)
    first, evidence, sure, following, bring, more = fridge.type("faults")
    assert first.startswith("! L01 water in the base pan, since ")
    assert "loop 9." in evidence
    assert sure == "  sure     not in numbers: one contact, not cross-checked"
    assert following == "  next     close the tap, dry the pan, watch 10 min"
    assert bring == "  bring    1 x PN 7710 inlet valve"
    assert more == "  more     explain L01"
    assert fridge.type("sensors")[0].startswith("pan       WET ok, base pan")
    fridge.board.set("leak", "open")
    fridge.run(5000)
    assert fridge.type("sensors")[0].startswith("pan       OPEN CIRCUIT (neither wet nor dry), base pan")
    assert "probe now open" in fridge.type("faults")[1]
    assert fridge.board.alarm


def test_a_broken_sensor_is_a_fault_of_its_own_and_what_rests_on_it_is_not_judged(build_house):
    fridge = build_house(period_s=3600).switch_on()
    fridge.run(5000)
    fridge.board.set("freezer", "open")
    fridge.run(200_000)
    lines = fridge.type("faults")
    assert lines[0].startswith("! S03 freezer sensor not working, since ")
    assert lines[1].endswith("last open, now open")
    assert lines[-1].startswith("not judged, their sensor is broken: T03, C01")
    every = fridge.type("faults --all")
    assert len(every) == 15
    assert "  T01 warning  clear" in every
    assert "  T03 warning  not judged: its sensor is broken" in every
    told = {fault["fault"]: fault for fault in fridge.ask("faults", all=True)["result"]["faults"]}
    assert len(told) == 15
    assert (told["S03"]["state"], told["S03"]["detail"]["quality"]) == ("confirmed", "open")
    assert (told["T03"]["state"], told["T03"]["silenced"]) == ("clear", True)
    assert not fridge.board.alarm


def test_a_code_is_explained_offline_in_two_languages(fridge):
    fridge.board.set("wifi", "gone")
    codes = [line.split()[0] for line in fridge.type("explain")]
    assert len(codes) == 15
    for code in codes:
        entry = fridge.ask("explain", code=code)["result"]
        german = fridge.ask("explain", code=code, lang="de")["result"]
        assert entry.keys() == german.keys()
        assert (entry["severity"], len(entry["parts"])) == (german["severity"], len(german["parts"]))
        assert entry["title"].isascii()
    lines = fridge.type("explain T01 de")
    assert lines[0] == "T01 Kühlraum zu warm"
    assert all(len(line) <= 79 for line in lines)
    assert fridge.type("explain F12") == ["? F12 is no code of this model: explain lists them"]


def results(lines):
    """The self-test's lines as {part: text}."""
    found = {}
    part = None
    for line in lines:
        part = line[:15].strip() or part
        found[part] = (found[part] + " " if line[0] == " " else "") + line[15:].strip()
    return found


def test_the_selftest_finds_what_was_broken(house, fridge):
    fridge.wait(lambda: house.subscriber.of("heartbeat"))
    well = results(quiet(fridge, "selftest"))
    clock = well.pop("clock").split(":")[0]  # the house has no time server of its own
    assert clock in ("ok", "warning")
    assert {name: text.split(":")[0] for name, text in well.items()} == {
        "loop pan": "ok", "sensor fridge": "ok", "sensor freezer": "ok", "sensor evap": "ok",
        "sensor door": "not testable", "converter": "ok", "memory": "ok", "flash": "ok", "radio": "ok", "panel": "ok",
    }  # fmt: skip
    fridge.board.set("leak", "open")
    fridge.board.set("freezer", "short")
    fridge.board.set("panel", "absent")
    fridge.board.set("wifi", "gone")
    fridge.run(40_000)
    broken = results(quiet(fridge, "selftest"))
    assert broken["loop pan"].startswith("failed: open: look at the plug")
    assert broken["sensor freezer"].startswith("failed: short: ")
    assert broken["sensor fridge"].startswith("ok: ")
    assert broken["panel"].startswith("failed: address 39 does not answer")
    assert broken["radio"].startswith("warning: ")
    assert broken["flash"].startswith("not testable: writing wears it")
    fridge.board.set("leak", "wet")
    began = fridge.board.now_ms
    fridge.say(b"selftest\n")
    fridge.wait(lambda: fridge.board.alarm, 5)
    assert fridge.board.now_ms - began <= 200  # the alarm does not wait for the test
    assert fridge.resets() == ["power"]


def quiet(fridge, command):
    """What a command prints until nothing has come for a second and a half."""
    start = len(fridge.heard())
    fridge.say(command.encode() + b"\n")
    size = -1
    while size != len(fridge.heard()):
        size = len(fridge.heard())
        fridge.run(1500)
    return fridge.heard()[start:].decode().splitlines()


def test_sensors_live_until_enter(fridge):
    fridge.say(b"sensors live\n")
    fridge.run(3200)
    fridge.board.set("leak", "wet")
    fridge.run(2000)
    fridge.say(b"\n")
    fridge.run(500)
    said = fridge.heard().decode()
    assert "every second for 60 s; Enter ends it" in said
    assert "pan=dry,4" in said
    assert "pan=WET,9." in said
    before = len(fridge.heard())
    fridge.run(3000)
    assert len(fridge.heard()) == before
    assert fridge.ask("version")["result"]["provisioned"] is True


def test_hostile_bytes_reset_nothing_and_the_next_question_is_answered(fridge):
    for garbage in (
        bytes(byte for byte in range(256) if byte != 3) * 2,
        b"\x00" * 600,
        b"\xc3" * 50,
        b"{" * 600,
        b'{"a":' * 90,
        b"\r\n\r\r\n\n" * 50,
        b'{"jsonrpc":"2.0","id":1,"method":"' + b"x" * 600,
        b"\x04\x01\x02\x05" * 20,  # what would open a raw prompt on a bare MicroPython
    ):
        fridge.say(garbage + b"\n")
        fridge.run(500)
    fridge.heard()
    assert fridge.ask("version")["result"]["provisioned"] is True
    assert_nothing_happened(fridge)


def test_ctrl_c_is_a_byte_like_any_other(fridge):
    fridge.say(b"\x03\x03\n\x03id\x03\n")
    fridge.run(2000)
    assert fridge.type("id")[0] == "KF-320 fridge-freezer by Acme"
    assert_nothing_happened(fridge)


def assert_nothing_happened(fridge):
    assert fridge.resets() == ["power"]
    assert fridge.events("prompt") == []
    assert b"Traceback" not in fridge.heard()
    assert b">>>" not in fridge.heard()
