"""The plug is pulled, at any moment: the next start counts one more, goes on with the chain, and loses no stored token."""

import pytest

from nameplate.token.base64url import encode


def test_a_power_cut_is_a_new_boot_that_names_the_last_token(house):
    fridge = house.switch_on()
    fridge.wait(lambda: len(house.subscriber.of("heartbeat")) >= 3)
    fridge.board.kill()
    fridge.board.set("power", "on")
    fridge.wait(lambda: house.subscriber.of("heartbeat", bootcount=2), 60)
    (first,) = house.subscriber.of("heartbeat", bootcount=2, seq=0)
    last = max(house.subscriber.of("heartbeat", bootcount=1), key=lambda verdict: verdict.seq)
    (token,) = [
        token
        for (topic, token), verdict in zip(house.subscriber.tokens, house.subscriber.verdicts, strict=True)
        if verdict is last
    ]
    import hashlib

    assert first.claims["prev"] == encode(hashlib.sha256(token).digest()[:12])
    assert first.claims["reset"] == "power"
    assert house.subscriber.words() <= {"genuine", "duplicate", "late"}


def test_what_was_stored_before_the_cut_is_sent_after_it(house):
    fridge = house.switch_on(world={"wifi": "gone"})
    fridge.run(65_000)
    fridge.board.kill()
    fridge.board.set("wifi", "up")
    fridge.board.set("power", "on")
    fridge.wait(lambda: len([one for one in house.subscriber.numbers() if one[0] == 1]) >= 6, 90)
    fridge.wait(lambda: house.subscriber.of("heartbeat", bootcount=2), 60)
    assert [seq for count, seq in house.subscriber.numbers() if count == 1][:6] == list(range(6))
    assert house.subscriber.words() <= {"genuine", "late", "gap"}


@pytest.mark.parametrize("seed", range(4))
def test_cuts_in_the_middle_of_flash_operations_never_look_like_a_clone_or_a_forgery(house, seed):
    fridge = house.switch_on(seed=seed)
    for number in range(6):
        fridge.board.set("power_cut_at", 3 + (seed * 17 + number * 11) % 40)
        fridge.wait(lambda: not fridge.board.powered, 300)
        fridge.board.set("power", "on")
    fridge.wait(lambda: [one for one in house.subscriber.numbers() if one[0] >= 4], 120)
    assert fridge.ask("version")["result"]["provisioned"]
    assert house.subscriber.words() <= {"genuine", "late", "gap", "duplicate"}
