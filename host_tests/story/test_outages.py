"""The network goes, the broker goes, both come back: nothing is lost, nothing is doubled, and nothing resets."""

from nameplate.broker import EmbeddedBroker


def unbroken(house, bootcount=1):
    """Whether every number from 0 to the highest has been received."""
    numbers = [seq for count, seq in house.subscriber.numbers() if count == bootcount]
    return numbers == list(range(len(numbers)))


def test_wifi_goes_and_comes_back_and_nothing_is_lost(house):
    fridge = house.switch_on()
    fridge.wait(lambda: len(house.subscriber.of("heartbeat")) >= 2)
    fridge.board.set("wifi", "gone")
    fridge.run(150_000)
    assert "no access point" in fridge.type("sent")[0]
    before = len(house.subscriber.numbers())
    fridge.board.set("wifi", "up")
    fridge.wait(lambda: len(house.subscriber.numbers()) >= before + 14 and unbroken(house), 180)
    assert fridge.resets() == ["power"]
    assert house.subscriber.words() <= {"genuine", "late", "gap", "duplicate"}


def test_a_wrong_password_is_named_and_heals(house):
    fridge = house.switch_on(world={"wifi": "wrong_password"})
    fridge.run(60_000)
    assert fridge.ask("read", nonce="bm9uY2Utbm9uY2U")["result"]
    assert "wrong password" in fridge.type("sent")[0]
    assert fridge.board.panel[3].startswith("Wi-Fi")
    fridge.board.set("wifi", "up")
    fridge.wait(lambda: len(house.subscriber.numbers()) >= 6 and unbroken(house), 180)


def test_the_broker_goes_down_and_comes_back_and_the_outbox_drains(house):
    fridge = house.switch_on()
    fridge.wait(lambda: len(house.subscriber.of("heartbeat")) >= 2)
    house.broker.stop()
    fridge.run(240_000)
    assert fridge.ask("version")["result"]["uptime"] >= 240
    assert int(fridge.type("sent")[0].split(", ")[1].split(" ")[0]) >= 20
    house.broker.start()
    house.subscriber.back()
    fridge.wait(lambda: len(house.subscriber.numbers()) >= 24 and unbroken(house), 180)
    assert fridge.resets() == ["power"]
    assert "clone" not in house.subscriber.words()


def test_a_broker_that_falls_silent_is_left_and_found_again(house):
    fridge = house.switch_on()
    fridge.wait(lambda: len(house.subscriber.of("heartbeat")) >= 2)
    fridge.board.set("broker", "silent")
    fridge.run(120_000)
    fridge.board.set("broker", "reachable")
    fridge.wait(lambda: len(house.subscriber.numbers()) >= 13 and unbroken(house), 180)
    assert fridge.resets() == ["power"]


def test_events_overtake_heartbeats_and_order_is_still_whole(house):
    fridge = house.switch_on(world={"wifi": "gone"})
    fridge.run(60_000)
    fridge.board.set("leak", "wet")
    fridge.run(60_000)
    fridge.board.set("wifi", "up")
    fridge.wait(lambda: len(house.subscriber.numbers()) >= 12 and unbroken(house), 180)
    kinds = [topic.rsplit("/", 1)[1] for topic, _ in house.subscriber.tokens]
    assert kinds.index("event") < kinds.index("heartbeat")
    assert house.subscriber.words() <= {"genuine", "late", "gap"}


def test_a_unit_with_a_wrong_broker_secret_says_so(make_unit, broker, manufacturer):
    from host_tests.story.conftest import Fridge

    with EmbeddedBroker(users={"somebody": "else"}) as strict:
        fridge = Fridge(make_unit(broker_url=strict.url))
        try:
            fridge.until(lambda: "broker" in fridge.type("sent")[0])
            said = fridge.type("sent")[0]
        finally:
            fridge.close()
    assert "bad broker user or secret" in said or "not authorised by broker" in said
