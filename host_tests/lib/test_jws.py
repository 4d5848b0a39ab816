"""Compact JWS: one way to write a token, a reason for every other."""

import asyncio
import base64
import hashlib
import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from joserfc import jws as joserfc_jws
from joserfc.jwk import ECKey

from host_tests.firmware.simulated_time import PRELUDE
from host_tests.lib import p256_cases
from host_tests.lib.p256_batch import P256
from lib import base64url, jws, jws_verify, p256_sign
from lib.p256 import finish

TYP = "nameplate-heartbeat+jwt"
PAYLOAD = b'{"eat_profile":"urn:nameplate:1:heartbeat","seq":7}'
KEY = bytes(range(1, 33))
LIMIT = 1024


class Verifying(P256):
    """What a device does with a token, counting those that reach the arithmetic."""

    verifications = 0

    def verify(self, compact, typ, keys, limit):
        payload, public, digest, signature = jws_verify.read(compact, typ, keys, limit)
        self.verifications += 1
        if not finish(self.verify_steps(public, digest, signature)):
            raise jws_verify.JwsError("signature")
        return payload


@pytest.fixture(scope="module")
def p256(comb_path):
    return Verifying(comb_path)


@pytest.fixture(scope="module")
def signer(comb_path):
    return jws.Signer(jws.Curve(comb_path), KEY)


@pytest.fixture(scope="module")
def token(signer):
    return asyncio.run(signer.sign(TYP, PAYLOAD))


def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=")


def made(header, payload=PAYLOAD, key=KEY):
    """A token with any header, its signature right."""
    message = b64(header) + b"." + b64(payload)
    private = p256_cases.private_key(int.from_bytes(key, "big"))
    return message + b"." + b64(p256_cases.sign(private, hashlib.sha256(message).digest()))


def header(kid, typ=TYP):
    return f'{{"alg":"ES256","kid":"{kid}","typ":"{typ}"}}'.encode()


def verified(p256, signer, compact, typ=TYP, keys=None, limit=LIMIT):
    keys = {signer.kid: signer.public} if keys is None else keys
    return p256.verify(compact, typ, keys, limit)


def refusal(p256, signer, compact, **kwargs):
    """(reason, whether arithmetic was done)."""
    before = p256.verifications
    with pytest.raises(jws_verify.JwsError) as refused:
        verified(p256, signer, compact, **kwargs)
    return refused.value.reason, p256.verifications > before


def test_thumbprint_is_rfc_7638(signer):
    public = signer.public
    jwk = {"kty": "EC", "crv": "P-256", "x": b64(public[:32]).decode(), "y": b64(public[32:]).decode()}
    assert p256_sign.thumbprint(public) == signer.kid == ECKey.import_key(jwk).thumbprint()
    canonical = json.dumps(jwk, sort_keys=True, separators=(",", ":")).encode()
    assert signer.kid == b64(hashlib.sha256(canonical).digest()).decode()


def test_a_token_is_exactly_these_bytes(signer, token):
    head, payload, signature = token.split(b".")
    assert base64.urlsafe_b64decode(head + b"==") == header(signer.kid)
    assert payload == b64(PAYLOAD)
    digest = hashlib.sha256(head + b"." + payload).digest()
    private = p256_cases.private_key(int.from_bytes(KEY, "big"))
    expected = p256_cases.sign(private, digest, deterministic=True)
    assert signature in (b64(expected), b64(other_s(expected)))


def other_s(signature):
    """The same signature with n - s for s, which verifies too."""
    return signature[:32] + (p256_cases.N - int.from_bytes(signature[32:], "big")).to_bytes(32, "big")


def test_of_two_signatures_the_smaller_is_sent(p256, signer):
    """Anyone can make the other one: were it sent as often, a token would have two spellings."""
    turned = 0
    for number in range(16):
        token = asyncio.run(signer.sign(TYP, b"%d" % number))
        message, _, text = token.rpartition(b".")
        signature = base64url.decode(text)
        assert int.from_bytes(signature[32:], "big") <= p256_cases.N // 2
        made_by_rfc_6979 = finish(p256.sign_steps(KEY, hashlib.sha256(message).digest()))
        assert signature in (made_by_rfc_6979, other_s(made_by_rfc_6979))
        turned += signature != made_by_rfc_6979
        # Other makers send either; a device takes both, since no answer of its depends on the spelling.
        assert verified(p256, signer, message + b"." + b64(other_s(signature))) == b"%d" % number
    assert 0 < turned < 16


