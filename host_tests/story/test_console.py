"""The console of a virtual fridge, over its serial line: golden dialogues, consent at the button, hostile input."""

import json

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
    pan, compartment = fridge.type("sensors")[:2]
    assert pan.startswith("pan       dry ok, base pan, 4")
    assert pan.endswith(" kohm")
    assert compartment.startswith("fridge    ")
    assert " C ok, fridge compartment, " in compartment
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
    first, evidence, following, bring = fridge.type("faults")
    assert first.startswith("! L01 water in the base pan, since ")
    assert evidence.endswith("probe healthy")
    assert following == "  next     close the tap, dry the pan, watch 10 min"
    assert bring == "  bring    PN 7710 inlet valve"
    assert fridge.type("sensors")[0].startswith("pan       WET ok, base pan")
    fridge.board.set("leak", "open")
    fridge.run(5000)
    assert fridge.type("sensors")[0] == "pan       OPEN CIRCUIT (not known), base pan"
    assert fridge.type("faults")[1].endswith("not known whether it is dry")
    assert fridge.board.alarm


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
