"""Claims and the chain: what is emitted fits the schemas, verifies anywhere, and is judged genuine whatever happens."""

import asyncio
import hashlib
import json
import shutil
import tempfile
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firmware import claims as claims_text
from firmware import first_token
from firmware.heartbeat import Chain
from firmware.outbox import Outbox
from lib.jws import Curve, Signer
from nameplate.factory import comb
from nameplate.token import mint, schemas
from nameplate.token.base64url import decode, encode
from nameplate.token.trust import Trust
from nameplate.token.verifier import Verifier

NOW = 1_795_510_923
SMALL = {"capacity_bytes": 4 * 4096, "token_bytes": 2048}
MODEL = "KF-320"


class Clock:
    """A clock at hand."""

    def __init__(self, quality="floor", unix=None, uptime=7):
        self.quality = quality
        self._unix = unix
        self._uptime = uptime

    def uptime_s(self):
        return self._uptime

    def unix(self):
        return self._unix


class HostSigner:
    """Signs with the host's library: the same tokens as lib.jws makes, in microseconds."""

    def __init__(self, key):
        self.key = key
        self.kid = mint.thumbprint(key)
        self.busy = 0

    async def sign(self, typ, payload):
        self.busy += 1
        assert self.busy == 1, "two at a time"
        await asyncio.sleep(0)
        self.busy -= 1
        kind = typ.removeprefix("nameplate-").removesuffix("+jwt")
        return mint.sign(kind, payload, self.key).encode()


class Broken:
    """An outbox whose put fails as often as it is told to."""

    def __init__(self, outbox, failures):
        self.outbox = outbox
        self.failures = failures

    def put(self, *given):
        if self.failures:
            self.failures -= 1
            raise OSError(28, "simulated")
        self.outbox.put(*given)

    def __getattr__(self, name):
        return getattr(self.outbox, name)


UNIT = SimpleNamespace(
    ueid="AQIDBAUGBwgJCgsMDQ4PEBE", oemid=32473, hwmodel=mint.hwmodel(MODEL), hwversion=["C"], dev=False
)
FIRST = first_token.first_claims(UNIT, "0.1.0", "power")
KEY = mint.new_key()


def reading(name, milli=None, state=None, quality="ok", unit="Cel"):
    return SimpleNamespace(name=name, unit=unit, milli=milli, state=state, quality=quality)


PAN = reading("pan", state=False, unit=None)
FRIDGE = reading("fridge", milli=4812)
READINGS = [PAN, FRIDGE]
CLAIMS = claims_text.heartbeat_claims(READINGS, 3, "broker")


@pytest.fixture
def outbox(tmp_path):
    return Outbox(str(tmp_path / "data"), **SMALL)


def chain_on(outbox, bootcount=1, clock=None, unit=UNIT, first=FIRST, signer=None):
    return Chain(signer or HostSigner(KEY), outbox, unit, clock or Clock(), bootcount, first)


def emit(chain, kind="heartbeat", claims=CLAIMS):
    return asyncio.run(chain.emit(kind, claims))


def payload(token):
    return json.loads(decode(token.decode().split(".")[1]), parse_float=Decimal)


def digest(token):
    return encode(hashlib.sha256(token).digest()[:12])


def test_a_first_heartbeat_word_by_word(outbox):
    token = emit(chain_on(outbox, 12))
    text = decode(token.decode().split(".")[1]).decode()
    assert text == (
        '{"eat_profile":"urn:nameplate:1:heartbeat","ueid":"AQIDBAUGBwgJCgsMDQ4PEBE","bootcount":12,"seq":0,'
        '"uptime":7,"clock":"floor","oemid":32473,"hwmodel":"S0YtMzIw","hwversion":["C"],"swversion":["0.1.0"],'
        '"dbgstat":"enabled","reset":"power","lag":3,"ack":"broker",'
        '"senml":[{"n":"pan","vb":false},{"n":"fridge","u":"Cel","v":4.812}]}'
    )


