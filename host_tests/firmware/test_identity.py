"""Identity: whole and matching, or not provisioned with a reason; never an exception, never half."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firmware import blob, identity
from host_tests.firmware.fakes import Nvs
from nameplate.token import mint

KEY = mint.private_key(bytes(31) + b"\x07")
MAKER = mint.private_key(bytes(31) + b"\x09")
UEID = "AQEBAQEBAQEBAQEBAQEBAQE"
PUBLIC = mint.public_point(KEY)


def unit_claims(**changes):
    return {
        "ueid": UEID, "key": mint.encode(mint.private_scalar(KEY)), "oemid": 12345, "broker_user": UEID,
        "broker_secret": "secret", "key_origin": "host", **changes,
    }  # fmt: skip


def binding_claims(**changes):
    made = mint.binding_payload(
        ueid=UEID, key=KEY, oemid=12345, model="KF-320", key_origin="host", iat=1795600000
    )
    return {**made, **changes}


def identity_claims(**changes):
    made = mint.identity_payload(
        ueid=UEID, oemid=12345, oem="Acme", serial="4F7-220918", model="KF-320", name="fridge-freezer",
        revision="C", made="2026-03-02", warranty=[{"part": "parts", "months": 24, "until": "2028-03-02"}],
        support_until="2036-03-02", report_url="https://example.com", iat=1795600000,
    )  # fmt: skip
    return {**made, **changes}


ANCHORS = {role: [mint.anchor(MAKER)] for role in ("identity", "update", "pass", "backend")} | {"number": 1}


def dump(claims):
    return json.dumps(claims, separators=(",", ":")).encode()


def store(unit=None, binding=None, identity=None, anchors=None):
    return Nvs({
        "unit": blob.pack(dump(unit or unit_claims())),
        "binding": blob.pack(mint.sign("binding", binding or binding_claims(), MAKER).encode()),
        "identity": blob.pack(mint.sign("identity", identity or identity_claims(), MAKER).encode()),
        "anchors": blob.pack(dump(anchors or ANCHORS)),
    })  # fmt: skip


def assert_signs_nothing(unit):
    assert not unit.provisioned
    assert unit.damage
    for name in ("key", "ueid", "binding", "identity", "broker_user", "broker_secret", "cnf"):
        assert getattr(unit, name) is None
    assert unit.claims == {}
    assert unit.anchors("backend") == {}


def test_tokens_that_are_lost_after_the_start_are_told_and_nothing_is_made_up():
    nvs = store()
    unit = identity.load(nvs)
    assert unit.claims["serial"] == unit.serial
    del nvs.blobs["identity"]
    nvs.blobs["binding"] = nvs.blobs["binding"][:-1]
    with pytest.raises(OSError, match="identity: missing"):
        unit.identity  # noqa: B018
    with pytest.raises(OSError, match="claims: missing"):
        unit.claims  # noqa: B018
    with pytest.raises(OSError, match="binding: bad checksum"):
        unit.binding  # noqa: B018
    nvs.blobs["anchors"] = b""
    assert unit.anchors("backend") == {}  # and nobody is obeyed
    assert unit.provisioned  # the key still signs


def test_a_whole_unit():
    unit = identity.load(store())
    assert unit.provisioned
    assert unit.damage is None
    assert unit.anchors_damage is None
    assert (unit.ueid, unit.oemid, unit.hwmodel, unit.hwversion) == (
        UEID,
        12345,
        mint.hwmodel("KF-320"),
        ["C"],
    )
    assert unit.key == mint.private_scalar(KEY)
    assert unit.claims["serial"] == "4F7-220918"
    assert unit.anchors("backend") == {mint.thumbprint(MAKER): mint.public_point(MAKER)}
    assert unit.dev is False
    assert unit.check_key(PUBLIC)


def test_dev_is_told_even_when_damaged():
    unit = identity.load(Nvs(numbers={"dev": 1}))
    assert unit.dev
    assert unit.damage == "unit: missing"


def test_a_key_that_the_maker_did_not_bind_signs_nothing():
    unit = identity.load(store())
    assert not unit.check_key(mint.public_point(MAKER))
    assert_signs_nothing(unit)
    assert unit.damage == "binding: names another key"


NO_KEY = mint.encode(bytes(32))
TOO_BIG = mint.encode(b"\xff" * 32)


@pytest.mark.parametrize(
    ("changed", "damage"),
    [
        ({"unit": unit_claims(key=NO_KEY)}, "unit: key out of range"),
        ({"unit": unit_claims(key=TOO_BIG)}, "unit: key out of range"),
        ({"unit": unit_claims(key="abc")}, "unit: key out of range"),
        ({"unit": unit_claims(key="a=b")}, "unit: key not base64url"),
        ({"unit": unit_claims(key=7)}, "unit: key missing"),
        ({"unit": unit_claims(ueid="AgEBAQEBAQEBAQEBAQEBAQE")}, "unit: ueid malformed"),
        ({"unit": unit_claims(ueid="AQ")}, "unit: ueid malformed"),
        ({"unit": unit_claims(oemid="x")}, "unit: oemid malformed"),
        ({"unit": unit_claims(oemid=True)}, "unit: oemid malformed"),
        ({"binding": binding_claims(ueid=mint.encode(b"\x01" * 16 + b"\x02"))}, "binding: is another unit's"),
        ({"binding": binding_claims(oemid=1)}, "binding: is another maker's"),
        ({"binding": binding_claims(cnf={})}, "binding: x missing"),
        ({"binding": binding_claims(cnf=7)}, "binding: x missing"),
        (
            {"identity": identity_claims(ueid=mint.encode(b"\x01" * 16 + b"\x02"))},
            "identity: is another unit's",
        ),
        ({"identity": identity_claims(serial=None)}, "identity: serial missing"),
        ({"identity": identity_claims(hwversion="C")}, "identity: hwversion malformed"),
    ],
)
def test_what_does_not_belong_together(changed, damage):
    unit = identity.load(store(**changed))
    assert_signs_nothing(unit)
    assert unit.damage == damage


@pytest.mark.parametrize("name", ["unit", "binding", "identity"])
@pytest.mark.parametrize(
    ("record", "reason"),
    [
        (None, "missing"), (b"", "bad mark"), (b"NP2....{}", "bad mark"), (b"NP1..", "cut short"),
        (b"NP1\0\0\0\0{}", "bad checksum"),
    ],
)  # fmt: skip
def test_damaged_records(name, record, reason):
    nvs = store()
    if record is None:
        del nvs.blobs[name]
    else:
        nvs.blobs[name] = record
    unit = identity.load(nvs)
    assert_signs_nothing(unit)
    assert unit.damage == f"{name}: {reason}"


def test_not_json_twice_given_and_broken_flash():
    nvs = store()
    nvs.blobs["unit"] = blob.pack(b'{"ueid":1,"ueid":2}')
    assert identity.load(nvs).damage == "unit: not JSON, key given twice"
    nvs.blobs["unit"] = blob.pack(b"[1]")
    assert identity.load(nvs).damage == "unit: not a JSON object"
    nvs.blobs["unit"] = blob.pack(b"{" * 100)
    assert identity.load(nvs).damage.startswith("unit: not JSON")
    nvs.broken = True
    assert identity.load(nvs).damage == "unit: unreadable"


def test_damaged_anchors_leave_a_unit_that_signs_but_obeys_nobody():
    nvs = store()
    del nvs.blobs["anchors"]
    unit = identity.load(nvs)
    assert unit.provisioned
    assert unit.anchors("backend") == {}
    assert unit.anchors_damage == "anchors: missing"
    nvs = store(anchors={"backend": [mint.anchor(MAKER)] * 3})
    assert identity.load(nvs).anchors_damage == "anchors: backend keys malformed"


WHOLE = store().blobs


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(["unit", "binding", "identity"]), st.data())
def test_any_damage_to_any_record_is_found(name, data):
    record = bytearray(WHOLE[name])
    if data.draw(st.booleans()):
        record[data.draw(st.integers(0, len(record) - 1))] ^= data.draw(st.integers(1, 255))
    else:
        del record[data.draw(st.integers(0, len(record) - 1)) :]
    assert_signs_nothing(identity.load(Nvs({**WHOLE, name: bytes(record)})))


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(["unit", "binding", "identity", "anchors"]), st.binary(max_size=80))
def test_any_payload_under_a_good_checksum_never_raises(name, payload):
    unit = identity.load(Nvs({**WHOLE, name: blob.pack(payload)}))
    assert unit.provisioned == (name == "anchors")
    assert unit.damage or unit.anchors_damage


def test_no_secret_in_what_python_prints():
    unit = identity.load(store())
    assert "secret" not in f"{unit!r} {unit}"
    assert str(unit.key) not in f"{unit!r} {unit}"


def test_on_the_device_interpreter(micropython):
    printed = micropython(f"""
from firmware import identity
from host_tests.firmware.fakes import Nvs
blobs = {WHOLE!r}
unit = identity.load(Nvs(blobs))
print(unit.provisioned, unit.damage, unit.claims["serial"], unit.check_key({PUBLIC!r}))
blobs["unit"] = blobs["unit"][:-1] + b"!"
print(identity.load(Nvs(blobs)).damage)
print(identity.load(Nvs()).damage)
""")
    assert printed.splitlines() == ["True None 4F7-220918 True", "unit: bad checksum", "unit: missing"]
