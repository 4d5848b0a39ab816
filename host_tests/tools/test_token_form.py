"""Parsing: one form, one spelling; whatever comes, a verdict and never an exception."""

import json
import os
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from joserfc.jwk import ECKey

from nameplate.errors import NameplateError
from nameplate.token import mint
from nameplate.token.base64url import decode, encode
from nameplate.token.digests import PER_PAGE, Digests
from nameplate.token.jws import strict_json
from nameplate.token.kinds import KINDS, is_ueid
from nameplate.token.model import Manufacturer, ModelUnit
from nameplate.token.ranges import Ranges
from nameplate.token.trust import Trust
from nameplate.token.verdict import FORGED, UNKNOWN_DEVICE, Rejected
from nameplate.token.verifier import Verifier

MAKER = Manufacturer()


@given(st.binary(max_size=70))
def test_base64url_of_any_bytes(data):
    assert decode(encode(data)) == data


@given(st.text(alphabet="AQgwZ09-_+/=. \n\x00é", max_size=9))
def test_base64url_has_one_spelling(text):
    try:
        data = decode(text)
    except ValueError:
        return
    assert encode(data) == text


@settings(max_examples=200, deadline=None)
@given(st.one_of(st.binary(max_size=300), st.text(max_size=300), st.text(alphabet="ey.{}A=", max_size=60)))
def test_anything_at_all_gets_a_verdict(junk):
    verdict = Verifier(MAKER.trust()).check(junk)
    assert (verdict.verdict, verdict.claims) == (FORGED, None)


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_any_altered_byte_of_any_kind_is_forged(data):
    unit = ModelUnit()
    unit.boot()
    verifier = Verifier(MAKER.trust())
    tokens = [
        MAKER.binding(unit),
        unit.heartbeat(),
        unit.event(),
        unit.birth(),
        unit.reply("bm9uY2Utb25l"),
        MAKER.identity(unit),
    ]
    verifier.binding(tokens[0])
    token = bytearray(data.draw(st.sampled_from(tokens)).encode())
    at = data.draw(st.integers(0, len(token) - 1))
    token[at] = data.draw(st.integers(0, 255).filter(lambda byte: byte != token[at]))
    verdict = verifier.check(bytes(token))
    # An altered kid may name a board nobody knows; nothing else may be anything but forged.
    assert verdict.verdict in (FORGED, UNKNOWN_DEVICE) and verdict.claims is None


@pytest.mark.parametrize(
    "text", ["[" * 3000, '{"a":' * 1500 + "1" + "}" * 1500, "1" * 6000, '{"a":1e400}', '{"a":-Infinity}']
)
def test_json_bombs(text):
    with pytest.raises(Rejected) as refused:
        strict_json(text.encode(), "payload")
    assert refused.value.code == "not-json"


def test_a_bomb_signed_by_a_bound_unit_is_only_forged():
    unit = ModelUnit()
    verifier = Verifier(MAKER.trust())
    verifier.binding(MAKER.binding(unit))
    for body in (b'{"a":' + b"[" * 2900 + b"]" * 2900 + b"}", b'{"seq":' + b"9" * 5000 + b"}"):
        assert verifier.check(mint.sign("reply", body, unit.key), "reply").verdict == FORGED


def test_a_kind_that_does_not_exist_is_the_callers_mistake():
    with pytest.raises(ValueError, match="there are heartbeat, event"):
        Verifier(MAKER.trust()).check("x", "hartbeat")


def test_the_header_is_exact():
    assert mint.header_bytes("event", "k") == b'{"alg":"ES256","kid":"k","typ":"nameplate-event+jwt"}'
    assert [kind.typ for kind in KINDS.values()] == [f"nameplate-{name}+jwt" for name in KINDS]
    assert [kind.profile for kind in KINDS.values()] == [f"urn:nameplate:1:{name}" for name in KINDS]


def test_the_thumbprint_of_rfc_7638_form():
    # The EC key of RFC 7517 A.1; joserfc agrees.
    jwk = {
        "kty": "EC", "crv": "P-256",
        "x": "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4", "y": "4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM",
    }  # fmt: skip
    assert (
        ECKey.import_key(jwk).thumbprint()
        == mint.thumbprint(jwk)
        == "cn-I_WNMClehiVp51i_0VpOENW1upEerA8sEam5hn-s"
    )


