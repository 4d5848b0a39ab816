"""The vectors: those in the repository, and fresh ones, through the verifier and by other libraries."""

import json
from pathlib import Path

import pytest
from joserfc import jws as joserfc_jws
from joserfc.jwk import ECKey

from nameplate.token import schemas
from nameplate.token.kinds import KINDS
from nameplate.token.trust import Trust
from nameplate.token.verdict import CODES, VERDICTS
from nameplate.token.verifier import Verifier
from vectors.generate import generate

ROOT = Path(__file__).resolve().parents[2]


def stored(name):
    return json.loads((ROOT / "vectors" / name).read_text("utf-8"))


STORED = {name: stored(name) for name in ("trust.jwks", "kinds.json", "verdicts.json")}
FRESH = generate()
SETS = {"stored": STORED, "fresh": FRESH}
CASES = [
    pytest.param(which, case, id=f"{which}: {case['name']}")
    for which in SETS
    for case in SETS[which]["verdicts.json"]
]


@pytest.mark.parametrize(("which", "case"), CASES)
def test_each_step_gets_its_verdict(which, case):
    trust = Trust.from_jwks({**SETS[which]["trust.jwks"], "revoked": case.get("revoked", [])})
    verifier = Verifier(trust, lambda: case["now"])
    for number, step in enumerate(case["steps"]):
        context = {key: step[key] for key in ("kind", "topic", "nonce") if key in step}
        verdict = verifier.check(step["token"], **context)
        assert (verdict.verdict, verdict.code) == (step["verdict"], step["code"]), (number, verdict.reason)
        # Nothing is handed on as said by a unit unless its signature, kind and schema were right.
        assert verdict.claims is None or schemas.is_valid(verdict.kind, verdict.claims)


@pytest.mark.parametrize(("which", "case"), CASES)
def test_a_restart_between_any_two_steps_changes_nothing(which, case):
    trust = Trust.from_jwks({**SETS[which]["trust.jwks"], "revoked": case.get("revoked", [])})
    verifier = Verifier(trust, lambda: case["now"])
    for step in case["steps"]:
        context = {key: step[key] for key in ("kind", "topic", "nonce") if key in step}
        assert verifier.check(step["token"], **context).code == step["code"]
        verifier = Verifier.from_json(trust, verifier.to_json(), lambda: case["now"])


def test_the_stored_vectors_are_those_the_generator_makes():
    def shape(vectors):
        return [
            (
                case["name"],
                case["about"],
                [(step["verdict"], step["code"], sorted(step)) for step in case["steps"]],
            )
            for case in vectors["verdicts.json"]
        ]

    assert shape(STORED) == shape(FRESH), "run `python -m vectors.generate`"
    assert (
        [v["kind"] for v in STORED["kinds.json"]] == [v["kind"] for v in FRESH["kinds.json"]] == list(KINDS)
    )


def test_every_verdict_and_nearly_every_code_has_a_vector():
    steps = [step for case in STORED["verdicts.json"] for step in case["steps"]]
    assert {step["verdict"] for step in steps} == set(VERDICTS)
    # Each of these needs more than a few tokens; they have their own tests.
    assert set(CODES) - {step["code"] for step in steps} == {
        "declared-but-came",
        "number-seen",
        "too-old",
        "wrong-pass",
    }


def test_no_private_key_is_stored():
    for file in (ROOT / "vectors").glob("*.js*"):
        assert '"d"' not in file.read_text("utf-8")


@pytest.mark.parametrize("vector", STORED["kinds.json"], ids=lambda vector: vector["kind"])
def test_one_token_of_each_kind_fits_its_schema_and_joserfc_verifies_it(vector):
    assert schemas.problem(vector["kind"], vector["payload"]) is None
    key = ECKey.import_key(vector["jwk"])
    found = joserfc_jws.deserialize_compact(vector["token"], key, algorithms=["ES256"])
    assert json.loads(found.payload) == vector["payload"]
    assert found.protected["kid"] == key.thumbprint()
    assert found.protected["typ"] == KINDS[vector["kind"]].typ