def test_later_tokens_leave_out_what_does_not_change_and_name_the_one_before(outbox):
    chain = chain_on(outbox)
    tokens = [emit(chain) for _ in range(3)]
    claims = [payload(token) for token in tokens]
    assert [found["seq"] for found in claims] == [0, 1, 2]
    assert [found.get("prev") for found in claims] == [None, digest(tokens[0]), digest(tokens[1])]
    assert not {"oemid", "hwmodel", "hwversion", "swversion", "dbgstat", "reset"} & claims[1].keys()


def test_the_first_token_of_a_boot_names_the_last_stored_of_the_boot_before(tmp_path):
    last = emit(chain_on(Outbox(str(tmp_path), **SMALL), 1))
    first = emit(chain_on(Outbox(str(tmp_path), **SMALL), 2))
    assert payload(first)["prev"] == digest(last)
    assert (payload(first)["bootcount"], payload(first)["seq"]) == (2, 0)


def test_heartbeats_and_events_share_one_order(outbox):
    chain = chain_on(outbox)
    claims = claims_text.event_claims("L01", "confirmed", READINGS, 5, 12, "broker")
    tokens = [emit(chain), emit(chain, "event", claims), emit(chain)]
    assert [payload(token)["seq"] for token in tokens] == [0, 1, 2]
    assert payload(tokens[2])["prev"] == digest(tokens[1])
    event = payload(tokens[1])
    assert (event["fault"], event["state"], event["since"]) == ("L01", "confirmed", 5)
    assert event["eat_profile"] == "urn:nameplate:1:event"


def test_what_is_emitted_is_stored(outbox):
    chain = chain_on(outbox)
    token = emit(chain)
    assert outbox.next()[1:] == ("heartbeat", token)


@pytest.mark.parametrize("quality", ["unknown", "floor", "set", "trusted"])
def test_a_time_is_told_only_when_it_is_known(outbox, quality):
    # A clock that errs and gives a time too early is not believed either.
    claims = payload(emit(chain_on(outbox, clock=Clock(quality, NOW))))
    assert claims["clock"] == quality
    assert claims.get("iat") == (NOW if quality in ("set", "trusted") else None)


def test_a_development_board_says_so(outbox):
    unit = SimpleNamespace(**{**vars(UNIT), "dev": True})
    token = emit(chain_on(outbox, unit=unit, first=first_token.first_claims(unit, "0.1.0", "hard")))
    assert payload(token)["dev"] is True
    assert schemas.problem("heartbeat", plain(token)) is None


def plain(token):
    return json.loads(decode(token.decode().split(".")[1]))


@pytest.mark.parametrize("kind", ["heartbeat", "event"])
@pytest.mark.parametrize(
    "clock", [Clock("unknown"), Clock("floor"), Clock("set", NOW), Clock("trusted", NOW)]
)
def test_the_schemas_accept_what_is_emitted(outbox, kind, clock):
    chain = chain_on(outbox, clock=clock)
    readings = [*READINGS, reading("freezer", quality="open"), reading("ambient", milli=-40)]
    claims = (
        claims_text.heartbeat_claims(readings, 0, "broker")
        if kind == "heartbeat"
        else claims_text.event_claims("L01", "cleared", readings, 0, 0, "broker")
    )
    outbox.losses.add(1, 0, 3, "full")
    outbox.losses.add(0, 4, 4, "storage")
    for _ in range(3):
        assert schemas.problem(kind, plain(emit(chain, kind, claims))) is None


def test_no_reading_leaves_and_no_backend_acknowledges_are_said_by_what_is_there(outbox):
    claims = payload(emit(chain_on(outbox), claims=claims_text.heartbeat_claims([], 3, "backend")))
    assert claims["senml"] == []
    assert "ack" not in claims


