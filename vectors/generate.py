"""Write the vectors anew: `python -m vectors.generate [DIRECTORY]`.

The private keys live only while this runs, so every run makes new keys, new tokens and new signatures; names, order and
expected verdicts stay the same. Each case stands alone: give its steps, in order, to a fresh verifier.
"""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from nameplate.token import mint
from nameplate.token.base64url import decode
from nameplate.token.model import EPOCH, Manufacturer, ModelUnit
from vectors import clones, forged, good  # noqa: F401 importing them registers their cases
from vectors.clones import REVOKED, REVOKED_CODES
from vectors.parts import (
    CASES,
    NONCE,
    NOW,
    handover_claims,
    on,
    pass_claims,
    proof_claims,
    unit_first,
    update_claims,
)


def kinds(maker: Manufacturer) -> Iterator[dict[str, Any]]:
    """One good token of each kind, with the key that signed it."""
    unit, person = ModelUnit(), mint.new_key()
    unit.boot()
    given = maker.sign("pass", pass_claims(person))
    command = {"aud": unit.ueid, "method": "identity", "eat_nonce": NONCE, "iat": NOW, "exp": NOW + 60}
    made = {
        "heartbeat": (unit.heartbeat(), unit.key),
        "event": (unit.event(), unit.key),
        "status": (unit.birth(), unit.key),
        "reply": (unit.reply(NONCE), unit.key),
        "identity": (maker.identity(unit), maker.keys["identity"]),
        "binding": (maker.binding(unit), maker.keys["identity"]),
        "proof": (mint.sign("proof", proof_claims(unit, given), person), person),
        "pass": (given, maker.keys["pass"]),
        "handover": (unit.sign("handover", handover_claims(unit)), unit.key),
        "update": (maker.sign("update", update_claims()), maker.keys["update"]),
        "command": (maker.sign("command", command), maker.keys["backend"]),
        "ack": (maker.sign("ack", {"aud": unit.ueid, "upto": [1, 7], "iat": EPOCH}), maker.keys["backend"]),
    }
    for kind, (token, key) in made.items():
        jwk = {**mint.jwk(key), "kid": mint.thumbprint(key), "alg": "ES256", "use": "sig"}
        yield {"kind": kind, "token": token, "jwk": jwk, "payload": json.loads(decode(token.split(".")[1]))}


def verdicts(maker: Manufacturer) -> Iterator[dict[str, Any]]:
    """Every case."""
    for name, function in CASES.items():
        unit = ModelUnit()
        yield {"name": name, "about": function.__doc__, "now": NOW, "steps": function(maker, unit)}
    for name, entry in REVOKED.items():
        unit = ModelUnit()
        token = unit_first(unit)
        binding_code, code = REVOKED_CODES[name]
        yield {
            "name": name,
            "about": "Judged by the signature first, then by the list of what is revoked.",
            "now": NOW,
            "revoked": [entry(maker, unit)],
            "steps": [
                on(unit, maker.binding(unit), "revoked", binding_code, "identity"),
                on(unit, token, "revoked", code),
            ],
        }


def generate() -> dict[str, Any]:
    """All vectors: file name to content."""
    maker = Manufacturer()
    return {
        "trust.jwks": maker.jwks(),
        "kinds.json": list(kinds(maker)),
        "verdicts.json": list(verdicts(maker)),
    }


if __name__ == "__main__":
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parent
    for file_name, content in generate().items():
        (target / file_name).write_text(json.dumps(content, indent=1, ensure_ascii=True) + "\n", "utf-8")
