"""What the manufacturer signed of this unit, and his keys, read again where they are kept. Loaded for an answer and
forgotten after it.

All of it was looked at when the board started (firmware.identity_records), and nothing writes it but a provisioning,
after which it starts anew: what is whole is what it was.
"""

import json

from firmware import mirror
from lib import base64url

_LIMITS = {"binding": 1024 + 64, "identity": 2048 + 64, "anchors": 4000}


def read(nvs, name):
    """The token "binding" or "identity" (bytes), the identity's "claims" (a dictionary), or the "anchors" (role -> kid ->
    64 bytes of a public key). Raises OSError where neither NVS nor its mirror has it whole any more."""
    key = "identity" if name == "claims" else name
    try:
        payload = mirror.read(nvs, key, _LIMITS[key])
    except mirror.Damaged as reason:
        raise OSError(f"{name}: {reason}")
    if name == "claims":
        return json.loads(base64url.decode(payload.split(b".")[1]))
    return _anchors(json.loads(payload)) if name == "anchors" else payload


def _anchors(stored):
    return {
        role: {
            key["kid"]: base64url.decode(key["x"]) + base64url.decode(key["y"])
            for key in stored.get(role, ())
        }
        for role in ("identity", "update", "pass", "backend")
    }
