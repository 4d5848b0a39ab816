"""What a unit does that is damaged beyond its mirror: it starts, says what is wrong, signs nothing, and sounds the alarm.

What the mirror mends is in test_identity_twice.py.
"""

import pytest

from host_tests.story.flash_files import change_files, change_record, wipe_mirror, wipe_nvs

NONCE = "bm9uY2Utbm9uY2U"


def flip(blob: bytes) -> bytes:
    return blob[:-2] + bytes([blob[-2] ^ 1]) + blob[-1:]


def not_provisioned(house, reason):
    fridge = house.switch_on()
    error = fridge.ask("read", nonce=NONCE)["error"]
    assert error == {"code": -32001, "message": f"not provisioned: damaged ({reason})"}
    assert fridge.type("id") == [f"! not provisioned: damaged ({reason})"]
    fridge.wait(lambda: fridge.board.panel[0].startswith("not provisioned"), 10)
    fridge.board.set("leak", "wet")
    fridge.wait(lambda: fridge.board.alarm, 1)
    fridge.run(60_000)
    house.subscriber.settle()
    assert house.subscriber.tokens == []
    assert fridge.type("sensors")[0].startswith("pan       WET")
    assert fridge.resets() == ["power"]
    return fridge


@pytest.mark.parametrize("record", ["unit", "binding", "identity"])
def test_a_damaged_record(house, record):
    change_record(house.unit.path, record, flip)
    wipe_mirror(house.unit.path)
    not_provisioned(house, f"{record}: bad checksum")


def test_a_record_of_another_unit(build_house, make_unit):
    house = build_house()
    other = make_unit(serial="4F7-220919")
    taken = []
    change_record(other.path, "identity", lambda blob: taken.append(blob) or blob)
    change_record(house.unit.path, "identity", lambda blob: taken[0])
    not_provisioned(house, "identity: is another unit's")


def test_a_key_that_the_manufacturer_did_not_bind(build_house, make_unit):
    house = build_house()
    other = make_unit(serial="4F7-220919")
    taken = []
    change_record(other.path, "unit", lambda blob: taken.append(blob) or blob)

    def swap(blob: bytes) -> bytes:
        import json

        from nameplate.factory.nvs_image import compact_json, frame, unframe

        mine = json.loads(unframe(blob))
        mine["key"] = json.loads(unframe(taken[0]))["key"]
        return frame(compact_json(mine))

    change_record(house.unit.path, "unit", swap)
    not_provisioned(house, "binding: names another key")


def test_nvs_that_the_port_erased(house):
    wipe_nvs(house.unit.path)
    wipe_mirror(house.unit.path)
    not_provisioned(house, "unit: missing")


def test_damaged_settings_fall_back_and_no_consent_is_assumed(house):
    change_record(house.unit.path, "settings", flip)
    wipe_mirror(house.unit.path)
    fridge = house.switch_on()
    assert fridge.ask("read", nonce=NONCE)["result"]["reply"]
    fridge.run(60_000)
    house.subscriber.settle()
    assert house.subscriber.tokens == []
    assert any("settings damaged" in line for line in fridge.type("log"))


def test_damaged_anchors_obey_nobody_but_everything_else_works(house):
    change_record(house.unit.path, "anchors", flip)
    wipe_mirror(house.unit.path)
    fridge = house.switch_on()
    fridge.wait(lambda: house.subscriber.of("heartbeat"))
    assert house.subscriber.words() <= {"genuine", "duplicate"}
    assert any("obeys nobody" in line for line in fridge.type("id"))


def test_a_damaged_signing_table_signs_nothing(house):
    change_files(house.unit.path, {"/p256_comb.bin": b"\x00" * 4096})
    fridge = house.switch_on()
    assert fridge.ask("read", nonce=NONCE)["error"]["message"].startswith(
        "not provisioned: damaged (signing table:"
    )
    fridge.run(30_000)
    house.subscriber.settle()
    assert house.subscriber.tokens == []


def test_a_slot_with_a_broken_file_yields_to_the_other(house):
    change_files(house.unit.path, {"/a/firmware/agent.mpy": b"M\x06\x00\x1f\x00broken"})
    fridge = house.switch_on()
    fridge.wait(lambda: house.subscriber.of("heartbeat"))
    assert house.subscriber.words() <= {"genuine", "duplicate"}
    assert any("before: /a: ValueError" in line for line in fridge.type("log"))
    assert fridge.resets() == ["power", "hard"]


def test_slots_whose_code_is_gone_keep_trying_with_growing_pauses_and_never_prompts(house):
    change_files(house.unit.path, {"/a/firmware/build.mpy": None, "/b/firmware/build.mpy": None})
    fridge = house.switch_on()
    fridge.run(120_000)
    starts = [event.at_ms for event in fridge.events("boot")]
    gaps = [later - earlier for earlier, later in zip(starts, starts[1:], strict=False)]
    assert 6 <= len(gaps) <= 14
    assert gaps[0] < 3000 < 15_000 < gaps[-1]
    assert fridge.events("prompt") == []


def test_an_empty_file_system_leaves_no_prompt_on_a_shipped_board(house):
    change_files(house.unit.path, {"/a/firmware/app.mpy": None, "/b/firmware/app.mpy": None})
    fridge = house.switch_on()
    fridge.run(30_000)
    assert set(fridge.resets()) == {"power", "hard"}
    assert fridge.events("prompt") == []


@pytest.mark.parametrize(("key", "value"), [("panel", "absent"), ("fridge", "open"), ("fridge", "short")])
def test_a_missing_part_costs_itself_and_nothing_else(house, key, value):
    fridge = house.switch_on(world={key: value})
    fridge.wait(lambda: len(house.subscriber.of("heartbeat")) >= 2)
    assert house.subscriber.words() <= {"genuine", "duplicate"}
    if key == "fridge":
        assert {"n": "fridge", "vs": value} in house.subscriber.of("heartbeat")[-1].claims["senml"]


@pytest.mark.parametrize("how", ["damaged", "erased"])
def test_a_profile_that_is_lost_leaves_identity_and_console(house, how):
    fridge = house.switch_on(world={"profile": how})
    assert fridge.type("id")[1].endswith(house.unit.serial)
    word = "missing" if how == "erased" else "damaged"
    wrong = f"profile {word}: no sensors, no faults, no panel; identity and console only"
    assert fridge.type("sensors") == [f"! {wrong}"]
    assert any(line.endswith(wrong) for line in fridge.type("log"))
    assert fridge.type("faults") == ["no fault is known"]
    assert fridge.ask("read", nonce=NONCE)["result"]["reply"]
    fridge.run(130_000)  # the judge has looked twice
    assert fridge.resets() == ["power"]
    house.subscriber.settle()
    assert house.subscriber.words() == {"genuine"}


def test_a_profile_that_one_slot_has_lost_is_read_from_the_other(house):
    change_files(house.unit.path, {"/a/models/profile.json": b"{"})
    fridge = house.switch_on()
    assert any(
        line.endswith("profile damaged: that of the other slot is in force")
        for line in fridge.type("sensors")
    )
    fridge.board.set("leak", "wet")
    fridge.wait(lambda: fridge.board.alarm, 1)
