"""The twelve kinds of token: their names, headers, signers and size limits (docs/wire.md, section 3)."""

import re
from dataclasses import dataclass

PROFILE_PREFIX = "urn:nameplate:1:"
TYP_PREFIX = "nameplate-"
TYP_SUFFIX = "+jwt"

DEVICE = "device"
ROLES = ("identity", "update", "pass", "backend")


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of token.

    `signer` is "device", "technician" or the role of the manufacturer's key; `topic` is the last part of the
    MQTT topic that carries it, or None when it travels by other ways; `limit` is the longest compact token in
    bytes that a verifier reads.
    """

    name: str
    signer: str
    topic: str | None
    limit: int

    @property
    def typ(self) -> str:
        """The `typ` of the JOSE header."""
        return f"{TYP_PREFIX}{self.name}{TYP_SUFFIX}"

    @property
    def profile(self) -> str:
        """The `eat_profile` claim."""
        return PROFILE_PREFIX + self.name


KINDS: dict[str, Kind] = {
    kind.name: kind
    for kind in (
        Kind("heartbeat", DEVICE, "heartbeat", 2048),
        Kind("event", DEVICE, "event", 2048),
        Kind("status", DEVICE, "status", 1024),
        Kind("reply", DEVICE, "reply", 8192),
        Kind("identity", "identity", None, 2048),
        Kind("binding", "identity", "identity", 1024),
        Kind("proof", "technician", None, 2048),
        Kind("pass", "pass", None, 2048),
        Kind("handover", DEVICE, None, 2048),
        Kind("update", "update", None, 8192),
        Kind("command", "backend", "cmd", 2048),
        Kind("ack", "backend", "cmd", 2048),
    )
}
LIMIT = max(kind.limit for kind in KINDS.values())
BY_TYP = {kind.typ: kind for kind in KINDS.values()}

_UEID = re.compile(r"A[Q-Za-f][A-Za-z0-9_-]{20}[AEIMQUYcgkosw048]", re.ASCII)


def is_ueid(value: object) -> bool:
    """Whether `value` is the text of a ueid: base64url of 0x01 and 16 bytes."""
    return isinstance(value, str) and _UEID.fullmatch(value) is not None