def test_joserfc_verifies_it(signer, token):
    jwk = {
        "kty": "EC",
        "crv": "P-256",
        "x": b64(signer.public[:32]).decode(),
        "y": b64(signer.public[32:]).decode(),
    }
    found = joserfc_jws.deserialize_compact(token.decode(), ECKey.import_key(jwk), algorithms=["ES256"])
    assert found.payload == PAYLOAD
    assert found.headers() == {"alg": "ES256", "kid": signer.kid, "typ": TYP}


def test_verify_takes_ours_and_another_maker_s(p256, signer, token):
    assert verified(p256, signer, token) == PAYLOAD
    assert verified(p256, signer, token.decode()) == PAYLOAD
    assert verified(p256, signer, token, limit=len(token)) == PAYLOAD
    assert verified(p256, signer, made(header(signer.kid))) == PAYLOAD
    assert verified(p256, signer, made(header(signer.kid), b"")) == b""


def test_rfc_7515_a_3_is_right_but_not_ours(p256, signer):
    compact = (
        b"eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFt"
        b"cGxlLmNvbS9pc19yb290Ijp0cnVlfQ.DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djx"
        b"La8ISlSApmWQxfKTUJqPP3-Kg6NU1Q"
    )
    assert refusal(p256, signer, compact) == ("header", False)


KID = "A" * 43  # a kid that no key has


def bad_tokens(kid, token):
    head, payload, signature = token.split(b".")
    raw = base64url.decode(signature)
    plain = header(kid)
    return {
        "size": [token + b"A" * LIMIT],
        "form": [
            b"",
            b".",
            b"...",
            head + b"." + payload,
            token + b".",
            token.replace(b".", b"..", 1),
            b"." + token,
            token.replace(b".", b","),
        ],
        "base64": [
            token + b"=",
            token + b"\n",
            b" " + token,
            head + b"==." + payload + b"." + signature,
            head + b"." + payload + b"!." + signature,
            head + b"." + payload + b".A",
            token[:-1] + {b"A": b"B", b"Q": b"R", b"g": b"h", b"w": b"x"}[token[-1:]],  # trailing bits
            token[:-1] + b"\xff",
            b"\0" + token,
        ],
        "header": [
            b"." + payload + b"." + signature,
            b".." + signature,
            b"..",
            made(plain.replace(b",", b", ")),
            made(b" " + plain),
            made(plain + b" "),
            made(plain[:-1]),
            made(plain[:-1] + b',"crit":["exp"],"exp":1}'),
            made(f'{{"kid":"{kid}","alg":"ES256","typ":"{TYP}"}}'.encode()),
            made(f'{{"alg":"ES256","typ":"{TYP}","kid":"{kid}"}}'.encode()),
            made(f'{{"alg":"ES256","alg":"none","kid":"{kid}","typ":"{TYP}"}}'.encode()),
            made(f'{{"alg":"ES256","kid":"{kid}x","typ":"{TYP}"}}'.encode()),
            made(f'{{"alg":"ES256","kid":"{kid[:-1]}","typ":"{TYP}"}}'.encode()),
            made(f'{{"alg":"ES256","kid":"{kid}"}}'.encode()),
            made(b'{"alg":"ES256"}'),
            made(b"{}"),
            made(b"[]"),
            made(b"\xff\xfe"),
            made(b"{" * 200),
        ],
        "alg": [
            made(plain.replace(b"ES256", b"none")),
            made(plain.replace(b"ES256", b"NONE")),
            made(plain.replace(b"ES256", b"ES384")),
            made(plain.replace(b"ES256", b"ES256K")),
            made(plain.replace(b"ES256", b"HS256")),
            made(plain.replace(b"ES256", b"es256")),
            made(plain.replace(b'"ES256"', b"null")),
            b64(plain.replace(b"ES256", b"none")) + b"." + payload + b".",
        ],
        "typ": [
            made(header(kid, "nameplate-event+jwt")),
            made(header(kid, "JWT")),
            made(header(kid, "")),
            made(header(kid, TYP.upper())),
            made(header(kid, TYP + '","crit":["b64"],"b64":"')),
            made(header(kid, TYP + '","typ":"' + TYP)),
            made(header(kid, TYP + "\0")),
            made(plain + plain),
            made(plain[:-1] + b',"cty":"x"}'),
        ],
        "kid": [
            made(header(KID)),
            made(header("!" * 43)),
            made(header(kid[:-1] + ("B" if kid[-1] != "B" else "C"))),
            made(header("é" * 21 + "A")),
        ],
        "signature": [
            head + b"." + payload + b".",
            head + b"." + payload + b"." + b64(raw[:-1]),
            head + b"." + payload + b"." + b64(raw + b"\0"),
            head + b"." + payload + b"." + b64(b"\x30\x44" + bytes(62)),
            head + b"." + payload + b"." + b64(bytes(64)),
            head + b"." + payload + b"." + b64(b"\xff" * 64),
            head + b"." + b64(PAYLOAD.replace(b"7", b"8")) + b"." + signature,
            made(plain, key=bytes(range(2, 34))),
        ],
    }


