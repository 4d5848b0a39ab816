"""Who a unit is and how often it has started lie in NVS and in files: whichever is lost, the real firmware mends it.

Every token of every boot goes to one verifier, which would call a number used twice, or a forked chain, a clone.
"""

import secrets
import shutil

import pytest

from host_tests.story.flash_files import change_files
from nameplate.factory import partitions
from nameplate.token.trust import Trust
from nameplate.token.verifier import Verifier


def restart(fridge):
    fridge.board.kill()
    fridge.board.set("power", "on")


def beats(house, fridge, bootcount, timeout_s=60):
    """Wait for two heartbeats of this boot, and see that no token so far was doubted."""
    fridge.wait(lambda: len(house.subscriber.of("heartbeat", bootcount=bootcount)) >= 2, timeout_s)
    assert house.subscriber.words() <= {"genuine", "duplicate", "late", "gap"}
    assert {verdict.ueid for verdict in house.subscriber.verdicts} == {house.unit.ueid}


def logged(fridge, words):
    return any(words in line for line in fridge.type("log"))


@pytest.mark.parametrize("how", ["erased", "damaged"])
def test_nvs_lost_at_the_very_first_start_and_again_later(house, how):
    fridge = house.switch_on(world={"nvs": how})
    fridge.wait(lambda: len(house.subscriber.of("heartbeat")) >= 2)
    assert fridge.type("id")[1].split() == ["serial", house.unit.serial]
    assert logged(fridge, "mended from the mirror: ")
    (first,) = {count for count, _ in house.subscriber.numbers()}
    assert first in (1, 64)  # damage may have spared the count
    fridge.board.set("nvs", "erased")
    restart(fridge)
    fridge.wait(lambda: [count for count, _ in house.subscriber.numbers() if count > first])
    second = max(count for count, _ in house.subscriber.numbers())
    beats(house, fridge, second)
    restart(fridge)
    beats(house, fridge, second + 1)


@pytest.mark.parametrize("how", ["erased", "damaged"])
def test_the_mirror_lost_is_made_again_and_then_nvs_may_go(house, how):
    fridge = house.switch_on(world={"mirror": how})
    beats(house, fridge, 1)
    assert logged(fridge, "mirror of unit mended")
    fridge.board.set("nvs", "erased")
    restart(fridge)
    beats(house, fridge, 65)  # a promise that is made at the first start reaches to 65
    assert fridge.type("id")[1].split() == ["serial", house.unit.serial]


def test_nvs_that_takes_no_more_leaves_the_counting_to_the_mirror(house):
    fridge = house.switch_on(world={"nvs": "full"})
    beats(house, fridge, 1)
    assert logged(fridge, "the mirror counts")
    restart(fridge)
    beats(house, fridge, 2)
    (first,) = house.subscriber.of("heartbeat", bootcount=2, seq=0)
    assert first.claims["prev"]  # the chain is known
    fridge.board.set("nvs", "ok")
    restart(fridge)
    beats(house, fridge, 3)


def test_where_neither_can_be_written_only_a_caller_is_answered(house):
    change_files(house.unit.path, {f"/data/mirror/{name}": None for name in ("unit", "settings", "boots")})
    change_files(house.unit.path, {"/data/mirror": None})
    change_files(house.unit.path, {"/data/mirror": b"no folder"})
    fridge = house.switch_on(world={"nvs": "full"})
    fridge.run(30_000)
    nonce = secrets.token_urlsafe(16)
    result = fridge.ask("read", nonce=nonce)["result"]
    verifier = Verifier(Trust.load(house.unit.trust))
    verifier.check(result["binding"], "binding")
    reply = verifier.check(result["reply"], "reply", nonce=nonce)
    assert reply.verdict == "genuine"
    assert "bootcount" not in reply.claims
    assert reply.claims["uplink"]["state"] == "off: boot not counted"
    assert logged(fridge, "boot not counted")
    house.subscriber.settle()
    assert house.subscriber.tokens == []


def test_a_board_provisioned_anew_over_its_old_files_is_the_new_unit(build_house, make_unit, tmp_path):
    house = build_house(wifi_ssid="kitchen")
    old = make_unit(serial="4F7-220919", broker_url=house.broker.url, period_s=10)
    whole = tmp_path / "old.bin"
    shutil.copy(old.path, whole)
    mixed = bytearray(house.unit.path.read_bytes())
    mixed[partitions.VFS.offset :] = whole.read_bytes()[partitions.VFS.offset :]
    house.unit.path.write_bytes(mixed)
    fridge = house.switch_on()
    beats(house, fridge, 1)
    assert logged(fridge, "mirror was another unit's: replaced")
    fridge.board.set("nvs", "erased")
    restart(fridge)
    beats(house, fridge, 64)


@pytest.mark.parametrize("cut", [5, 18])
def test_a_cut_while_nvs_is_mended_costs_nothing(house, cut):
    fridge = house.switch_on(world={"nvs": "erased", "power_cut_at": cut})
    fridge.wait(lambda: not fridge.board.powered, 60)
    fridge.board.set("power", "on")
    fridge.wait(lambda: len(house.subscriber.of("heartbeat")) >= 2, 60)
    assert house.subscriber.words() <= {"genuine", "duplicate"}
    assert fridge.ask("version")["result"]["provisioned"]
    assert not any("settings damaged" in line for line in fridge.type("log"))


def test_consent_that_was_withdrawn_stays_so_when_nvs_is_lost(house):
    fridge = house.switch_on()
    beats(house, fridge, 1)
    fridge.board.set("button", "pressed")
    fridge.run(200)
    fridge.board.set("button", "released")
    assert fridge.type("consent off")[0].startswith("consent is off")
    fridge.run(2_000)
    fridge.board.set("nvs", "erased")
    restart(fridge)
    fridge.run(5_000)
    house.subscriber.settle()
    said = len(house.subscriber.tokens)
    assert fridge.type("consent")[0].startswith("consent is off")
    fridge.run(30_000)
    house.subscriber.settle()
    assert len(house.subscriber.tokens) == said
