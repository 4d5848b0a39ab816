"""What the cases are made of: steps, and tokens right and wrong."""

import hashlib
from collections.abc import Callable
from typing import Any

from nameplate.token import mint
from nameplate.token.base64url import decode, encode
from nameplate.token.model import EPOCH, OEMID, Manufacturer, ModelUnit

NOW = EPOCH + 3600
NONCE = "bm9uY2Utb2YtY2FsbGVy"
Step = dict[str, Any]
CASES: dict[str, Callable[[Manufacturer, ModelUnit], list[Step]]] = {}


def case(function: Callable[[Manufacturer, ModelUnit], list[Step]]) -> Callable[..., list[Step]]:
    """Register a case under its name; its docstring is what the vector says of itself."""
    CASES[function.__name__.replace("_", " ")] = function
    return function


def step(token: str, verdict: str, code: str, **context: Any) -> Step:
    """One token, how it is presented ("topic", "kind", "nonce"), and what must be said of it."""
    return {"token": token, **context, "verdict": verdict, "code": code}


def bound(maker: Manufacturer, unit: ModelUnit, *, boot: bool = True) -> Step:
    """The first step of most cases: the binding."""
    if boot:
        unit.boot()
    return step(maker.binding(unit), "genuine", "binding-new", topic=unit.topic("identity"))


def on(unit: ModelUnit, token: str, verdict: str, code: str, leaf: str = "heartbeat", **context: Any) -> Step:
    """A token on its unit's topic."""
    return step(token, verdict, code, topic=unit.topic(leaf), **context)


def forged(maker: Manufacturer, unit: ModelUnit, token: str, code: str, **context: Any) -> list[Step]:
    """A binding, and one bad token that must be called forged."""
    context = context or {"topic": unit.topic("heartbeat")}
    return [bound(maker, unit, boot=False), step(token, "forged", code, **context)]


def resigned(token: str, key: mint.PrivateKey, header: bytes | None = None, body: bytes | None = None) -> str:
    """The token with another header or body, signed again."""
    parts = token.split(".")
    return mint.sign_parts(header or decode(parts[0]), body or decode(parts[1]), key)


def unit_first(unit: ModelUnit, **claims: Any) -> str:
    """Boot, and make the first token."""
    unit.boot()
    return unit.heartbeat(**claims)


def peek(unit: ModelUnit, **claims: Any) -> str:
    """The next token, without the unit going on from it."""
    return unit.copy().heartbeat(**claims)


def empty_body(unit: ModelUnit) -> str:
    """A token with an empty payload."""
    return mint.sign_parts(mint.header_bytes("heartbeat", mint.thumbprint(unit.key)), b"", unit.key)


def pass_claims(person: mint.PrivateKey) -> dict[str, Any]:
    """A technician's pass for a year."""
    return {
        "oemid": OEMID, "sub": "R. Okafor", "cnf": {"jwk": mint.jwk(person)}, "role": "technician",
        "models": ["KF-320"], "iat": EPOCH, "exp": EPOCH + 31_536_000, "jti": "cGFzcy1udW1iZXItMQ",
    }  # fmt: skip


def proof_claims(unit: ModelUnit, given: str) -> dict[str, Any]:
    """A proof of that pass over the unit's nonce."""
    digest = encode(hashlib.sha256(given.encode()).digest())
    return {**mint.base_claims("proof", unit.ueid), "eat_nonce": NONCE, "pass": digest, "carrier": "serial"}


def update_claims() -> dict[str, Any]:
    """A release."""
    return {
        "oemid": OEMID, "content": "firmware", "number": 2, "iat": EPOCH, "models": ["KF-320"], "chips": ["esp32"],
        "version": "0.2.0", "size": 262144, "sha256": encode(hashlib.sha256(b"release").digest()),
    }  # fmt: skip


def handover_claims(unit: ModelUnit) -> dict[str, Any]:
    """The end of a visit."""
    return {
        "reason": "visit", "bootcount": unit.bootcount, "uptime": 900, "clock": "unknown", "entry": 1,
        "log": encode(hashlib.sha256(b"").digest()), "case": "C-20418", "sub": "R. Okafor",
        "work": [{"action": "replaced", "fault": "L01", "part": "PN 7710 inlet valve"}],
    }  # fmt: skip
