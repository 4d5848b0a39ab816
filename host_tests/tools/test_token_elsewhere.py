"""Other people's programs verify our tokens: jose on Node, openssl alone, and the example backend."""

import json
import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from host_tests.tools.node import run_node
from nameplate.broker import EmbeddedBroker
from nameplate.feed.feed import Feed
from nameplate.token import mint
from nameplate.token.base64url import decode, encode
from nameplate.token.model import Manufacturer, ModelUnit
from nameplate.token.verifier import Verifier

ROOT = Path(__file__).resolve().parents[2]
KINDS = json.loads((ROOT / "vectors" / "kinds.json").read_text("utf-8"))
each_kind = pytest.mark.parametrize("vector", KINDS, ids=lambda vector: vector["kind"])


def jose(token, jwk, kind):
    return run_node("jose", "examples/verify.mjs", token, json.dumps(jwk), kind)


def openssl(token, jwk):
    if shutil.which("openssl") is None:
        if os.environ.get("CI"):
            pytest.fail("CI must have openssl")
        print("\nNOT TESTED: no openssl on this machine", file=sys.__stderr__)
        pytest.skip("needs openssl")
    return subprocess.run(
        ["sh", str(ROOT / "examples" / "verify.sh"), token, jwk], capture_output=True, text=True
    )


@each_kind
def test_jose_on_node_verifies_each_kind(vector):
    done = jose(vector["token"], vector["jwk"], vector["kind"])
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == vector["payload"]


@each_kind
def test_openssl_alone_verifies_each_kind(vector):
    done = openssl(vector["token"], json.dumps(vector["jwk"]))
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == vector["payload"]


def bad_tokens():
    token, jwk = KINDS[0]["token"], KINDS[0]["jwk"]
    header, payload, signature = token.split(".")
    altered = encode(decode(payload).replace(b"4.812", b"4.813"))
    none = encode(b'{"alg":"none","typ":"nameplate-heartbeat+jwt"}')
    yield pytest.param(f"{header}.{altered}.{signature}", jwk, id="altered byte")
    yield pytest.param(token[:-8], jwk, id="cut signature")
    yield pytest.param(f"{header}.{payload}", jwk, id="no signature")
    yield pytest.param(f"{none}.{payload}.", jwk, id="alg none")
    yield pytest.param(f"{none}.{payload}.{signature}", jwk, id="alg none with a signature")
    yield pytest.param(token, mint.jwk(mint.new_key()), id="another key")


@pytest.mark.parametrize(("token", "jwk"), list(bad_tokens()))
def test_both_refuse_what_is_forged(token, jwk):
    assert openssl(token, json.dumps(jwk)).returncode == 1
    assert jose(token, jwk, "heartbeat").returncode == 1


def test_jose_refuses_another_kind_than_expected():
    assert jose(KINDS[0]["token"], KINDS[0]["jwk"], "event").returncode == 1


def test_openssl_takes_files_and_any_signature(tmp_path):
    """Numbers that begin with zero bits or a high bit are where hand-made DER goes wrong."""
    key, seen = mint.new_key(), set()
    (tmp_path / "jwk").write_text(json.dumps(mint.jwk(key), indent=1))
    for number in range(2000):
        token = mint.sign("ack", {"number": number}, key)
        raw = decode(token.split(".")[2])
        shape = (raw[0] == 0 or raw[32] == 0, raw[0] > 127)
        if shape in seen:
            continue
        seen.add(shape)
        (tmp_path / "token").write_text(token + "\n")
        done = openssl(str(tmp_path / "token"), str(tmp_path / "jwk"))
        assert (done.returncode, json.loads(done.stdout)) == (0, {"number": number}), done.stderr
    assert {(False, True), (False, False), (True, False)} <= seen


def test_the_example_backend_prints_what_it_verified(tmp_path):
    maker, unit = Manufacturer(), ModelUnit()
    unit.boot()
    trust = tmp_path / "acme.jwks"
    trust.write_text(json.dumps(maker.jwks()))
    with EmbeddedBroker() as broker:
        command = [sys.executable, str(ROOT / "examples" / "subscribe.py"), str(trust), broker.url]
        environment = {**os.environ, "PYTHONPATH": str(ROOT / "tools")}
        backend = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
        killer = threading.Timer(30, backend.kill)
        killer.start()
        try:
            with Feed(broker.url, Verifier(maker.trust()), lambda message: None, topics=("none",)) as out:
                out.publish_raw(unit.topic("identity"), maker.binding(unit).encode(), retain=True)
                assert backend.stdout.readline().startswith("genuine binding")
                token = unit.heartbeat()
                out.publish_raw(unit.topic("heartbeat"), token.encode())
                out.publish_raw(unit.topic("heartbeat"), token.encode())
                assert backend.stdout.readline().startswith(f"genuine heartbeat {unit.ueid}")
                assert backend.stdout.readline().startswith("duplicate these very bytes")
        finally:
            killer.cancel()
            backend.kill()
            backend.wait()
            backend.stdout.close()
