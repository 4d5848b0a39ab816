"""A board that signs: the answers of a genuine unit to `read`, and those of units that are not what they say."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from nameplate.token import mint
from nameplate.token.model import Manufacturer, ModelUnit

NONCE = "bm9uY2Utbm9uY2U"


def maker(seed: int = 1) -> Manufacturer:
    """A manufacturer whose keys are the same in every run."""
    made = Manufacturer()
    made.keys = {
        role: mint.private_key(bytes([seed, index]) * 16) for index, role in enumerate(made.keys, start=1)
    }
    return made


def unit(seed: int = 99) -> ModelUnit:
    """A unit whose key and ueid are the same in every run; up for three hours, in its 14th boot."""
    made = ModelUnit()
    made.key = mint.private_key(bytes([seed]) * 32)
    made.ueid = mint.encode(b"\x01" + bytes([seed]) * 16)
    made.bootcount = 14
    made.uptime = 11_520
    return made


CALM: dict[str, Any] = {
    "senml": [{"n": "pan", "vb": False}, {"n": "fridge", "u": "Cel", "v": 4.812}],
    "age": [0, 2],
    "pm": [None, 1751],
    "uplink": {"state": "broker ok", "waiting": 0, "last": 3},
    "consent": "full",
    "ack": "broker",
    "lag": 12,
}
LEAK: dict[str, Any] = {
    **CALM,
    "senml": [
        {"n": "pan", "vb": True},
        {"n": "fridge", "u": "Cel", "v": 4.812},
        {"n": "freezer", "vs": "open"},
    ],
    "age": [0, 2, None],
    "pm": [None, 1751, None],
    "faults": [
        {
            "fault": "L01",
            "state": "confirmed",
            "since": 11_520 - 241,
            "evidence": "wet 241 of 241 s, loop 9.8 kohm, probe healthy",
            "detail": {
                "window": 241,
                "known": 241,
                "for": 241,
                "sensors": ["pan"],
                "confidence": None,
                "basis": "one contact, not cross-checked",
            },
        }
    ],
}


def tokens(made: ModelUnit, by: Manufacturer, nonce: str = NONCE, **claims: Any) -> dict[str, str]:
    """The three tokens of one answer."""
    reply = made.reply(nonce, **{**CALM, **claims})
    return {"binding": by.binding(made), "identity": by.identity(made), "reply": reply}


def methods(made: ModelUnit, by: Manufacturer, **claims: Any) -> dict[str, Callable[[dict[str, Any]], Any]]:
    """The JSON-RPC methods of a unit, for scripted_board.rpc."""
    return {
        "read": lambda params: tokens(made, by, params["nonce"], **claims),
        "version": lambda params: {"firmware": "0.1.0"},
    }
