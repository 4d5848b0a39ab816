"""First light: the thinnest thread through all of it. A virtual fridge boots the image that is flashed, says who it is on
its serial line, measures, signs, publishes over a real broker, and a subscriber verifies every word."""

import dataclasses
import secrets

from nameplate.sim import chips
from nameplate.token.trust import Trust
from nameplate.token.verifier import Verifier


def test_it_says_who_it_is_on_its_serial_line_and_proves_it(house):
    fridge = house.switch_on()
    nonce = secrets.token_urlsafe(16)
    result = fridge.ask("read", nonce=nonce)["result"]

    verifier = Verifier(Trust.load(house.unit.trust))
    binding = verifier.check(result["binding"], "binding")
    identity = verifier.check(result["identity"], "identity")
    reply = verifier.check(result["reply"], "reply", nonce=nonce)
    assert [binding.verdict, identity.verdict, reply.verdict] == ["genuine"] * 3
    assert identity.claims["serial"] == house.unit.serial
    assert identity.ueid == binding.ueid == reply.ueid == house.unit.ueid
    assert reply.claims["carrier"] == "serial"
    assert reply.claims["bootcount"] == 1
    assert {record["n"] for record in reply.claims["senml"]} >= {"pan", "fridge", "freezer", "evap"}


def test_it_says_who_it_is_to_a_person(house):
    fridge = house.switch_on()
    fridge.run(3000)
    said = fridge.type("id")
    assert said[0] == "KF-320 fridge-freezer by Acme"
    assert said[1].split() == ["serial", house.unit.serial]


def test_its_panel_says_who_it_is_too(house):
    fridge = house.switch_on()
    fridge.wait(
        lambda: fridge.board.panel[0].startswith("KF-320") and fridge.board.panel[3].startswith("online")
    )
    assert fridge.board.panel[0] == f"KF-320    {house.unit.serial}"
    assert fridge.board.panel[1].startswith("Ends 2028-03-02")


def test_one_signed_heartbeat_with_a_reading_is_verified(house):
    fridge = house.switch_on()
    heartbeats = lambda: house.subscriber.of("heartbeat")  # noqa: E731
    fridge.wait(lambda: len(heartbeats()) >= 3)
    assert house.subscriber.words() <= {"genuine", "duplicate"}
    assert house.subscriber.numbers()[:3] == [(1, 0), (1, 1), (1, 2)]
    first, second = heartbeats()[:2]
    assert first.claims["reset"] == "power"
    assert first.claims["oemid"] == house.unit.oemid
    assert {"n": "pan", "vb": False} in second.claims["senml"]
    (reading,) = [record for record in second.claims["senml"] if record["n"] == "fridge"]
    assert reading["u"] == "Cel"
    assert 0 < reading["v"] < 10
    assert second.claims["ack"] == "broker"
    assert second.claims["clock"] == "floor"
    assert "iat" not in second.claims
    assert house.subscriber.of("status", state="online")[0].claims["conn"] == 1
    # The first of a boot says more; the others hold five readings in 700 bytes.
    sizes = [len(token) for topic, token in house.subscriber.tokens if topic.endswith("/heartbeat")]
    assert max(sizes[1:]) <= 700
    assert fridge.resets() == ["power"]


def test_it_runs_and_answers_in_three_quarters_of_a_boards_memory(house, monkeypatch):
    stock = chips.CHIPS["esp32"]
    tight = dataclasses.replace(stock, free_heap=stock.free_heap * 3 // 4)
    monkeypatch.setitem(chips.CHIPS, "esp32", tight)
    fridge = house.switch_on()
    fridge.wait(lambda: len(house.subscriber.of("heartbeat")) >= 3)
    for _ in range(5):
        assert fridge.ask("read", nonce="bm9uY2Utbm9uY2U")["result"]
        fridge.run(1500)
    assert fridge.type("id")[1].split() == ["serial", house.unit.serial]
    assert fridge.resets() == ["power"]
