"""The clock: two servers that agree set it, in every token and on the panel; lies, silence and a reset do not."""

import time

import pytest

from firmware.version import BUILT

NONCE = "bm9uY2Utbm9uY2U"
SERVERS = "time-a.example,time-b.example"
NAMES = "time-a.example=198.51.100.10, time-b.example=198.51.100.11"


@pytest.fixture
def now():
    """Unix seconds when the test begins: a unit may not be older than its binding, nor tell the future."""
    return int(time.time())


def claims(house, fridge):
    """What a signed reply says of the time."""
    reply = fridge.ask("read", nonce=NONCE)["result"]["reply"]
    return house.subscriber.verifier.check(reply, "reply", nonce=NONCE).claims


def test_the_clock_is_set_within_seconds_of_the_network_and_the_tokens_say_so(house, now):
    fridge = house.switch_on(world={"clock": now})
    fridge.wait(lambda: house.subscriber.of("heartbeat", clock="set"), 20)
    assert fridge.board.now_ms < 15_000
    fridge.run(5_000)
    beat = house.subscriber.of("heartbeat", clock="set")[-1]
    assert beat.verdict == "genuine"
    # iat is the time of signing; the board was switched on at now.
    assert -2 <= beat.claims["iat"] - now - beat.claims["uptime"] <= 2
    assert all(
        ("iat" in beat.claims) == (beat.claims["clock"] == "set") for beat in house.subscriber.of("heartbeat")
    )
    assert fridge.type("warranty")[0] == "parts: covered until 2028-03-02"
    assert any("time set" in line for line in fridge.type("log"))
    assert fridge.events("lookup") == []
    assert house.subscriber.words() <= {"genuine", "duplicate"}


@pytest.mark.parametrize(
    "world",
    [{"ntp": "dead"}, {"ntp": "disagree"}, {"ntp": "lies"}, {"ntp": "kod"}, {"dns": "wrong"}, {"clock": BUILT - 86_400}],
    ids=str,
)  # fmt: skip
def test_without_two_that_agree_and_are_possible_it_stays_unknown(house, world, now):
    fridge = house.switch_on(world={"clock": now, **world})
    fridge.wait(lambda: len(house.subscriber.of("heartbeat")) >= 2, 60)
    assert {beat.claims["clock"] for beat in house.subscriber.of("heartbeat")} == {"floor"}
    assert not any("iat" in beat.claims for beat in house.subscriber.of("heartbeat"))
    assert fridge.type("warranty")[0] == "parts: ends 2028-03-02, clock unknown"
    assert any(": time: " in line for line in fridge.type("log"))
    assert fridge.resets() == ["power"]


def test_the_time_servers_of_the_settings_are_asked_and_consent_ends_it(build_house, now):
    house = build_house(ntp=SERVERS)
    fridge = house.switch_on(world={"clock": now, "names": NAMES, "ntp": "dead"})
    fridge.wait(lambda: house.subscriber.of("heartbeat"), 20)
    asked = lambda: [event.detail for event in fridge.events("datagram")]  # noqa: E731
    fridge.wait(lambda: "198.51.100.10:123" in asked())
    fridge.board.set("button", "pressed")
    fridge.run(200)
    fridge.board.set("button", "released")
    assert fridge.ask("consent", value="off")["result"]["changed"]
    before = len(asked())
    fridge.board.set("ntp", "ok")
    fridge.run(60_000)
    assert len(asked()) == before
    assert claims(house, fridge)["clock"] == "floor"


def test_after_a_power_cut_the_last_time_is_a_floor_and_the_calendar_begins_there(house, now):
    fridge = house.switch_on(world={"clock": now})
    fridge.wait(lambda: house.subscriber.of("heartbeat", clock="set"), 20)
    fridge.board.kill()
    fridge.board.set("wifi", "gone")
    fridge.board.set("power", "on")
    fridge.run(5_000)
    told = claims(house, fridge)
    assert told["clock"] == "floor"
    assert "iat" not in told
    assert fridge.type("warranty")[0] == "parts: ends 2028-03-02, clock unknown"
    at_zero_us = fridge.board.engine.power.rtc_at_zero_us
    calendar = 946_684_800 + (at_zero_us + fridge.board.now_ms * 1000) // 1_000_000
    assert -90 <= calendar - now <= 90
    fridge.board.set("wifi", "up")
    fridge.wait(lambda: house.subscriber.of("heartbeat", bootcount=2, clock="set"), 90)


def test_a_wrong_time_of_two_liars_is_put_right_by_a_later_answer(house, now):
    fridge = house.switch_on(world={"clock": now + 20 * 365 * 86_400})
    fridge.wait(lambda: house.subscriber.of("heartbeat", clock="set"), 20)
    assert house.subscriber.of("heartbeat", clock="set")[0].verdict == "bad clock"
    assert fridge.type("warranty")[0] == "parts: expired 2028-03-02"
    fridge.board.kill()
    fridge.board.set("clock", now)
    fridge.board.set("power", "on")
    fridge.wait(lambda: house.subscriber.of("heartbeat", bootcount=2, clock="set"), 30)
    assert fridge.type("warranty")[0] == "parts: covered until 2028-03-02"
