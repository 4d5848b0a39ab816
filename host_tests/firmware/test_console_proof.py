"""The whole of `read` on the real interpreter: NVS records in, three tokens out that the host's verifier takes."""

import json
import subprocess
import sys

import pytest

from host_tests.firmware.test_identity import KEY, MAKER, PUBLIC, UEID, WHOLE
from nameplate.factory import comb
from nameplate.token import jws, mint

NONCE = "bm9uY2Utbm9uY2U"
AGENT = f"""
import asyncio, sys
from firmware import identity
from firmware.console.session import Session
from host_tests.firmware import fakes
from lib.jws import Curve, Signer
unit = identity.load(fakes.Nvs({WHOLE!r}))
signer = Signer(Curve(sys.argv[1]), unit.key)
assert unit.check_key(signer.public)
appliance = fakes.Appliance(unit=unit, signer=signer)
async def main():
    rounds = []
    async def others():
        while True:
            rounds.append(1)
            await asyncio.sleep_ms(0)
    task = asyncio.create_task(others())
    await appliance.session.feed(b'{{"jsonrpc":"2.0","id":1,"method":"read","params":{{"nonce":"{NONCE}"}}}}\\n')
    task.cancel()
    print(len(rounds))
    print(bytes(appliance.out).decode())
asyncio.run(main())
"""


@pytest.fixture(scope="module")
def comb_path(tmp_path_factory):
    return comb.write(tmp_path_factory.mktemp("comb") / "p256_comb.bin")


def test_the_reply_is_proved(micropython, comb_path):
    printed = micropython(AGENT, str(comb_path))
    rounds, answer = printed.strip().split("\n")
    result = json.loads(answer)["result"]
    reply = jws.parse(result["reply"], ["reply"])
    assert reply.kid == mint.thumbprint(KEY)
    assert reply.is_signed_by(mint.public_key(PUBLIC))
    assert not reply.is_signed_by(MAKER.public_key())
    claims = reply.claims()
    assert (claims["eat_nonce"], claims["ueid"], claims["method"]) == (NONCE, UEID, "read")
    assert claims["senml"][0] == {"n": "pan", "vb": False}
    for kind in ("binding", "identity"):
        assert jws.parse(result[kind], [kind]).is_signed_by(MAKER.public_key())
    assert len(result["reply"]) <= reply.kind.limit
    # The signature is made in slices; other tasks run between them.
    assert int(rounds) >= 5


def test_an_altered_reply_is_not(micropython, comb_path):
    result = json.loads(micropython(AGENT, str(comb_path)).strip().split("\n")[1])["result"]
    head, payload, signature = result["reply"].split(".")
    other = payload.replace(payload[100], "A" if payload[100] != "A" else "B", 1)
    assert other != payload
    assert not jws.parse(f"{head}.{other}.{signature}", ["reply"]).is_signed_by(mint.public_key(PUBLIC))


def test_every_console_module_compiles_to_bytecode(tmp_path):
    """What is flashed is .mpy: the cross compiler takes every module of the console, the sensors and the panel."""
    from host_tests.conftest import ROOT

    sources = [
        *(ROOT / "firmware/console").glob("*.py"), *(ROOT / "firmware/sensors").glob("*.py"),
        *(ROOT / "firmware/diagnosis").glob("*.py"), ROOT / "firmware/panel.py", ROOT / "firmware/reply.py",
    ]  # fmt: skip
    assert len(sources) > 10
    for source in sources:
        out = tmp_path / f"{source.stem}.mpy"
        subprocess.run([sys.executable, "-m", "mpy_cross_v6_3", str(source), "-o", str(out)], check=True)
        assert out.stat().st_size