@pytest.mark.parametrize("reason", ["size", "form", "base64", "header", "alg", "typ", "kid", "signature"])
def test_refuses_with_the_reason(p256, signer, token, reason):
    for compact in bad_tokens(signer.kid, token)[reason]:
        found, arithmetic = refusal(p256, signer, compact)
        assert found == reason, compact
        if reason != "signature":
            assert not arithmetic, compact
        try:
            text = compact.decode()
        except UnicodeDecodeError:
            continue
        assert refusal(p256, signer, text)[0] == reason


def test_a_signature_of_another_length_costs_no_arithmetic(p256, signer, token):
    head, payload, signature = token.split(b".")
    raw = base64url.decode(signature)
    for cut in (b"", b64(raw[:63]), b64(raw + b"\0")):
        assert refusal(p256, signer, head + b"." + payload + b"." + cut) == ("signature", False)


def test_size_is_judged_first(p256, signer, token):
    assert refusal(p256, signer, token, limit=len(token) - 1) == ("size", False)
    assert refusal(p256, signer, b"." * 5000) == ("size", False)
    assert refusal(p256, signer, "é" * 5000) == ("size", False)


def test_text_that_is_not_ascii(p256, signer, token):
    assert refusal(p256, signer, token.decode() + "é") == ("base64", False)
    assert refusal(p256, signer, token.decode()[:-1] + "\udc80") == ("base64", False)


def test_no_keys(p256, signer, token):
    assert refusal(p256, signer, token, keys={}) == ("kid", False)


def test_a_kid_of_another_key(p256, signer, token):
    """The key that the header names decides, not whichever fits."""
    other = p256.public(bytes(range(2, 34)))
    keys = {signer.kid: other, p256_sign.thumbprint(other): signer.public}
    assert refusal(p256, signer, token, keys=keys) == ("signature", True)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_every_altered_byte_is_refused(p256, signer, token, data):
    at = data.draw(st.integers(0, len(token) - 1))
    byte = data.draw(st.integers(0, 255).filter(lambda b: b != token[at]))
    altered = token[:at] + bytes([byte]) + token[at + 1 :]
    assert refusal(p256, signer, altered)[0] in ("form", "base64", "header", "alg", "typ", "kid", "signature")


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=300) | st.text(max_size=200))
def test_any_input_gives_jws_error(p256, signer, compact):
    assert refusal(p256, signer, compact)[1] is False


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=200))
def test_any_signed_header_but_ours_gives_jws_error(p256, signer, text):
    assert refusal(p256, signer, made(text))[1] is False


def test_two_tasks_sign_one_after_the_other_and_others_run_between(p256, comb_path):
    order = []

    class Watched(jws.Curve):
        """Notes when the signatures of one signer overlap."""

        under_way = 0

        async def run(self, steps, gives_way=False):
            self.under_way += 1
            assert self.under_way == 1
            value = await super().run(steps, gives_way)
            self.under_way -= 1
            return value

    signer = jws.Signer(Watched(comb_path), KEY)

    async def other():
        while "b" not in order:
            order.append(".")
            await asyncio.sleep(0)

    async def sign(name):
        token = await signer.sign(TYP, name.encode())
        order.append(name)
        return token

    async def main():
        return await asyncio.gather(sign("a"), sign("b"), other())

    tokens = asyncio.run(main())
    assert [verified(p256, signer, token) for token in tokens[:2]] == [b"a", b"b"]
    first = order.index("a")
    assert first >= 5, "other tasks ran while the first was signed"
    assert order.index("b") - first >= 5