@given(name=st.text(min_size=1, max_size=12), word=st.text(max_size=12))
@settings(max_examples=40, deadline=None)
def test_no_text_breaks_out_of_its_string(name, word):
    unit = SimpleNamespace(**{**vars(UNIT), "hwversion": [name, word]})
    first = first_token.first_claims(unit, word, name)
    claims = claims_text.event_claims(name, word, [reading(name, milli=1)], 3, 4, "broker")
    found = json.loads("{" + first + "," + claims + "}")
    assert found["hwversion"] == [name, word]
    assert (found["swversion"], found["reset"], found["fault"], found["state"]) == ([word], name, name, word)
    assert found["senml"][0]["n"] == name


def test_a_heartbeat_with_four_readings_is_at_most_700_bytes(outbox):
    clock = Clock("trusted", 4_294_967_295, uptime=99_999_999)
    readings = [
        PAN,
        reading("fridge", milli=-12345),
        reading("freezer", milli=-18312),
        reading("ambient", milli=38125),
    ]
    chain = chain_on(outbox, 99_999, clock)
    emit(chain)
    chain.seq = 999_999
    token = emit(chain, claims=claims_text.heartbeat_claims(readings, 1234, "broker"))
    assert payload(token)["seq"] == 999_999
    assert len(token) <= 700


def test_losses_are_declared_once_in_a_token_that_is_stored(tmp_path):
    outbox = Outbox(str(tmp_path), **SMALL)
    chain = chain_on(outbox)
    for _ in range(40):
        emit(chain)
    sent = set()
    declared = []
    while outbox.waiting:
        ticket, _, token = outbox.next()
        outbox.done(ticket)
        sent.add(payload(token)["seq"])
        declared += payload(token).get("lost", [])
    declared += outbox.lost()
    covered = {seq for _, first, last, _ in declared for seq in range(first, last + 1)}
    assert covered == set(range(40)) - sent
    assert covered
    left = outbox.lost()
    assert payload(emit(chain)).get("lost", []) == [list(lost_range) for lost_range in left]
    assert "lost" not in payload(emit(chain))


def test_a_token_that_is_not_stored_is_not_sent_and_leaves_its_number(outbox):
    broken = Broken(outbox, 2)
    outbox.losses.add(0, 4, 9, "storage")
    chain = chain_on(broken)
    assert emit(chain) is None
    assert emit(chain) is None
    assert "28" in chain.error
    assert outbox.waiting == 0
    assert outbox.lost() == [(0, 4, 9, "storage")]
    claims = payload(emit(chain))
    assert chain.error is None
    assert claims["seq"] == 0
    assert claims["hwmodel"] == "S0YtMzIw"
    assert claims["lost"] == [[0, 4, 9, "storage"]]
    assert outbox.lost() == []


@pytest.mark.parametrize("failure", [MemoryError(), ImportError("no module"), OSError("p256 table damaged")])
def test_a_token_that_cannot_be_signed_now_is_signed_later(outbox, failure):
    """The code that signs is loaded for it. An event waits for the next try, it is not lost with its task."""
    signer = HostSigner(KEY)
    chain = chain_on(outbox, signer=signer)

    async def fails(typ, payload):
        raise failure

    sound, signer.sign = signer.sign, fails
    assert emit(chain) is None
    assert chain.error == "a token could not be made: " + (str(failure) or "MemoryError")
    signer.sign = sound
    assert payload(emit(chain))["seq"] == 0
    assert chain.error is None


def test_tasks_that_emit_at_once_take_their_turns(outbox):
    chain = chain_on(outbox)

    async def together():
        return await asyncio.gather(
            *[chain.emit("event" if n % 3 else "heartbeat", CLAIMS) for n in range(9)]
        )

    tokens = sorted(asyncio.run(together()), key=lambda token: payload(token)["seq"])
    assert [payload(token)["seq"] for token in tokens] == list(range(9))
    assert [payload(token)["prev"] for token in tokens[1:]] == [digest(token) for token in tokens[:-1]]


