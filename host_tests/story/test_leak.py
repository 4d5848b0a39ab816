"""Water under the fridge: the alarm needs nobody, and the event that is signed at once is verified."""

import pytest

ALARM_MS = 150


def alarm_delay(fridge, moment):
    """Simulated ms from the world's change to the alarm."""
    (on,) = [
        event.at_ms for event in fridge.events("alarm") if event.detail == "on" and event.at_ms >= moment
    ]
    return on - moment


def pour(fridge):
    fridge.board.set("leak", "wet")
    return fridge.events("world")[-1].at_ms


def test_water_sounds_the_alarm_at_once_and_the_event_is_verified(house):
    fridge = house.switch_on()
    fridge.wait(lambda: house.subscriber.of("heartbeat"))
    assert not fridge.board.alarm
    moment = pour(fridge)
    fridge.wait(lambda: house.subscriber.of("event"), 10)
    assert alarm_delay(fridge, moment) <= ALARM_MS
    assert fridge.board.now_ms - moment <= 2000  # the whole way to the subscriber
    (event,) = house.subscriber.of("event")
    assert event.verdict == "genuine"
    assert (event.claims["fault"], event.claims["state"]) == ("L01", "confirmed")
    assert {"n": "pan", "vb": True} in event.claims["senml"]
    fridge.wait(lambda: fridge.board.panel[0].strip() == "! WATER IN BASE PAN", 5)

    fridge.board.set("leak", "dry")
    fridge.wait(lambda: house.subscriber.of("event", state="cleared"), 30)
    assert not fridge.board.alarm
    assert house.subscriber.of("event", state="cleared")[0].claims["since"] == event.claims["since"]
    assert house.subscriber.words() <= {"genuine", "duplicate"}


@pytest.mark.parametrize(
    ("key", "value"),
    [("wifi", "gone"), ("wifi", "wrong_password"), ("broker", "silent"), ("broker", "refused")],
)
def test_the_alarm_needs_no_network(house, key, value):
    fridge = house.switch_on(world={key: value})
    fridge.run(20_000)  # into the middle of whatever it tries
    moment = pour(fridge)
    fridge.wait(lambda: fridge.board.alarm, 1)
    assert alarm_delay(fridge, moment) <= ALARM_MS

    fridge.board.set(key, {"wifi": "up", "broker": "reachable"}[key])
    fridge.wait(lambda: house.subscriber.of("event"), 180)
    assert house.subscriber.of("event")[0].claims["fault"] == "L01"
    assert house.subscriber.words() <= {"genuine", "late"}
    assert fridge.resets() == ["power"]


@pytest.mark.parametrize("broken", ["open", "short"])
def test_a_broken_probe_is_neither_wet_nor_dry(house, broken):
    fridge = house.switch_on(world={"leak": broken})
    fridge.wait(lambda: len(house.subscriber.of("heartbeat")) >= 2)
    assert {"n": "pan", "vs": broken} in house.subscriber.of("heartbeat")[-1].claims["senml"]
    assert not house.subscriber.of("event")
    assert not fridge.board.alarm


def test_a_probe_that_breaks_does_not_end_an_alarm(house):
    fridge = house.switch_on()
    fridge.run(3000)
    pour(fridge)
    fridge.wait(lambda: house.subscriber.of("event"), 10)
    fridge.board.set("leak", "open")
    fridge.run(30_000)
    assert fridge.board.alarm
    assert len(house.subscriber.of("event")) == 1


def test_leak_after_leak_sounds_in_time(house):
    fridge = house.switch_on(world={"broker": "silent"})
    fridge.run(3000)
    delays = []
    for number in range(8):
        moment = pour(fridge)
        fridge.wait(lambda: fridge.board.alarm, 1)
        delays.append(alarm_delay(fridge, moment))
        fridge.board.set("leak", "dry")
        fridge.wait(lambda: not fridge.board.alarm, 20)
        fridge.run(137 * number % 1000)
    assert max(delays) <= ALARM_MS


def test_a_leak_is_known_over_a_power_cut_and_sounds_again_when_it_is_seen_again(house):
    fridge = house.switch_on()
    fridge.run(3000)
    pour(fridge)
    fridge.wait(lambda: house.subscriber.of("event"), 10)
    (first,) = house.subscriber.of("event")
    evidence = first.claims["evidence"]
    assert 0 < evidence["for"] <= evidence["window"] < 1
    assert (evidence["sensors"], evidence["confidence"]) == (["pan"], None)
    fridge.run(3000)  # by now it is on flash
    fridge.board.kill()
    fridge.board.set("leak", "open")
    fridge.board.set("power", "on")
    fridge.wait(lambda: house.subscriber.of("heartbeat", bootcount=2), 60)
    assert not fridge.board.alarm
    (told,) = fridge.ask("faults")["result"]["faults"]
    assert (told["fault"], told["state"], told["old"]) == ("L01", "recovering", True)
    assert told["evidence"].startswith("before this start: wet ")
    moment = pour(fridge)
    fridge.wait(lambda: fridge.board.alarm, 1)
    assert alarm_delay(fridge, moment) <= ALARM_MS
    fridge.wait(lambda: house.subscriber.of("event", bootcount=2), 10)
    (again,) = house.subscriber.of("event", bootcount=2)
    assert (again.claims["fault"], again.claims["state"], again.claims["since"]) == ("L01", "confirmed", 0)
    assert again.claims["before"] >= 1
    fridge.board.set("leak", "dry")
    fridge.wait(lambda: house.subscriber.of("event", state="cleared"), 30)
    assert house.subscriber.words() <= {"genuine", "duplicate", "late"}


def test_a_broken_sensor_is_told_as_that_and_its_fault_is_known_over_a_power_cut(house):
    fridge = house.switch_on(world={"fridge": "open"})
    fridge.wait(lambda: house.subscriber.of("event"), 240)
    (event,) = house.subscriber.of("event")
    assert (event.claims["fault"], event.claims["state"]) == ("S02", "confirmed")
    assert event.claims["evidence"]["quality"] == "open"
    assert event.claims["evidence"]["known"] >= 120
    assert not fridge.board.alarm
    fridge.run(3000)
    fridge.board.kill()
    fridge.board.set("power", "on")
    fridge.wait(lambda: house.subscriber.of("heartbeat", bootcount=2), 60)
    assert [fault["fault"] for fault in fridge.ask("faults")["result"]["faults"]] == ["S02"]
