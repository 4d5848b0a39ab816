"""Identity on request over MQTT: the backend's signed command is answered, every other is refused and counted."""

import pytest

from firmware.version import BUILT
from nameplate.factory.keys import key_file
from nameplate.token import mint
from nameplate.token.command import command, load_key

NOW = BUILT + 3600
NONCE = "bm9uY2Utb2YtYmFja2VuZA"


@pytest.fixture
def backend_key(manufacturer):
    """The manufacturer's backend key."""
    return load_key(manufacturer.directory / key_file("backend", 1))


@pytest.fixture
def fridge(house):
    running = house.switch_on()
    running.wait(lambda: house.subscriber.of("heartbeat"))
    return running


def send(house, token):
    house.subscriber.publish(house.topic + "cmd", token)


def refusals(fridge):
    """What the console says of refused messages."""
    return [line for line in fridge.type("sent") if line.startswith("refused")]


def test_the_backends_command_is_answered_with_the_identity(house, fridge, backend_key):
    send(house, command(house.unit.ueid, "identity", backend_key, NONCE, now=NOW))
    fridge.wait(lambda: house.subscriber.of("reply"), 10)
    (reply,) = house.subscriber.of("reply")
    assert reply.verdict == "genuine"
    assert (reply.claims["eat_nonce"], reply.claims["carrier"], reply.claims["method"]) == (
        NONCE,
        "mqtt",
        "identity",
    )
    identity = house.subscriber.verifier.check(reply.claims["identity"], "identity")
    assert identity.verdict == "genuine"
    assert (identity.claims["serial"], identity.ueid) == (house.unit.serial, house.unit.ueid)
    assert reply.claims["clock"] == "floor"


def test_all_others_are_refused_and_counted_and_nothing_else_happens(house, fridge, backend_key):
    ueid = house.unit.ueid
    stranger = mint.new_key()
    good = command(ueid, "identity", backend_key, NONCE, now=NOW)
    wrong = [
        (command(ueid, "identity", stranger, "nonce-of-a-stranger", now=NOW), "key"),
        (good[:-3], "token"),
        (command(mint.new_ueid(), "identity", backend_key, "nonce-for-another", now=NOW), "addressee"),
        (command(ueid, "identity", backend_key, "nonce-of-yesterday", now=BUILT - 9000), "expired"),
        (command(ueid, "reset", backend_key, "nonce-for-a-reset", now=NOW), "method"),
        ("", "token"),
        ("x" * 5000, "oversize"),
        ("x" * 1025, "oversize"),
        ("\xff\xfe{", "token"),
    ]
    expected = {}
    for token, reason in wrong:
        send(house, token)
        expected[reason] = expected.get(reason, 0) + 1
        fridge.run(6000)
    send(house, good)
    fridge.wait(lambda: house.subscriber.of("reply"), 10)
    send(house, good)
    expected["repeated"] = 1
    fridge.run(6000)
    house.subscriber.settle()
    # QoS 1 is at least once: the same bytes may come twice, another reply may not.
    assert [reply.verdict for reply in house.subscriber.of("reply") if reply.fresh] == ["genuine"]
    (line,) = refusals(fridge)
    assert line.split() == [
        "refused",
        *", ".join(f"{name} {expected[name]}" for name in sorted(expected)).split(),
    ]
    assert house.subscriber.words() <= {"genuine", "duplicate"}
    assert fridge.resets() == ["power"]


def test_a_flood_of_commands_costs_little_and_ends(house, fridge, backend_key):
    stranger = mint.new_key()
    for number in range(60):
        send(house, command(house.unit.ueid, "identity", stranger, f"nonce-of-a-flood-{number:02}", now=NOW))
    fridge.run(3000)
    fridge.board.set("leak", "wet")
    moment = fridge.events("world")[-1].at_ms
    fridge.wait(lambda: house.subscriber.of("event"), 10)
    alarm = next(event.at_ms for event in fridge.events("alarm") if event.detail == "on")
    assert alarm - moment <= 150
    fridge.run(20_000)
    send(house, command(house.unit.ueid, "identity", backend_key, NONCE, now=NOW))
    fridge.wait(lambda: house.subscriber.of("reply"), 10)
    assert fridge.resets() == ["power"]


def test_the_verified_time_is_a_floor_that_survives_a_reset(house, fridge, backend_key):
    later = BUILT + 3 * 365 * 86400  # the parts' warranty is over by then
    send(house, command(house.unit.ueid, "identity", backend_key, NONCE, now=later))
    fridge.wait(lambda: house.subscriber.of("reply"), 10)
    fridge.board.kill()
    fridge.board.set("power", "on")
    fridge.run(5000)
    assert fridge.type("warranty")[0] == "parts: expired 2028-03-02"
    reply = fridge.ask("read", nonce=NONCE)["result"]["reply"]
    claims = house.subscriber.verifier.check(reply, "reply", nonce=NONCE).claims
    assert claims["clock"] == "floor"
    assert "iat" not in claims