def test_a_cancelled_emit_uses_no_number(outbox):
    chain = chain_on(outbox)

    async def cancelled():
        task = asyncio.ensure_future(chain.emit("heartbeat", CLAIMS))
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        chain._signer.busy = 0
        return await chain.emit("heartbeat", CLAIMS)

    assert payload(asyncio.run(cancelled()))["seq"] == 0


def a_verifier():
    maker = mint.new_key()
    verifier = Verifier(Trust.from_jwks({"keys": [mint.trust_jwk(maker, "identity")]}), lambda: NOW)
    binding = mint.binding_payload(
        ueid=UNIT.ueid, key=KEY, oemid=UNIT.oemid, model=MODEL, key_origin="host", iat=NOW
    )
    assert verifier.binding(mint.sign("binding", binding, maker)).verdict == "genuine"
    return verifier


@given(data=st.data())
@settings(max_examples=40, deadline=None)
def test_an_honest_unit_is_never_called_a_clone_or_a_forger(data):
    """Cuts, damage, a full outbox, losses on the way and any order of arrival: every token is taken for what it is."""
    directory = tempfile.mkdtemp()
    try:
        verifier = a_verifier()
        held = []
        outbox = Outbox(directory, **SMALL | {"token_bytes": 1400})
        bootcount = 1
        chain = chain_on(Broken(outbox, 0), bootcount)
        steps = ["emit"] * 6 + ["send", "send", "reset", "damage", "fail", "overflow", "arrive"]
        for _ in range(data.draw(st.integers(1, 30))):
            step = data.draw(st.sampled_from(steps))
            if step == "emit":
                kind = data.draw(st.sampled_from(["heartbeat", "event"]))
                claims = CLAIMS if kind == "heartbeat" else EVENT_CLAIMS
                emit(chain, kind, claims)
            elif step == "overflow":
                for _ in range(12):
                    emit(chain)
            elif step == "fail":
                chain._outbox.failures = 1
            elif step == "send":
                found = outbox.next()
                if found:
                    held.append(found[2])
                    if data.draw(st.booleans()):
                        outbox.done(found[0])
            elif step == "damage":
                path = data.draw(st.sampled_from(sorted(Path(directory).iterdir()) or [None]))
                if path and path.stat().st_size:
                    content = bytearray(path.read_bytes())
                    content[data.draw(st.integers(0, len(content) - 1))] ^= 4
                    path.write_bytes(content)
            elif step == "reset":
                outbox = Outbox(directory, **SMALL | {"token_bytes": 1400})
                bootcount += data.draw(st.integers(1, 2))
                chain = chain_on(Broken(outbox, 0), bootcount)
            elif held:
                token = held.pop(data.draw(st.integers(0, len(held) - 1)))
                judge(verifier, token)
        while True:
            found = outbox.next()
            if not found:
                break
            held.append(found[2])
            outbox.done(found[0])
        for token in held:
            judge(verifier, token)
    finally:
        shutil.rmtree(directory)


EVENT_CLAIMS = claims_text.event_claims("L01", "confirmed", READINGS, 3, 3, "broker")


def judge(verifier, token):
    verdict = verifier.check(token)
    assert verdict.verdict in ("genuine", "late", "duplicate", "gap"), verdict


class Nvs(dict):
    """Numbers that survive a reset; or, when `broken`, refuse to be written."""

    broken = False
    get_i32 = dict.get

    def set_i32(self, key, value):
        if self.broken:
            raise OSError(-1, "simulated")
        self[key] = value

    def commit(self):
        pass


