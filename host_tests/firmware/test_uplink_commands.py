"""Commands from the network: one signed by the right key, for this unit, now, is answered; all others are counted."""

import asyncio
import base64
import json

import pytest

from firmware.clock import Clock
from firmware.reply import Busy
from firmware.uplink.commands import Commands
from firmware.uplink.refused import Refused
from host_tests.firmware.fakes import Ticks
from lib.p256 import P256
from nameplate.factory import comb
from nameplate.token import mint

BUILT = 1_795_478_400
NOW = BUILT + 1000
UEID = "AQIDBAUGBwgJCgsMDQ4PEBE"
BACKEND, STRANGER = mint.new_key(), mint.new_key()


@pytest.fixture(scope="module")
def p256(tmp_path_factory):
    return P256(str(comb.write(tmp_path_factory.mktemp("comb") / "p256_comb.bin")))


class Unit:
    ueid = UEID
    anchors = {"backend": {mint.thumbprint(BACKEND): mint.public_point(BACKEND)}}


class Settings:
    consent = "full"


class Replies:
    def __init__(self):
        self.asked = []
        self.error = None

    async def identity(self, nonce, carrier):
        if self.error:
            raise self.error
        self.asked.append((nonce, carrier))
        return b"signed reply"


class Bench:
    """Commands with everything around them."""

    def __init__(self, p256):
        self.ticks = Ticks()
        self.clock = Clock(BUILT, ticks=self.ticks)
        self.settings = Settings()
        self.replies = Replies()
        self.refused = Refused()
        self.unit = Unit()
        self.commands = Commands(
            self.unit, self.settings, self.clock, p256, self.replies, self.refused, self.ticks
        )

    def ask(self, token):
        self.commands.offer(token if isinstance(token, bytes) else token.encode())
        return asyncio.run(self.commands.answer()) if self.commands.waiting else None


@pytest.fixture
def bench(p256):
    return Bench(p256)


def payload(**changes):
    claims = {
        "eat_profile": "urn:nameplate:1:command",
        "aud": UEID,
        "method": "identity",
        "eat_nonce": "bm9uY2Utbm9uY2U",
        "iat": NOW,
        "exp": NOW + 60,
        **changes,
    }
    return {name: value for name, value in claims.items() if value is not None}


def command(key=BACKEND, **changes):
    return mint.sign("command", payload(**changes), key)


def test_a_right_command_is_answered_over_its_nonce(bench):
    assert bench.ask(command()) == b"signed reply"
    assert bench.replies.asked == [("bm9uY2Utbm9uY2U", "mqtt")]
    assert bench.refused.by == {}
    assert not bench.commands.waiting


def test_its_verified_time_raises_the_clocks_floor(bench):
    bench.ask(command())
    assert (bench.clock.floor, bench.clock.quality, bench.clock.unix()) == (NOW, "floor", None)


def altered(token):
    head, body, signature = token.split(".")
    claims = json.loads(base64.urlsafe_b64decode(body + "=="))
    claims["exp"] += 1
    body = base64.urlsafe_b64encode(json.dumps(claims, separators=(",", ":")).encode()).rstrip(b"=").decode()
    return f"{head}.{body}.{signature}"


@pytest.mark.parametrize(
    ("token", "reason"),
    [
        (command(STRANGER), "token"),
        (altered(command()), "token"),
        (command()[:-4], "token"),
        (mint.sign("heartbeat", payload(), BACKEND), "token"),
        ("", "token"),
        ("..", "token"),
        (b"\xff" * 200, "token"),
        ("x" * 1100, "token"),
        (command(aud="AQIDBAUGBwgJCgsMDQ4PEBA"), "addressee"),
        (command(aud=None), "addressee"),
        (command(iat=BUILT - 500, exp=BUILT - 1), "expired"),
        (command(method="reset"), "method"),
        (command(method=None), "method"),
        (command(eat_nonce="short"), "malformed"),
        (command(eat_nonce='quote"in-a-nonce'), "malformed"),
        (command(eat_nonce=None), "malformed"),
        (command(exp=None), "malformed"),
        (command(iat=None), "malformed"),
        (command(exp=NOW - 1), "malformed"),
        (command(iat=True), "malformed"),
        (command(iat=str(NOW)), "malformed"),
        (command(iat=float(NOW)), "malformed"),
        (command(eat_profile="urn:nameplate:1:ack"), "malformed"),
        (mint.sign("command", b"[]", BACKEND), "malformed"),
        (mint.sign("command", b"{", BACKEND), "malformed"),
        (mint.sign("command", b"[" * 300, BACKEND), "malformed"),
        (mint.sign("command", mint.payload_bytes(payload())[:-1] + b',"aud":"x"}', BACKEND), "malformed"),
    ],
    ids=lambda value: value if isinstance(value, str) and len(value) < 12 else "",
)
def test_a_wrong_command_gets_no_answer_and_is_counted_by_reason(bench, token, reason):
    assert bench.ask(token) is None
    assert bench.refused.by == {reason: 1}
    assert bench.replies.asked == []


def test_an_unsigned_time_does_not_move_the_clock(bench):
    bench.ask(command(STRANGER, iat=NOW + 10**7, exp=NOW + 10**8))
    assert bench.clock.floor == BUILT


def test_a_command_is_good_once(bench):
    token = command()
    assert bench.ask(token)
    assert bench.ask(token) is None
    assert bench.refused.by == {"repeated": 1}


@pytest.mark.parametrize("consent", ["minimum", "off"])
def test_without_full_consent_nothing_is_told_and_nothing_computed(bench, consent):
    bench.settings.consent = consent
    assert bench.ask(command()) is None
    assert bench.refused.by == {"consent": 1}
    assert bench.clock.floor == BUILT


def test_a_flood_costs_a_bounded_share_and_ends(bench):
    answers = sum(bool(bench.ask(command(eat_nonce=f"nonce-number-{number:03}"))) for number in range(20))
    assert answers == 3
    assert bench.refused.by == {"rate": 17}
    bench.ticks.now += 5000
    assert bench.ask(command(eat_nonce="nonce-number-later"))
    assert bench.ask(command(eat_nonce="nonce-number-latest")) is None


def test_only_one_command_waits(bench):
    bench.commands.offer(command(eat_nonce="the-first-nonce").encode())
    bench.commands.offer(command(eat_nonce="the-second-nonce").encode())
    assert asyncio.run(bench.commands.answer())
    assert not bench.commands.waiting
    assert bench.replies.asked == [("the-first-nonce", "mqtt")]
    assert bench.refused.by == {"rate": 1}


def test_when_others_are_being_answered_it_is_counted(bench):
    bench.replies.error = Busy()
    assert bench.ask(command()) is None
    assert bench.refused.by == {"rate": 1}
    assert not bench.commands.waiting


def test_a_unit_whose_anchors_are_damaged_obeys_nobody(bench):
    bench.unit.anchors = {}
    assert bench.ask(command()) is None
    assert bench.refused.by == {"token": 1}


def test_the_counter_knows_its_reasons():
    with pytest.raises(ValueError):
        Refused().count("whatever")
