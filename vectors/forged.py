"""Tokens that nobody may believe, each wrong in one way."""

import base64
import hashlib
import hmac
import json
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from nameplate.token import mint
from nameplate.token.base64url import decode, encode
from nameplate.token.model import EPOCH, OEMID, Manufacturer, ModelUnit
from vectors.parts import (
    Step,
    bound,
    case,
    empty_body,
    forged,
    on,
    peek,
    resigned,
    step,
    unit_first,
    update_claims,
)


@case
def alg_none(maker: Manufacturer, unit: ModelUnit) -> list[Step]:
    """An unsigned token, the oldest trick."""
    header = encode(b'{"alg":"none","typ":"nameplate-heartbeat+jwt"}')
    return forged(maker, unit, f"{header}.{unit_first(unit).split('.')[1]}.", "alg-none")


@case
def alg_hs256(maker: Manufacturer, unit: ModelUnit) -> list[Step]:
    """The public key used as a secret."""
    header, body, _ = unit_first(unit).split(".")
    header = encode(decode(header).replace(b"ES256", b"HS256"))
    mac = hmac.new(mint.public_point(unit.key), f"{header}.{body}".encode(), hashlib.sha256).digest()
    return forged(maker, unit, f"{header}.{body}.{encode(mac)}", "other-alg")


@case
def another_curve(maker: Manufacturer, unit: ModelUnit) -> list[Step]:
    """ES384 by a P-384 key."""
    key = ec.generate_private_key(ec.SECP384R1())
    header, body, _ = unit_first(unit).split(".")
    header = encode(decode(header).replace(b"ES256", b"ES384"))
    r, s = decode_dss_signature(key.sign(f"{header}.{body}".encode(), ec.ECDSA(hashes.SHA384())))
    signature = encode(r.to_bytes(48, "big") + s.to_bytes(48, "big"))
    return forged(maker, unit, f"{header}.{body}.{signature}", "other-curve")


@case
def another_key_under_the_right_kid(maker: Manufacturer, unit: ModelUnit) -> list[Step]:
    """Signed by a stranger who writes the unit's kid into the header."""
    return forged(maker, unit, resigned(unit_first(unit), mint.new_key()), "bad-signature")


@case
def another_key_under_its_own_kid(maker: Manufacturer, unit: ModelUnit) -> list[Step]:
    """Signed by a stranger who says so."""
    body = decode(unit_first(unit).split(".")[1])
    return forged(maker, unit, mint.sign("heartbeat", body, mint.new_key()), "other-key")


@case
def wrong_kid(maker: Manufacturer, unit: ModelUnit) -> list[Step]:
    """Signed by the unit's key under the name of another."""
    header = mint.header_bytes("heartbeat", mint.thumbprint(mint.new_key()))
    return forged(maker, unit, resigned(unit_first(unit), unit.key, header), "wrong-kid")


@case
def kid_of_another_unit(maker: Manufacturer, unit: ModelUnit) -> list[Step]:
    """Signed by the unit's key under the name of another known unit."""
    other = ModelUnit()
    header = mint.header_bytes("heartbeat", mint.thumbprint(other.key))
    bad = resigned(unit_first(unit), unit.key, header)
    return [bound(maker, other, boot=False), *forged(maker, unit, bad, "wrong-kid")]


@case
def kid_that_is_no_thumbprint(maker: Manufacturer, unit: ModelUnit) -> list[Step]:
    """A kid of another form."""
    header = b'{"alg":"ES256","kid":"key-1","typ":"nameplate-heartbeat+jwt"}'
    return forged(maker, unit, resigned(unit_first(unit), unit.key, header), "wrong-kid")


@case
def altered_byte(maker: Manufacturer, unit: ModelUnit) -> list[Step]:
    """One character of a genuine token changed, before and after the genuine one is known."""
    token = unit_first(unit)
    header, body, signature = token.split(".")
    bad = f"{header}.{encode(decode(body).replace(b'4.812', b'4.912'))}.{signature}"
    return [
        bound(maker, unit, boot=False),
        on(unit, bad, "forged", "bad-signature"),
        on(unit, token, "genuine", "first-seen"),
        on(unit, bad, "forged", "altered"),
    ]


@case
def cut_signature(maker: Manufacturer, unit: ModelUnit) -> list[Step]:
    """The last characters, half the signature, all of it, and the dot before it are missing."""
    token = unit_first(unit)
    cuts = [token[:-1], token[:-43], token[:-86], token[:-87]]
    steps = [on(unit, cut, "forged", "cut-signature") for cut in cuts]
    return [bound(maker, unit, boot=False), *steps]