def test_ueids():
    assert is_ueid(mint.new_ueid())
    assert not any(
        map(
            is_ueid,
            ["", None, 5, "A" * 23, encode(b"\x02" + bytes(16)), encode(b"\x01" + bytes(16))[:-1] + "B"],
        )
    )


@pytest.mark.parametrize("factory", [mint.new_key, lambda: mint.private_key(b"\x01" * 32)])
def test_signatures_carry_the_smaller_s(factory):
    key = factory()
    for number in range(20):
        raw = decode(mint.sign("ack", {"n": number}, key).split(".")[2])
        assert int.from_bytes(raw[32:], "big") <= mint.ORDER // 2


def test_factory_payload_builders_refuse_what_no_schema_allows():
    with pytest.raises(ValueError, match="chip or host"):
        mint.binding_payload(ueid="x", key=mint.new_key(), oemid=1, model="m", key_origin="cloud", iat=1)
    with pytest.raises(ValueError, match="1 to 32"):
        mint.hwmodel("")
    assert mint.model_name(mint.hwmodel("KF-320")) == "KF-320"
    with pytest.raises(ValueError, match="no such role"):
        mint.trust_jwk(mint.new_key(), "admin")


@settings(max_examples=100)
@given(
    st.lists(st.tuples(st.integers(0, 40), st.integers(0, 6)), max_size=20),
    st.integers(0, 40),
    st.integers(0, 40),
)
def test_ranges_are_a_set(parts, low, high):
    ranges, plain = Ranges(), set()
    for first, length in parts:
        ranges.add(first, first + length)
        plain |= set(range(first, first + length + 1))
    assert {number for first, last in ranges for number in range(first, last + 1)} == plain
    assert all(number in ranges for number in plain) and -1 not in ranges and 99 not in ranges
    listed = list(ranges)
    assert all(a[1] + 1 < b[0] for a, b in pairwise(listed))
    absent = {number for first, last in ranges.absent(low, high) for number in range(first, last + 1)}
    assert absent == set(range(low, high + 1)) - plain


def test_digests_by_number_and_back():
    digests, kept = Digests(), {}
    for seq in (0, 1, PER_PAGE - 1, PER_PAGE, 5000, 2**31 - 1):
        kept[seq] = os.urandom(8)
        digests.set(seq, kept[seq])
    assert {seq: digests.get(seq) for seq in kept} == kept
    assert {digests.find(digest): digest for digest in kept.values()} == kept
    assert digests.get(2) is None and digests.get(9999) is None and digests.find(b"absent!!") is None
    digests.drop_first()
    assert digests.get(0) is None and digests.get(PER_PAGE) == kept[PER_PAGE]
    with pytest.raises(ValueError, match="another size"):
        digests.restore(0, b"short")


def jwks(**changes):
    value = MAKER.jwks()
    value["keys"][0] |= changes
    return json.dumps(value).encode()


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"", "not a JSON object"),
        (b"[]", "not a JSON object"),
        (b'{"keys":[],"keys":[]}', "same name twice"),
        (b'{"keys":[]}', "keys"),
        (jwks(role="owner"), "role"),
        (jwks(crv="P-384"), "crv"),
        (jwks(alg="ES384"), "alg"),
        (jwks(kid=mint.thumbprint(mint.new_key())), "kid is not its thumbprint"),
        (jwks(d="AAAA"), "private key"),
        (json.dumps({"keys": MAKER.jwks()["keys"] * 2}).encode(), "roles never share a key"),
        (json.dumps({**MAKER.jwks(), "revoked": [{"serial": "4F7"}]}).encode(), "revoked"),
    ],
)
def test_a_trust_file_that_is_none(data, told):
    with pytest.raises(NameplateError) as refused:
        Trust.from_bytes(data, "acme.jwks")
    assert (
        told in refused.value.message and refused.value.message.startswith("acme.jwks") and refused.value.hint
    )


def test_a_point_off_the_curve_is_no_trusted_key():
    members = {**mint.jwk(mint.new_key()), "y": encode(bytes(31) + b"\x05")}
    key = {**members, "kid": mint.thumbprint(members), "role": "identity"}
    with pytest.raises(NameplateError, match="not a point on P-256"):
        Trust.from_bytes(json.dumps({"keys": [key]}).encode())