def test_a_boot_without_a_file_system_does_not_make_the_next_one_fork_the_chain(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    nvs = Nvs()
    verifier = a_verifier()
    codes = []
    for bootcount, folder in ((1, "data"), (2, "file/x"), (3, "data"), (4, "data")):
        outbox = Outbox(str(tmp_path / folder), **SMALL)
        assert first_token.continues(outbox, nvs, bootcount)
        chain = chain_on(outbox, bootcount)
        codes += [verifier.check(emit(chain)).code for _ in range(2)]
    assert codes == [
        "first-seen",
        "in-order",
        "chain-restarted",
        "in-order",
        "chain-restarted",
        "in-order",
        "in-order",
        "in-order",
    ]


def test_where_such_a_boot_cannot_be_kept_in_mind_nothing_is_made(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    nvs = Nvs()
    nvs.broken = True
    assert not first_token.continues(Outbox(str(tmp_path / "file" / "x"), **SMALL), nvs, 2)
    assert first_token.continues(Outbox(str(tmp_path / "data"), **SMALL), nvs, 2)


def test_the_device_code_signs_what_the_verifier_takes(outbox, tmp_path):
    curve = Curve(str(comb.write(tmp_path / "p256_comb.bin")))
    signer = Signer(curve, mint.private_scalar(KEY))
    chain = chain_on(outbox, signer=signer)
    verifier = a_verifier()
    assert verifier.check(emit(chain), "heartbeat").code == "first-seen"
    assert verifier.check(emit(chain, "event", EVENT_CLAIMS), "event").code == "in-order"


ON_DEVICE = """
import asyncio
from firmware import claims as claims_text, first_token, heartbeat
from firmware.outbox import Outbox
from lib.jws import Curve, Signer
class Unit: ueid = "AQIDBAUGBwgJCgsMDQ4PEBE"; oemid = 32473; hwmodel = "S0YtMzIw"; hwversion = ["C"]; dev = False
class Reading: pass
def reading(name, unit, milli, state, quality):
    r = Reading(); r.name = name; r.unit = unit; r.milli = milli; r.state = state; r.quality = quality
    return r
class Clock:
    quality = "set"
    def uptime_s(self): return 99999999
    def unix(self): return 1795510923
readings = [reading("pan", None, None, True, "ok"), reading("fridge", "Cel", -1, None, "ok"),
            reading("freezer", "Cel", None, None, "open")]
async def main():
    signer = Signer(Curve(sys.argv[1]), bytes.fromhex(sys.argv[2]))
    for bootcount in (1, 2):
        outbox = Outbox(sys.argv[3])
        chain = heartbeat.Chain(signer, outbox, Unit, Clock(), bootcount, first_token.first_claims(Unit, "0.1.0", "power"))
        for n in range(3):
            claims = claims_text.heartbeat_claims(readings, n, "broker")
            if n == 1:
                claims = claims_text.event_claims("L01", "confirmed", readings, 5, n, "broker")
            await chain.emit("event" if n == 1 else "heartbeat", claims)
    while outbox.next():
        ticket, kind, token = outbox.next()
        print(kind, token.decode())
        outbox.done(ticket)
asyncio.run(main())
"""


def test_the_real_interpreter_emits_the_same_chain(micropython, tmp_path):
    table = str(comb.write(tmp_path / "p256_comb.bin"))
    key = mint.private_scalar(KEY).hex()
    lines = micropython(ON_DEVICE, table, key, str(tmp_path / "data")).splitlines()
    tokens = [(line.split()[0], line.split()[1].encode()) for line in lines]
    assert [kind for kind, _ in tokens] == ["event"] * 2 + ["heartbeat"] * 4  # events overtake
    verifier = a_verifier()
    tokens.sort(key=lambda found: (plain(found[1])["bootcount"], plain(found[1])["seq"]))
    assert [verifier.check(token, kind).code for kind, token in tokens] == ["first-seen"] + ["in-order"] * 5
    for kind, token in tokens:
        assert schemas.problem(kind, plain(token)) is None
    assert payload(tokens[0][1])["senml"] == [
        {"n": "pan", "vb": True},
        {"n": "fridge", "u": "Cel", "v": Decimal("-0.001")},
        {"n": "freezer", "vs": "open"},
    ]
