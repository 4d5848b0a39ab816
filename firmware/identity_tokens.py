"""The manufacturer's tokens about this unit, read again where they are kept. Loaded for an answer and forgotten after it.

They were looked at when the board started (firmware.identity_records), and nothing writes them but a provisioning, after
which it starts anew: what is whole is what it was.
"""

import json

from firmware import mirror
from lib import base64url

_BINDING_LIMIT = 1024 + 64
_IDENTITY_LIMIT = 2048 + 64


def read(nvs, name):
    """The token "binding" or "identity" (bytes), or the identity's "claims" (a dictionary). Raises OSError where neither
    NVS nor its mirror has it whole any more."""
    try:
        if name == "binding":
            return mirror.read(nvs, name, _BINDING_LIMIT)
        token = mirror.read(nvs, "identity", _IDENTITY_LIMIT)
    except mirror.Damaged as reason:
        raise OSError(f"{name}: {reason}")
    return json.loads(base64url.decode(token.split(b".")[1])) if name == "claims" else token