def test_a_signature_waits_for_one_slice_of_a_verification_at_most(signer, p256, comb_path, token):
    """A leak does not wait for a stranger's message to be judged."""
    done = []
    curve = jws.Curve(comb_path)
    _, public, digest, signature = jws_verify.read(token, TYP, {signer.kid: signer.public}, LIMIT)

    def told(steps, name):
        while True:
            done.append(name)
            if done.count("v") == 8:
                under_way.set()
            try:
                next(steps)
            except StopIteration as end:
                return end.value
            yield

    async def verify():
        async with curve:
            return await curve.run(told(p256.verify_steps(public, digest, signature), "v"), True)

    async def sign():
        await under_way.wait()
        done.append("wanted")
        async with curve:
            await curve.run(told(p256.sign_steps(KEY, digest), "s"))
        done.append("signed")

    async def main():
        return await asyncio.gather(verify(), sign())

    under_way = asyncio.Event()
    assert asyncio.run(main())[0] is True
    wanted, signed = done.index("wanted"), done.index("signed")
    assert done[wanted:signed].count("v") <= 1, done
    assert done[wanted:signed].count("s") >= 10
    assert done[signed:].count("v") >= 20, "the verification went on afterwards"


def test_a_cancelled_signature_leaves_the_signer_usable(signer, p256):
    async def main():
        task = asyncio.create_task(signer.sign(TYP, b"dropped"))
        for _ in range(3):
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return await asyncio.wait_for(signer.sign(TYP, b"kept"), 10)

    assert verified(p256, signer, asyncio.run(main())) == b"kept"


DEVICE = """
import asyncio, json
from lib import jws, jws_verify
from lib.p256 import finish
async def main(comb, cases):
    signer = jws.Signer(jws.Curve(comb), bytes(range(1, 33)))
    keys = {signer.kid: signer.public}
    p256 = P256(comb)
    def verify(text):
        payload, public, digest, signature = jws_verify.read(text, TYP, keys, 1024)
        if not finish(p256.verify_steps(public, digest, signature)):
            raise jws_verify.JwsError("signature")
        return payload
    token = await signer.sign(TYP, PAYLOAD)
    assert verify(token) == PAYLOAD
    found = []
    with open(cases) as file:
        for text in json.load(file):
            try:
                verify(text)
                found.append("taken")
            except jws_verify.JwsError as error:
                found.append(error.reason)
    both = await asyncio.gather(signer.sign(TYP, b"1"), signer.sign(TYP, b"2"))
    assert both[0] != both[1]
    print(json.dumps({"kid": signer.kid, "token": token.decode(), "found": found}))
asyncio.run(main(*sys.argv[1:]))
"""


def test_on_micropython(micropython, comb_path, tmp_path, signer, token):
    cases, expected = [], []
    for reason, compacts in bad_tokens(signer.kid, token).items():
        for compact in compacts:
            try:
                cases.append(compact.decode())
            except UnicodeDecodeError:
                continue
            expected.append(reason)
    (tmp_path / "cases.json").write_text(json.dumps(cases))
    script = f"TYP = {TYP!r}\nPAYLOAD = {PAYLOAD!r}\n{p256_cases.SCRIPT}\n{DEVICE}"
    out = json.loads(micropython(script, str(comb_path), str(tmp_path / "cases.json")))
    assert out == {"kid": signer.kid, "token": token.decode(), "found": expected}
    assert base64url.decode(out["kid"])


RARE = """
import asyncio, gc
from lib import jws
def live():
    gc.collect()
    return gc.mem_alloc()
def loaded():
    return "lib.p256" in sys.modules, "lib.p256_sign" in sys.modules
async def main(comb):
    signer = jws.Signer(jws.Curve(comb), bytes(range(1, 33)))
    await signer.sign("t", b"1")
    await asyncio.sleep(3)
    assert loaded() == (False, False)
    before = live()
    await signer.sign("t", b"2")
    print("just after", *loaded(), live() - before)
    code = sys.modules["lib.p256_sign"]
    await asyncio.sleep(0)
    await signer.sign("t", b"3")
    assert sys.modules["lib.p256_sign"] is code, "a burst loads it once"
    code = None
    await asyncio.sleep(3)
    print("later", *loaded(), live() - before)
asyncio.run(main(*sys.argv[1:]))
"""


def test_signing_is_in_memory_only_while_tokens_come(micropython, comb_path):
    just_after, later = [line.split() for line in micropython(PRELUDE + RARE, str(comb_path)).splitlines()]
    assert just_after[2:4] == ["True", "True"]
    assert int(just_after[4]) > 6000
    assert later[1:3] == ["False", "False"]
    assert int(later[3]) < 512
