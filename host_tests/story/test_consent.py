"""The owner decides what leaves. Without a press of the button nobody changes that."""


def press(fridge):
    fridge.board.set("button", "pressed")
    fridge.run(200)
    fridge.board.set("button", "released")
    fridge.run(200)


def change(fridge, value):
    press(fridge)
    assert fridge.ask("consent", value=value)["result"] == {"consent": value, "changed": True}


def test_off_silences_and_full_speaks_again(house):
    fridge = house.switch_on()
    fridge.wait(lambda: len(house.subscriber.of("heartbeat")) >= 2)
    change(fridge, "off")
    fridge.run(5000)
    house.subscriber.settle()
    silent = [topic for topic, _ in house.subscriber.tokens]
    fridge.board.set("leak", "wet")
    fridge.run(120_000)
    assert fridge.board.alarm  # the owner is warned all the same
    house.subscriber.settle()
    later = [topic for topic, _ in house.subscriber.tokens][len(silent) :]
    assert later in ([], [house.topic + "status"])  # at most the last will, which the broker held
    assert fridge.type("sent")[0].startswith("uplink is off")

    fridge.board.set("leak", "dry")
    fridge.run(15_000)
    before = len(house.subscriber.of("heartbeat"))
    change(fridge, "full")
    fridge.wait(lambda: len(house.subscriber.of("heartbeat")) > before, 60)
    assert not house.subscriber.of("event")  # nothing is told afterwards
    assert house.subscriber.words() <= {"genuine", "duplicate"}
    assert fridge.resets() == ["power"]


def test_off_outlives_a_power_cut(house):
    fridge = house.switch_on()
    fridge.wait(lambda: house.subscriber.of("heartbeat"))
    change(fridge, "off")
    fridge.run(1000)
    fridge.board.kill()
    house.subscriber.settle()
    count = len(house.subscriber.of("heartbeat"))
    fridge.board.set("power", "on")
    fridge.run(60_000)
    house.subscriber.settle()
    assert len(house.subscriber.of("heartbeat")) == count


def test_minimum_sends_faults_and_state_but_no_reading(house):
    fridge = house.switch_on()
    fridge.wait(lambda: house.subscriber.of("heartbeat"))
    change(fridge, "minimum")
    house.subscriber.settle()
    before = len(house.subscriber.of("heartbeat"))
    fridge.board.set("leak", "wet")
    fridge.wait(
        lambda: house.subscriber.of("event") and len(house.subscriber.of("heartbeat")) >= before + 2, 60
    )
    assert house.subscriber.of("event")[0].claims["senml"] == []
    assert all(beat.claims["senml"] == [] for beat in house.subscriber.of("heartbeat")[before:])
    assert house.subscriber.words() <= {"genuine", "duplicate"}


def test_nobody_changes_it_without_the_button(house):
    fridge = house.switch_on()
    fridge.wait(lambda: house.subscriber.of("heartbeat"))
    error = fridge.ask("consent", value="off")["error"]
    assert error["code"] == -32003
    press(fridge)
    fridge.run(61_000)
    assert "error" in fridge.ask("consent", value="off")
    assert fridge.ask("consent")["result"]["consent"] == "full"


def test_what_left_last_is_shown_as_it_left(house):
    fridge = house.switch_on()
    fridge.wait(lambda: len(house.subscriber.of("heartbeat")) >= 2)
    fridge.run(2000)
    house.subscriber.settle()
    sent = fridge.ask("sent")["result"]
    assert (sent["topic"], sent["token"].encode()) == house.subscriber.tokens[-1]
