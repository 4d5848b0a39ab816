"""The schemas and the AsyncAPI document: valid by their own tools, and true of the tokens that are made."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator
from referencing import Registry, Resource

from host_tests.tools.node import run_node
from nameplate.errors import NameplateError
from nameplate.token import schemas
from nameplate.token.base64url import decode
from nameplate.token.kinds import KINDS, LIMIT
from nameplate.token.model import Manufacturer, ModelUnit
from nameplate.token.topics import LEAVES
from nameplate.token.verdict import CODES, VERDICTS

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "docs" / "schemas"
NAMES = sorted(path.stem for path in FOLDER.glob("*.json"))
KIND_VECTORS = json.loads((ROOT / "vectors" / "kinds.json").read_text("utf-8"))
PAYLOADS = {vector["kind"]: vector["payload"] for vector in KIND_VECTORS}


def stranger(name):
    """Another library, which resolves the references between the files itself."""
    files = {
        path.name: Resource.from_contents(json.loads(path.read_text("utf-8")))
        for path in FOLDER.glob("*.json")
    }
    registry = Registry().with_resources([(f"urn:x:{name}", resource) for name, resource in files.items()])
    registry = registry.with_resources(list(files.items()))
    return Draft202012Validator({"$ref": f"{name}.json"}, registry=registry)


def test_there_is_one_schema_for_each_kind():
    assert set(NAMES) == {*KINDS, "common", "trust"}


def test_the_schemas_are_valid_by_check_jsonschema():
    tool = Path(sys.executable).with_name("check-jsonschema")
    command = [tool if tool.exists() else "check-jsonschema", "--check-metaschema", *FOLDER.glob("*.json")]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("kind", KINDS)
def test_a_real_payload_fits_and_both_libraries_say_so(kind):
    assert schemas.problem(kind, PAYLOADS[kind]) is None
    assert stranger(kind).is_valid(PAYLOADS[kind])


def wrecked(payload):
    """The payload with one thing wrong: each claim gone, of another type, or of a wrong value."""
    for name in payload:
        yield {key: value for key, value in payload.items() if key != name}
        for wrong in (None, True, -1, 1.5, "", "\u0000", [], {}, [[]], 2**63):
            yield {**payload, name: wrong}


@pytest.mark.parametrize("kind", KINDS)
def test_the_fast_validator_agrees_with_the_reference_one(kind):
    reference = stranger(kind)
    verdicts = [(schemas.is_valid(kind, bad), reference.is_valid(bad)) for bad in wrecked(PAYLOADS[kind])]
    assert all(fast == slow for fast, slow in verdicts)
    # Most of it is wrong, and is found to be.
    assert sum(not fast for fast, _ in verdicts) > 0.8 * len(verdicts)


@pytest.mark.parametrize("kind", KINDS)
def test_claims_nobody_knows_are_allowed(kind):
    assert schemas.is_valid(kind, {**PAYLOADS[kind], "colour": {"door": "white"}})


@pytest.mark.parametrize("kind", KINDS)
def test_a_problem_is_told_in_one_short_line(kind):
    for bad in wrecked(PAYLOADS[kind]):
        told = schemas.problem(kind, bad)
        assert (told is None) == schemas.is_valid(kind, bad)
        assert told is None or ("\n" not in told and len(told) < 200)


def test_the_trust_file_fits_its_schema():
    assert stranger("trust").is_valid(json.loads((ROOT / "vectors" / "trust.jwks").read_text("utf-8")))
    assert stranger("trust").is_valid(Manufacturer().jwks([{"ueid": ModelUnit().ueid, "reason": "stolen"}]))


def test_a_heartbeat_of_four_readings_keeps_to_its_bytes():
    unit = ModelUnit()
    # Twenty years of life, and a boot that lasted most of it at one token a minute.
    unit.bootcount, unit.seq, unit.prev, unit.uptime = 99_999, 9_999_999, "A" * 16, 600_000_000
    readings = [{"n": "pan", "vb": False}, {"n": "fridge", "u": "Cel", "v": 4.812}, {"n": "freezer", "u": "Cel", "v": -18.062},
                {"n": "door", "vs": "implausible"}]  # fmt: skip
    token = unit.heartbeat(clock="trusted", iat=4_000_000_000, lag=30_000, senml=readings)
    assert schemas.is_valid("heartbeat", json.loads(decode(token.split(".")[1])))
    assert len(token) <= 700


def test_schemas_come_from_the_package_or_the_checkout_or_not_at_all(monkeypatch, tmp_path):
    assert schemas.directory() == FOLDER
    installed = tmp_path / "_schemas"
    shutil.copytree(FOLDER, installed)
    monkeypatch.setattr(schemas, "_PLACES", (installed, FOLDER))
    assert schemas.directory() == installed
    monkeypatch.setattr(schemas, "_PLACES", (tmp_path,))
    with pytest.raises(NameplateError, match="missing"):
        schemas.directory()


def asyncapi(path):
    *findings, last = map(
        json.loads,
        run_node("@asyncapi/parser", "host_tests/tools/asyncapi.mjs", str(path)).stdout.splitlines(),
    )
    return last, [finding for finding in findings if finding["severity"] < 2]


def test_the_asyncapi_document_is_valid_by_its_own_parser():
    last, problems = asyncapi(ROOT / "docs" / "asyncapi.yaml")
    assert problems == [] and last["valid"]
    assert sorted(last["channels"]) == sorted(f"nameplate/1/{{oem}}/{{ueid}}/{leaf}" for leaf in LEAVES)


def test_that_parser_follows_the_references_to_the_schemas(tmp_path):
    text = (ROOT / "docs" / "asyncapi.yaml").read_text("utf-8")
    referenced = re.findall(r"\./schemas/(\w+)\.json", text)
    assert sorted(referenced) == sorted({kind for kinds in LEAVES.values() for kind in kinds})
    shutil.copytree(FOLDER, tmp_path / "schemas")
    (tmp_path / "schemas" / "ack.json").unlink()
    (tmp_path / "asyncapi.yaml").write_text(text)
    last, problems = asyncapi(tmp_path / "asyncapi.yaml")
    assert not last["valid"] and "ack.json" in problems[0]["message"]


WIRE = (ROOT / "docs" / "wire.md").read_text("utf-8")


def test_the_document_lists_every_verdict_and_code_with_its_sentence():
    rows = dict(re.findall(r"^\| `([a-z0-9-]+)` \| (.+?) \|$", WIRE, re.MULTILINE))
    assert {code: told for code, (_, told) in CODES.items()} == {code: rows.get(code) for code in CODES}
    positions = [WIRE.index(f"### {verdict}\n") for verdict in VERDICTS]
    assert positions == sorted(positions)
    for verdict, start in zip(VERDICTS, positions, strict=True):
        section = WIRE[start : WIRE.find("\n##", start + 4)]
        assert set(re.findall(r"^\| `([a-z0-9-]+)` \|", section, re.MULTILINE)) == {
            code for code, (of, _) in CODES.items() if of == verdict
        }


def test_the_document_lists_every_kind_with_its_signer_and_limit():
    kinds = WIRE[WIRE.index("## 3.") : WIRE.index("## 4.")]
    rows = re.findall(r"^\| `(\w+)` \| ([^|]+) \| ([^|]+) \| (\d+) \|", kinds, re.MULTILINE)
    told = {name: (signer.strip(), topic.strip(), int(limit)) for name, signer, topic, limit in rows}
    assert told == {
        kind.name: (kind.signer, f"`{kind.topic}`" if kind.topic else "-", kind.limit)
        for kind in KINDS.values()
    }
    assert f"{LIMIT} bytes" in WIRE
