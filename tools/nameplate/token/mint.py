"""Make tokens: for the factory (binding, identity), the backend (command, ack) and for tests.

Signs exactly the bytes it sends: the payload is written once as compact UTF-8 JSON and never again.
"""

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from nameplate.token.base64url import decode, encode
from nameplate.token.kinds import KINDS, ROLES

ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
PrivateKey = ec.EllipticCurvePrivateKey
PublicKey = ec.EllipticCurvePublicKey


def new_key() -> PrivateKey:
    """A fresh P-256 key."""
    return ec.generate_private_key(ec.SECP256R1())


def new_ueid() -> str:
    """A fresh `ueid`: 0x01 (RAND, RFC 9711 section 4.2.1) and 16 random bytes, as 23 base64url characters."""
    return encode(b"\x01" + os.urandom(16))


def private_key(scalar: bytes) -> PrivateKey:
    """The key of a 32-byte big-endian private scalar. Raises ValueError when it is not in 1..n-1."""
    return ec.derive_private_key(int.from_bytes(scalar, "big"), ec.SECP256R1())


def private_scalar(key: PrivateKey) -> bytes:
    """The 32-byte big-endian private scalar of `key`."""
    return key.private_numbers().private_value.to_bytes(32, "big")


def public_point(key: PrivateKey | PublicKey) -> bytes:
    """The 64 bytes x || y of the public point."""
    public = key.public_key() if isinstance(key, ec.EllipticCurvePrivateKey) else key
    numbers = public.public_numbers()
    return numbers.x.to_bytes(32, "big") + numbers.y.to_bytes(32, "big")


def public_key(point: bytes) -> PublicKey:
    """The key of a 64-byte point x || y. Raises ValueError when the point is not on P-256."""
    if len(point) != 64:
        raise ValueError("a P-256 point is 64 bytes")
    return ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), b"\x04" + point)


def jwk(key: PrivateKey | PublicKey | bytes) -> dict[str, str]:
    """The public JWK with its four required members, as the `cnf` of a binding holds it."""
    point = key if isinstance(key, bytes) else public_point(key)
    return {"kty": "EC", "crv": "P-256", "x": encode(point[:32]), "y": encode(point[32:])}


def thumbprint(key: PrivateKey | PublicKey | bytes | Mapping[str, str]) -> str:
    """The RFC 7638 SHA-256 thumbprint, which is the `kid` everywhere: 43 characters."""
    members = key if isinstance(key, Mapping) else jwk(key)
    text = '{{"crv":"{crv}","kty":"{kty}","x":"{x}","y":"{y}"}}'.format(
        crv=members["crv"], kty=members["kty"], x=members["x"], y=members["y"]
    )
    return encode(hashlib.sha256(text.encode()).digest())


def anchor(key: PrivateKey | PublicKey | bytes) -> dict[str, str]:
    """The short JWK of the device's trust anchors: kid, x and y; P-256 is implied."""
    members = jwk(key)
    return {"kid": thumbprint(members), "x": members["x"], "y": members["y"]}


def trust_jwk(key: PrivateKey | PublicKey | bytes, role: str) -> dict[str, str]:
    """One key of a trust file: the JWK with kid, use, alg and its one `role`."""
    if role not in ROLES:
        raise ValueError(f"no such role: {role}")
    members = jwk(key)
    return {**members, "kid": thumbprint(members), "use": "sig", "alg": "ES256", "role": role}


def payload_bytes(payload: Mapping[str, Any]) -> bytes:
    """The compact UTF-8 JSON of a payload: no spaces, members in the order given."""
    return json.dumps(payload, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()


def header_bytes(kind: str, kid: str) -> bytes:
    """The exact header of a token: three members, this order, no spaces."""
    return f'{{"alg":"ES256","kid":"{kid}","typ":"{KINDS[kind].typ}"}}'.encode("ascii")


def sign(kind: str, payload: Mapping[str, Any] | bytes, key: PrivateKey) -> str:
    """The compact JWS of `payload` as a token of `kind`, signed by `key`.

    A payload given as bytes is signed as it is. Raises KeyError for an unknown kind.
    """
    body = payload if isinstance(payload, bytes) else payload_bytes(payload)
    return sign_parts(header_bytes(kind, thumbprint(key)), body, key)


def sign_parts(header: bytes, body: bytes, key: PrivateKey) -> str:
    """A compact JWS over any header and body, right or wrong: what tests make bad tokens with.

    Of the two values of s that verify, the smaller is written, as units must.
    """
    signed = f"{encode(header)}.{encode(body)}"
    r, s = decode_dss_signature(key.sign(signed.encode("ascii"), ec.ECDSA(hashes.SHA256())))
    return f"{signed}.{encode(r.to_bytes(32, 'big') + min(s, ORDER - s).to_bytes(32, 'big'))}"


def base_claims(kind: str, ueid: str) -> dict[str, Any]:
    """The two claims every token about a device opens with."""
    return {"eat_profile": KINDS[kind].profile, "ueid": ueid}


def hwmodel(model: str) -> str:
    """The `hwmodel` claim of a model name: base64url of its UTF-8 (1 to 32 bytes, RFC 9711 section 4.2.4)."""
    data = model.encode()
    if not 1 <= len(data) <= 32:
        raise ValueError("a model name is 1 to 32 bytes")
    return encode(data)


def model_name(claim: str) -> str:
    """The model name an `hwmodel` claim stands for; bytes that are not UTF-8 come out as replacement marks."""
    return decode(claim).decode("utf-8", "replace")


def binding_payload(
    *, ueid: str, key: PrivateKey | PublicKey | bytes, oemid: int, model: str, key_origin: str, iat: int
) -> dict[str, Any]:
    """The manufacturer's word that `key` is the key of the board `ueid`; it holds no serial.

    `key_origin` is "chip" (made on the chip, never left it) or "host" (made by the factory's computer);
    `iat` is Unix seconds. Sign it with `sign("binding", ...)` and the key of role identity.
    """
    if key_origin not in ("chip", "host"):
        raise ValueError("key_origin is chip or host")
    return {
        **base_claims("binding", ueid),
        "cnf": {"jwk": jwk(key)},
        "oemid": oemid,
        "hwmodel": hwmodel(model),
        "key_origin": key_origin,
        "iat": iat,
    }


def identity_payload(
    *,
    ueid: str,
    oemid: int,
    oem: str,
    serial: str,
    model: str,
    name: str,
    revision: str,
    made: str,
    warranty: Sequence[Mapping[str, Any]],
    support_until: str,
    report_url: str,
    iat: int,
    start: str = "made",
) -> dict[str, Any]:
    """The manufacturer's word on the appliance around the board: serial, model, warranty terms.

    Dates are "YYYY-MM-DD"; each warranty term is {"part", "months", "until"}, first the general one; `start`
    says which date they run from ("made", "purchase", "installed"); `iat` is Unix seconds.
    """
    return {
        **base_claims("identity", ueid),
        "oemid": oemid,
        "oem": oem,
        "serial": serial,
        "model": model,
        "model_name": name,
        "hwversion": [revision],
        "made": made,
        "warranty": [
            {"part": term["part"], "months": term["months"], "until": term["until"]} for term in warranty
        ],
        "start": start,
        "support_until": support_until,
        "report_url": report_url,
        "iat": iat,
    }