@case
def signature_too_long(maker: Manufacturer, unit: ModelUnit) -> list[Step]:
    """A signature with bytes behind it."""
    return forged(maker, unit, unit_first(unit) + "AAAA", "signature-size")


@case
def second_spelling_of_the_signature(maker: Manufacturer, unit: ModelUnit) -> list[Step]:
    """With s also n - s verifies, and anyone can compute it: it must not pass as other bytes under one number."""
    token = unit_first(unit)
    signed, _, signature = token.rpartition(".")
    raw = decode(signature)
    high = mint.ORDER - int.from_bytes(raw[32:], "big")
    other = f"{signed}.{encode(raw[:32] + high.to_bytes(32, 'big'))}"
    return [*forged(maker, unit, other, "high-s"), on(unit, token, "genuine", "first-seen")]


@case
def padded_base64url(maker: Manufacturer, unit: ModelUnit) -> list[Step]:
    """Padding, plain base64, and spare bits that are not zero: other spellings of the same bytes."""
    header, body, signature = unit_first(unit, swversion=["0.1.0~>?"]).split(".")
    padded = base64.urlsafe_b64encode(decode(body) + b" " * (-len(decode(body)) % 3 or 3) + b" ").decode()
    spare = signature[:-1] + {"A": "B", "Q": "R", "g": "h", "w": "x"}[signature[-1]]
    return [
        bound(maker, unit, boot=False),
        on(unit, f"{header}.{padded}.{signature}", "forged", "bad-signature"),
        on(unit, f"{header}=.{body}.{signature}", "forged", "base64url"),
        on(unit, f"{header}.{body}.{spare}", "forged", "base64url"),
        on(unit, f"{header}.{body}.{signature[:-2]}=A", "forged", "base64url"),
    ]


@case
def not_a_compact_jws(maker: Manufacturer, unit: ModelUnit) -> list[Step]:
    """Nothing, text, JSON, and a JWS of five parts."""
    bad = ["", "hello", '{"payload":"","signatures":[]}', "a.b.c.d.e"]
    return [bound(maker, unit), *(on(unit, token, "forged", "not-jws") for token in bad)]


@case
def oversize(maker: Manufacturer, unit: ModelUnit) -> list[Step]:
    """Longer than its kind may be, and longer than any may be."""
    token = unit_first(unit, reset="x" * 2000)
    return [*forged(maker, unit, token, "oversize"), on(unit, "e" * 9000, "forged", "oversize")]


@case
def payload_not_json(maker: Manufacturer, unit: ModelUnit) -> list[Step]:
    """Signed by the unit's own key, and still no token."""
    bodies = [b"", b"[]", b"{", b"\xff{}", b'{"a":NaN}', b'{"a":1e999}']
    tokens = [mint.sign("heartbeat", body, unit.key) if body else empty_body(unit) for body in bodies]
    return [bound(maker, unit), *(on(unit, token, "forged", "not-json") for token in tokens)]


@case
def duplicate_key_in_payload(maker: Manufacturer, unit: ModelUnit) -> list[Step]:
    """Two readers may take two different values."""
    body = decode(unit_first(unit).split(".")[1]).replace(b'"lag":12', b'"lag":12,"lag":0')
    return forged(maker, unit, mint.sign("heartbeat", body, unit.key), "duplicate-key")


@case
def duplicate_key_in_header(maker: Manufacturer, unit: ModelUnit) -> list[Step]:
    """The same trick in the header."""
    header = mint.header_bytes("heartbeat", mint.thumbprint(unit.key)).replace(b"{", b'{"alg":"none",')
    return forged(maker, unit, resigned(unit_first(unit), unit.key, header), "duplicate-key")


@case
def header_with_a_key_inside(maker: Manufacturer, unit: ModelUnit) -> list[Step]:
    """A jwk member, another order, and white space: the header has one form."""
    right = mint.header_bytes("heartbeat", mint.thumbprint(unit.key))
    token = unit_first(unit)
    jwk = json.dumps(mint.jwk(unit.key)).encode()
    bad = [
        right.replace(b"}", b',"jwk":' + jwk + b"}"),
        right.replace(b'"alg":"ES256",', b"").replace(b"}", b',"alg":"ES256"}'),
        right.replace(b",", b", "),
        right.replace(b"}", b',"crit":["exp"]}'),
    ]
    steps = [on(unit, resigned(token, unit.key, header), "forged", "header") for header in bad]
    return [bound(maker, unit, boot=False), *steps]


