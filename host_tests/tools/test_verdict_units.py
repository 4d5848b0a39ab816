"""Verdicts over whole lives of units, real signatures included; state, memory, keys and clocks."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nameplate.errors import NameplateError
from nameplate.token import mint
from nameplate.token.base64url import encode
from nameplate.token.model import EPOCH, Manufacturer, ModelUnit
from nameplate.token.verdict import CLONE, DUPLICATE, FRESH, GENUINE
from nameplate.token.verifier import Verifier

MAKER = Manufacturer()
NOW = EPOCH + 100_000
NONCE = "bm9uY2Utb2YtY2FsbGVy"


def verifier_for(*units, **options):
    verifier = Verifier(MAKER.trust(), lambda: NOW, **options)
    for unit in units:
        assert verifier.binding(MAKER.binding(unit)).fresh
    return verifier


def again(verifier):
    return Verifier.from_json(verifier.trust, verifier.to_json(), verifier.now)


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_honest_units_on_a_bad_network(data):
    """Everything real: signed tokens, several units, loss, repetition, any order, restarts of the receiver."""
    units, sent = [ModelUnit() for _ in range(2)], []
    for unit in units:
        for _ in range(data.draw(st.integers(1, 3))):
            unit.boot()
            sent.append((unit, "status", unit.birth()))
            for _ in range(data.draw(st.integers(0, 4))):
                kind = data.draw(st.sampled_from(["heartbeat", "event"]))
                sent.append((unit, kind, unit.chained(kind) if kind == "heartbeat" else unit.event()))
            sent.append((unit, "status", unit.status("offline")))
    times = data.draw(st.lists(st.sampled_from([0, 1, 1, 2]), min_size=len(sent), max_size=len(sent)))
    arriving = data.draw(
        st.permutations([one for one, count in zip(sent, times, strict=True) for _ in range(count)])
    )
    verifier, seen = verifier_for(*units), set()
    for unit, leaf, token in arriving:
        if data.draw(st.integers(0, 3)) == 0:
            verifier = again(verifier)
        verdict = verifier.check(token, topic=unit.topic(leaf))
        assert verdict.verdict == DUPLICATE if token in seen else verdict.verdict in FRESH
        assert not verdict.cloned
        seen.add(token)


def test_a_clone_marks_every_later_token_of_its_unit():
    unit, other = ModelUnit(), ModelUnit()
    unit.boot()
    other.boot()
    verifier = verifier_for(unit, other)
    verifier.check(unit.heartbeat())
    clone = unit.copy()
    clone.boot()
    assert verifier.check(clone.heartbeat()).verdict == GENUINE
    found = verifier.check(unit.heartbeat())
    assert (found.verdict, found.cloned) == (CLONE, True)
    after = again(verifier).check(clone.heartbeat())
    assert (after.verdict, after.cloned) == (GENUINE, True)
    assert not verifier.check(other.heartbeat()).cloned


def test_a_stranger_cannot_make_a_unit_a_clone():
    """Neither with a second spelling of a signature, nor with altered bytes, nor by telling tokens again."""
    unit = ModelUnit()
    unit.boot()
    verifier = verifier_for(unit)
    tokens = [unit.heartbeat() for _ in range(3)]
    for token in tokens:
        signed, _, signature = token.rpartition(".")
        raw = mint.decode(signature)
        high = (mint.ORDER - int.from_bytes(raw[32:], "big")).to_bytes(32, "big")
        assert verifier.check(f"{signed}.{encode(raw[:32] + high)}").code == "high-s"
        assert verifier.check(token).verdict == GENUINE
        assert verifier.check(token).verdict == DUPLICATE
    assert not verifier.unit(unit.ueid).cloned


def test_statuses_beyond_the_memory_are_not_news():
    unit = ModelUnit()
    unit.boot()
    verifier = verifier_for(unit)
    births = [unit.birth() for _ in range(80)]
    assert [verifier.check(token).verdict for token in births] == [GENUINE] * 80
    assert verifier.check(births[0]).code == "too-old"
    assert verifier.check(births[-1]).code == "same-bytes"
    assert again(verifier).check(births[0]).code == "too-old"


def test_a_wrong_pass():
    person, unit = mint.new_key(), ModelUnit()
    verifier = verifier_for(unit)

    def given_pass(**changes):
        claims = {"oemid": 12345, "sub": "R. Okafor", "cnf": {"jwk": mint.jwk(person)}, "role": "technician",
                  "models": ["KF-320"], "iat": EPOCH, "exp": NOW + 60, "jti": "cGFzcy1udW1iZXItMQ"}  # fmt: skip
        return MAKER.sign("pass", {**claims, **changes})

    def proof(text):
        claims = {**mint.base_claims("proof", unit.ueid), "eat_nonce": NONCE, "pass": text, "carrier": "ble"}
        return mint.sign("proof", claims, person)

    assert verifier.check(given_pass()).code == "signed"
    assert verifier.check(proof(encode(b"x" * 32))).code == "wrong-pass"
    assert again(verifier).check(proof(encode(b"x" * 32))).code == "wrong-pass"
    assert verifier.check(given_pass(exp=EPOCH + 1)).code == "expired"
    assert verifier.check(mint.sign("proof", b"{}", mint.new_key())).code == "no-pass"


def test_a_key_limited_to_one_manufacturer():
    jwks = MAKER.jwks()
    jwks["keys"][0]["oemid"] = 12345
    verifier = Verifier(MAKER.trust().from_jwks(jwks), lambda: NOW)
    unit = ModelUnit()
    assert verifier.binding(MAKER.binding(unit, oemid=54321)).code == "oemid"
    assert verifier.binding(MAKER.binding(unit)).code == "binding-new"


def test_a_good_binding_replaces_one_under_a_revoked_key_and_never_the_other_way():
    thief, unit = Manufacturer(), ModelUnit()
    keys = MAKER.jwks()["keys"] + [mint.trust_jwk(thief.keys["identity"], "identity")]
    trust = MAKER.trust().from_jwks(
        {"keys": keys, "revoked": [{"kid": mint.thumbprint(thief.keys["identity"])}]}
    )
    stolen = ModelUnit()
    stolen.ueid = unit.ueid
    for order in ("thief first", "thief last"):
        verifier = Verifier(trust, lambda: NOW)
        if order == "thief first":
            assert verifier.binding(thief.binding(stolen, iat=EPOCH + 50)).code == "revoked-key"
        assert verifier.binding(MAKER.binding(unit)).code == "binding-new"
        assert verifier.binding(thief.binding(stolen, iat=EPOCH + 90)).code == "revoked-key"
        fresh = unit.copy()
        fresh.boot()
        assert verifier.check(fresh.heartbeat()).verdict == GENUINE


def test_a_board_cannot_be_bound_to_the_manufacturers_own_key():
    unit = ModelUnit()
    unit.key = MAKER.keys["backend"]
    assert Verifier(MAKER.trust(), lambda: NOW).binding(MAKER.binding(unit)).code == "role"


def test_a_key_revoked_while_the_receiver_was_down():
    unit = ModelUnit()
    unit.boot()
    state = verifier_for(unit).to_json()
    trust = MAKER.trust([{"ueid": unit.ueid, "reason": "stolen"}])
    verdict = Verifier.from_json(trust, state, lambda: NOW).check(unit.heartbeat())
    assert (verdict.code, verdict.reason) == (
        "revoked-board",
        "the board is revoked in the trust file (stolen)",
    )


@pytest.mark.parametrize(
    "text",
    ["", "{}", "[]", "null", '{"format":"other"}', '{"format":"nameplate-verifier-1","units":[{}]}',
     '{"format":"nameplate-verifier-1","units":[],"passes":[]}'],
)  # fmt: skip
def test_a_damaged_state_is_refused(text):
    with pytest.raises(NameplateError, match="damaged"):
        Verifier.from_json(MAKER.trust(), text)


def test_a_state_whose_parts_are_wrong_is_refused():
    unit = ModelUnit()
    unit.boot()
    verifier = verifier_for(unit)
    verifier.check(unit.heartbeat())
    for path, wrong in [
        ("order", {}),
        ("status", None),
        ("recent", 5),
        ("latest", [1]),
        ("signatures", ["!"]),
    ]:
        state = json.loads(verifier.to_json())
        state["units"][0][path] = wrong
        with pytest.raises(NameplateError, match="damaged"):
            Verifier.from_json(verifier.trust, json.dumps(state))


def test_dates_within_the_tolerance_are_good():
    unit = ModelUnit()
    unit.boot()
    verifier = verifier_for(unit)
    offsets = [0, 299, 10, -200, 300]
    verdicts = [verifier.check(unit.heartbeat(clock="set", iat=NOW + offset)).verdict for offset in offsets]
    assert verdicts == [GENUINE] * 5
    late = unit.copy()
    assert verifier.check(unit.heartbeat(clock="trusted", iat=NOW + 301)).code == "future"
    assert late.heartbeat(clock="set", iat=NOW) != unit.heartbeat(clock="set", iat=NOW)


def test_a_late_token_dated_after_those_that_follow_it():
    unit = ModelUnit()
    unit.boot()
    verifier = verifier_for(unit)
    early = unit.heartbeat(clock="set", iat=NOW)
    verifier.check(unit.heartbeat(clock="set", iat=NOW - 9000))
    assert verifier.check(early).code == "backwards"


def test_many_boards_in_a_small_memory():
    units = [ModelUnit() for _ in range(5)]
    verifier = verifier_for(*units, max_units=3)
    assert len(verifier.units) == 3 and verifier.units.forgotten == 2
    units[0].boot()
    assert verifier.check(units[0].heartbeat()).code == "no-binding"
    units[2].boot()
    verifier.check(units[2].heartbeat())
    verifier.binding(MAKER.binding(ModelUnit()))
    assert verifier.unit(units[2].ueid) and not verifier.unit(units[3].ueid)


def test_the_dictionary_form_says_only_what_is_known():
    unit = ModelUnit()
    unit.boot()
    verifier = verifier_for(unit)
    said = verifier.check(unit.heartbeat()).to_dict()
    assert {"verdict", "code", "reason", "kind", "ueid", "kid", "bootcount", "seq", "claims"} == set(said)
    json.dumps(said)
    assert set(verifier.check("x").to_dict()) == {"verdict", "code", "reason"}
