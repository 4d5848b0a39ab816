"""Commands from the network: one signed by the right key, for this unit, now, is answered; all others are counted."""

import asyncio
import base64
import json

import pytest

from firmware.clock import Clock
from firmware.reply import Busy
from firmware.uplink.commands import Commands
from firmware.uplink.refused import Refused
from firmware.verifier import Verifier
from host_tests.firmware.fakes import Ticks
from host_tests.firmware.simulated_time import PRELUDE
from lib import jws, p256, p256_sign, p256_verify
from nameplate.factory import comb
from nameplate.token import mint

BUILT = 1_795_478_400
NOW = BUILT + 1000
UEID = "AQIDBAUGBwgJCgsMDQ4PEBE"
BACKEND, SECOND, UPDATE, STRANGER = [mint.new_key() for _ in range(4)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A unit's data after its first connection, so with its backend's keys prepared."""
    folder = tmp_path_factory.mktemp("data")
    comb.write(folder / "p256_comb.bin")
    return folder


class Unit:
    ueid = UEID

    def __init__(self):
        self.keys = {
            "backend": {mint.thumbprint(key): mint.public_point(key) for key in (BACKEND, SECOND)},
            "update": {mint.thumbprint(UPDATE): mint.public_point(UPDATE)},
        }

    def anchors(self, role):
        return self.keys.get(role, {})


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

    def __init__(self, folder, ready=True):
        self.ticks = Ticks()
        self.clock = Clock(BUILT, ticks=self.ticks)
        self.settings = Settings()
        self.replies = Replies()
        self.refused = Refused()
        self.unit = Unit()
        self.folder = folder
        curve = jws.Curve(str(folder / "p256_comb.bin"))
        self.verifier = Verifier(self.unit, curve, f"{folder}/keys-", ("mqtt", "console"), self.ticks)
        self.commands = Commands(
            self.unit, self.settings, self.clock, self.verifier, self.replies, self.refused
        )
        if ready:
            self.prepare()

    def prepare(self):
        """What a unit does when it goes online, before it listens."""
        assert self.commands.waiting
        assert asyncio.run(self.commands.answer()) is None
        assert not self.commands.waiting

    def ask(self, token):
        self.commands.offer(token if isinstance(token, bytes) else token.encode())
        return asyncio.run(self.commands.answer()) if self.commands.waiting else None


@pytest.fixture
def operations(monkeypatch):
    """How many operations on the curve, inversions and reads of its table there were since the last look."""
    count = [0]

    def counting(function):
        def counted(*args):
            count[0] += 1
            return function(*args)

        return counted

    for module in (p256, p256_sign, p256_verify):
        for name in ("double", "add", "inverse", "on_curve", "base_points"):
            if hasattr(module, name):
                monkeypatch.setattr(module, name, counting(getattr(module, name)))

    def since():
        found, count[0] = count[0], 0
        return found

    return since


@pytest.fixture
def bench(folder):
    return Bench(folder)


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


BEFORE_ARITHMETIC = [
    ("", "token"),
    ("..", "token"),
    (b"\xff" * 200, "token"),
    ("x" * 1025, "oversize"),
    (command()[:-2], "token"),
    (mint.sign("heartbeat", payload(), BACKEND), "kind"),
    (mint.sign("ack", payload(), BACKEND), "kind"),
    (command(STRANGER), "key"),
    (command(UPDATE), "key"),
    (command(aud="AQIDBAUGBwgJCgsMDQ4PEBA"), "addressee"),
    (command(aud=[UEID]), "addressee"),
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
]


@pytest.mark.parametrize(("token", "reason"), BEFORE_ARITHMETIC)
def test_what_can_be_told_without_arithmetic_is(bench, operations, token, reason):
    operations()
    assert bench.ask(token) is None
    assert bench.refused.by == {reason: 1}
    assert bench.replies.asked == []
    assert operations() == 0
    assert bench.clock.floor == BUILT


def in_anothers_name(kid_of=BACKEND, **changes):
    """A command that only the signature gives away: by a stranger, with the header of the backend's key."""
    right = command(kid_of, **changes).split(".")
    wrong = command(STRANGER, **changes).split(".")
    return ".".join((right[0], right[1], wrong[2]))


@pytest.mark.parametrize("token", [altered(command()), in_anothers_name(), in_anothers_name(SECOND)])
def test_a_wrong_signature_is_found_by_arithmetic(bench, operations, token):
    operations()
    assert bench.ask(token) is None
    assert bench.refused.by == {"signature": 1}
    assert bench.replies.asked == []
    assert operations() > 100, "the counter sees the work"


def test_each_of_the_two_backend_keys_is_heard(bench):
    assert bench.ask(command(eat_nonce="nonce-of-the-first"))
    assert bench.ask(command(SECOND, eat_nonce="nonce-of-the-second"))


def test_the_first_command_ever_costs_what_later_ones_do(tmp_path, operations):
    comb.write(tmp_path / "p256_comb.bin")
    bench = Bench(tmp_path)
    preparing = operations()
    assert bench.ask(command(eat_nonce="nonce-number-1"))
    first = operations()
    assert bench.ask(command(eat_nonce="nonce-number-2"))
    assert abs(first - operations()) <= 2, "a sum may meet infinity"
    assert preparing > 2 * 208
    # A later start finds the keys on flash, and looks whether they are whole.
    assert Bench(tmp_path).ask(command())
    assert operations() <= first + 10 + 2


def test_the_flash_holds_320_bytes_a_key(folder, bench):
    stored = (folder / "keys-backend").read_bytes()
    assert len(stored) == 2 * 320
    assert {stored[:64], stored[320:384]} == set(bench.unit.keys["backend"].values())
    assert not (folder / "keys-backend.new").exists()


@pytest.mark.parametrize("cut", [0, 1, 64, 319, 320, 500, 639])
def test_a_torn_file_of_keys_is_made_again(folder, tmp_path, cut):
    whole = (folder / "keys-backend").read_bytes()
    comb.write(tmp_path / "p256_comb.bin")
    (tmp_path / "keys-backend").write_bytes(whole[:cut])
    assert Bench(tmp_path).ask(command(SECOND))
    assert (tmp_path / "keys-backend").read_bytes() == whole


@pytest.mark.parametrize("at", [70, 200, 319, 330, 639])
def test_a_damaged_prepared_key_is_made_again_at_the_next_start(folder, tmp_path, at):
    whole = (folder / "keys-backend").read_bytes()
    comb.write(tmp_path / "p256_comb.bin")
    bench = Bench(tmp_path)
    (tmp_path / "keys-backend").write_bytes(whole[:at] + bytes([whole[at] ^ 4]) + whole[at + 1 :])
    answers = [
        bench.ask(command(key, eat_nonce=f"nonce-number-{number}"))
        for number, key in enumerate((BACKEND, SECOND))
    ]
    assert answers.count(None) == 1, "nothing is believed on a damaged key"
    assert bench.refused.by in ({"signature": 1}, {"unprepared": 1})
    assert Bench(tmp_path).ask(command())
    assert (tmp_path / "keys-backend").read_bytes() == whole


def test_a_new_key_is_prepared_and_the_old_one_goes(folder, tmp_path):
    comb.write(tmp_path / "p256_comb.bin")
    Bench(tmp_path)
    bench = Bench(tmp_path, ready=False)
    bench.unit.keys["backend"] = {mint.thumbprint(UPDATE): mint.public_point(UPDATE)}
    bench.prepare()
    assert bench.ask(command(UPDATE))
    assert bench.ask(command(BACKEND, eat_nonce="nonce-of-the-old")) is None
    assert bench.refused.by == {"key": 1}
    assert (tmp_path / "keys-backend").stat().st_size == 320


def test_without_a_file_system_keys_are_prepared_at_each_start(folder, tmp_path):
    comb.write(tmp_path / "p256_comb.bin")
    bench = Bench(tmp_path, ready=False)
    bench.verifier.keys_path = f"{tmp_path}/nowhere/keys-"
    bench.prepare()
    assert bench.ask(command())


def test_an_anchor_that_is_no_point_obeys_nobody_and_costs_the_others_nothing(tmp_path):
    comb.write(tmp_path / "p256_comb.bin")
    bench = Bench(tmp_path, ready=False)
    bench.unit.keys["backend"][mint.thumbprint(STRANGER)] = bytes(64)
    bench.prepare()
    assert bench.ask(command(STRANGER)) is None
    assert bench.refused.by == {"unprepared": 1}
    assert bench.ask(command())


def test_a_damaged_table_obeys_nobody(folder, tmp_path):
    bench = Bench(folder)
    bench.verifier.curve.comb_path = str(tmp_path / "lost")
    assert bench.ask(command()) is None
    assert bench.refused.by == {"unprepared": 1}


def test_an_unsigned_time_does_not_move_the_clock(bench):
    bench.ask(in_anothers_name(iat=NOW + 10**7, exp=NOW + 10**8))
    assert bench.refused.by == {"signature": 1}
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


def test_a_hostile_flood_is_looked_at_no_more_often(bench, operations):
    """Well formed, for this unit, in the backend's name, all of it but the signature: ten minutes of it, ten a second."""
    token = in_anothers_name()
    bench.ask(token)
    one = operations()
    bench = Bench(bench.folder)
    operations()
    for _ in range(6000):
        bench.ask(token)
        bench.ticks.now += 100
    looked_at = bench.refused.by["signature"]
    assert looked_at <= 3 + 600 // 5
    assert bench.refused.by["rate"] == 6000 - looked_at
    assert operations() <= (one + 2) * looked_at


def test_a_flood_on_one_carrier_takes_nothing_from_another(bench):
    for _ in range(100):
        bench.ask(in_anothers_name())
    assert not bench.verifier.admit("mqtt")
    assert [bench.verifier.admit("console") for _ in range(4)] == [True, True, True, False]
    bench.ticks.now += 5000
    assert bench.verifier.admit("mqtt")
    assert bench.verifier.admit("console")


def test_a_budget_refills_to_its_size_and_not_beyond(bench):
    while bench.verifier.admit("mqtt"):
        pass
    bench.ticks.now += 10**6
    assert [bench.verifier.admit("mqtt") for _ in range(4)] == [True, True, True, False]


def test_verifications_take_turns_over_all_carriers(folder, monkeypatch):
    """Two carriers with a command each: one is looked at after the other."""
    first, second = Bench(folder), Bench(folder)
    second.commands.verifier = first.verifier
    under_way = []
    plain = p256_verify.steps

    def watched(*args):
        under_way.append(1)
        assert len(under_way) == 1
        found = yield from plain(*args)
        under_way.pop()
        return found

    monkeypatch.setattr(p256_verify, "steps", watched)
    for number, bench in enumerate((first, second)):
        bench.commands.offer(command(eat_nonce=f"nonce-number-{number}").encode())

    async def both():
        return await asyncio.gather(first.commands.answer(), second.commands.answer())

    assert asyncio.run(both()) == [b"signed reply"] * 2


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
    bench.unit.keys = {}
    assert bench.ask(command()) is None
    assert bench.refused.by == {"key": 1}


ON_DEVICE = """
import gc, json
from firmware import reply  # which stays, on a chip
from firmware.clock import Clock
from firmware.uplink.commands import Commands
from firmware.uplink.refused import Refused
from firmware.verifier import Verifier
from lib import jws

class Unit: pass
class Settings: consent = "full"
class Replies:
    async def identity(self, nonce, carrier):
        return nonce
def arithmetic():
    return "lib.p256" in sys.modules
def left():
    rare = ("firmware.uplink.command_answer", "firmware.uplink.command_check", "firmware.proving", "lib.jws_verify", "lib.strictjson", "lib.p256_verify")
    return [name for name in rare if name in sys.modules]
def live():
    gc.collect()
    return gc.mem_alloc()
async def main(folder, given):
    with open(given) as file:
        unit_ueid, built, keys, tokens = json.load(file)
    Unit.ueid = unit_ueid
    backend = {kid: bytes.fromhex(key) for kid, key in keys.items()}
    Unit.anchors = lambda role: backend
    refused = Refused()
    verifier = Verifier(Unit, jws.Curve(folder + "/p256_comb.bin"), folder + "/keys-", ("mqtt",))
    commands = Commands(Unit, Settings, Clock(built), verifier, Replies(), refused)
    found = []
    sizes = []
    for token in [None] + tokens + tokens:
        if token:
            commands.offer(token.encode())
        found.append(await commands.answer())
        known = arithmetic()
        assert not left(), left()
        await asyncio.sleep(20)
        assert not arithmetic()
        sizes.append(live())
        found.append(known)
    print(json.dumps([found, refused.by, sizes]))
asyncio.run(main(*sys.argv[1:]))
"""


def test_on_the_device_all_of_it_goes_and_a_refusal_loads_no_arithmetic(micropython, tmp_path):
    comb.write(tmp_path / "p256_comb.bin")
    keys = {mint.thumbprint(key): mint.public_point(key).hex() for key in (BACKEND, SECOND)}
    later = NOW + 6000
    tokens = [command(eat_nonce="nonce-number-1", exp=later), command(aud=None), in_anothers_name(exp=later)]
    (tmp_path / "given.json").write_text(json.dumps([UEID, BUILT, keys, tokens]))
    found, refused, sizes = json.loads(
        micropython(PRELUDE + ON_DEVICE, str(tmp_path), str(tmp_path / "given.json"))
    )
    assert found[:8] == [None, True, "nonce-number-1", True, None, False, None, True]
    assert found[8:] == [None, False, None, False, None, True]
    assert refused == {"addressee": 2, "signature": 2, "repeated": 1}
    # With objects twice as large as a chip's. The first round leaves a nonce, a time, the counters, and the names that
    # the interpreter keeps of all it ever loaded; the second nothing.
    assert sizes[3] - sizes[0] < 2500
    assert abs(sizes[6] - sizes[3]) < 200