@case
def wrong_kind(maker: Manufacturer, unit: ModelUnit) -> list[Step]:
    """A heartbeat as an event, a typ that lies about the profile, and a typ of nobody's."""
    token = unit_first(unit)
    kid = mint.thumbprint(unit.key)
    stranger = mint.header_bytes("event", kid).replace(b"nameplate-event+jwt", b"JWT")
    return [
        bound(maker, unit, boot=False),
        on(unit, token, "forged", "wrong-kind", "event"),
        on(unit, resigned(token, unit.key, mint.header_bytes("event", kid)), "forged", "wrong-kind", "event"),
        on(unit, resigned(token, unit.key, stranger), "forged", "wrong-kind"),
        step(token, "forged", "wrong-kind", kind="reply"),
    ]


@case
def claims_outside_the_schema(maker: Manufacturer, unit: ModelUnit) -> list[Step]:
    """Each breaks one rule; the unit's own key signed them all. A claim nobody knows breaks none."""
    bad: list[dict[str, Any]] = [
        {"bootcount": "1"}, {"uptime": -1}, {"uptime": 1.5}, {"uptime": 60.0}, {"clock": "ntp"}, {"iat": EPOCH},
        {"clock": "set"}, {"senml": [{"n": "fridge", "v": 85, "vs": "open"}]}, {"senml": [{"bn": "x", "n": "a", "v": 1}]},
        {"lost": []}, {"prev": "short"}, {"dev": False},
    ]  # fmt: skip
    steps = [bound(maker, unit)]
    for changes in bad:
        steps += [on(unit, peek(unit, **changes), "forged", "schema")]
    bare = mint.sign("heartbeat", mint.base_claims("heartbeat", unit.ueid), unit.key)
    steps += [on(unit, bare, "forged", "schema")]
    return [*steps, on(unit, unit.heartbeat(shelf="top"), "genuine", "first-seen")]


@case
def another_boards_topic(maker: Manufacturer, unit: ModelUnit) -> list[Step]:
    """A genuine token where it does not belong: board, manufacturer, and no topic of ours."""
    token, other = unit_first(unit), ModelUnit()
    return [
        *forged(maker, unit, token, "topic-ueid", topic=other.topic("heartbeat")),
        step(token, "forged", "topic-oem", topic=unit.topic("heartbeat").replace(str(OEMID), "54321")),
        step(token, "forged", "topic", topic="nameplate/1/heartbeat"),
        on(unit, token, "genuine", "first-seen"),
    ]


@case
def another_boards_name(maker: Manufacturer, unit: ModelUnit) -> list[Step]:
    """A bound unit speaks in the name of another board."""
    body = decode(unit_first(unit).split(".")[1]).replace(unit.ueid.encode(), ModelUnit().ueid.encode())
    return forged(maker, unit, mint.sign("heartbeat", body, unit.key), "other-key", kind="heartbeat")


@case
def foreign_oemid(maker: Manufacturer, unit: ModelUnit) -> list[Step]:
    """A unit names another manufacturer than its binding does."""
    return forged(maker, unit, unit_first(unit, oemid=54321), "oemid")


@case
def binding_by_a_stranger(maker: Manufacturer, unit: ModelUnit) -> list[Step]:
    """Signed by no key of the trust file, and by the unit itself."""
    stranger = Manufacturer().binding(unit)
    own = resigned(stranger, unit.key, mint.header_bytes("binding", mint.thumbprint(unit.key)))
    unit.boot()
    return [
        on(unit, stranger, "forged", "not-manufacturer", "identity"),
        on(unit, own, "forged", "not-manufacturer", "identity"),
        on(unit, unit.heartbeat(), "unknown device", "no-binding"),
    ]


@case
def role_misused(maker: Manufacturer, unit: ModelUnit) -> list[Step]:
    """The key for updates signs a binding; a backend's key an update and a heartbeat."""
    beat = mint.sign("heartbeat", decode(unit_first(unit).split(".")[1]), maker.keys["backend"])
    return [
        on(unit, maker.binding(unit, role="update"), "forged", "role", "identity"),
        step(maker.sign("update", update_claims(), "backend"), "forged", "role", kind="update"),
        on(unit, beat, "forged", "role"),
    ]


@case
def binding_on_another_curve(maker: Manufacturer, unit: ModelUnit) -> list[Step]:
    """The manufacturer binds a key that is not on P-256."""
    jwk = mint.jwk(unit.key)
    off = jwk | {"y": encode(bytes(31) + b"\x01")}
    return [
        on(
            unit,
            maker.binding(unit, cnf={"jwk": jwk | {"crv": "P-384"}}),
            "forged",
            "other-curve",
            "identity",
        ),
        on(unit, maker.binding(unit, cnf={"jwk": off}), "forged", "other-curve", "identity"),
    ]
