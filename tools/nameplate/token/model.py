"""A manufacturer and units in plain Python, for vectors, benchmarks and tests: they sign as real ones do."""

import copy
import hashlib
from typing import Any

from nameplate.token import mint
from nameplate.token.base64url import encode
from nameplate.token.kinds import ROLES
from nameplate.token.topics import Topic
from nameplate.token.trust import Trust

EPOCH = 1_795_478_400
OEMID = 12345
MODEL = "KF-320"


class Manufacturer:
    """One key for each role, and the statements they sign."""

    def __init__(self, oemid: int = OEMID) -> None:
        self.oemid = oemid
        self.keys = {role: mint.new_key() for role in ROLES}

    def jwks(self, revoked: list[dict[str, str]] | None = None) -> dict[str, Any]:
        """The trust file, as JSON."""
        keys = [mint.trust_jwk(key, role) for role, key in self.keys.items()]
        return {"keys": keys, "revoked": revoked} if revoked else {"keys": keys}

    def trust(self, revoked: list[dict[str, str]] | None = None) -> Trust:
        """The trust file, read."""
        return Trust.from_jwks(self.jwks(revoked))

    def sign(self, kind: str, claims: dict[str, Any], role: str | None = None) -> str:
        """A token of a kind the manufacturer or the backend signs, by default with the role it needs."""
        payload = {"eat_profile": f"urn:nameplate:1:{kind}", **claims}
        signer = role or {"command": "backend", "ack": "backend", "binding": "identity"}.get(kind, kind)
        return mint.sign(kind, payload, self.keys[signer])

    def binding(self, unit: "ModelUnit", *, role: str = "identity", iat: int = EPOCH, **changes: Any) -> str:
        """The binding of a unit's key to its board."""
        payload = mint.binding_payload(
            ueid=unit.ueid, key=unit.key, oemid=self.oemid, model=MODEL, key_origin="host", iat=iat
        )
        return self.sign("binding", {**payload, **changes}, role)

    def identity(self, unit: "ModelUnit", serial: str = "4F7-220918") -> str:
        """The identity of the appliance around a unit's board."""
        warranty = [
            {"part": "parts", "months": 24, "until": "2028-03-02"},
            {"part": "compressor", "months": 120, "until": "2036-03-02"},
        ]
        payload = mint.identity_payload(
            ueid=unit.ueid, oemid=self.oemid, oem="Acme", serial=serial, model=MODEL, name="fridge-freezer",
            revision="C", made="2026-03-02", warranty=warranty, support_until="2036-03-02",
            report_url="https://acme.example/report", iat=EPOCH,
        )  # fmt: skip
        return self.sign("identity", payload)


class ModelUnit:
    """An honest unit: what `copy` takes is what a copy of the flash takes."""

    def __init__(self, oemid: int = OEMID) -> None:
        self.key = mint.new_key()
        self.ueid = mint.new_ueid()
        self.oemid = oemid
        self.bootcount = 0
        self.seq = 0
        self.conn = 0
        self.uptime = 0
        self.prev: str | None = None

    def topic(self, leaf: str) -> str:
        """This unit's topic for a kind of message."""
        return str(Topic(self.oemid, self.ueid, leaf))

    def copy(self) -> "ModelUnit":
        """Another board with the same flash. It has to boot before it speaks."""
        return copy.copy(self)

    def boot(self) -> None:
        """Start anew: a higher boot count, and everything that was only in RAM gone."""
        self.bootcount += 1
        self.seq = self.conn = self.uptime = 0

    def sign(self, kind: str, claims: dict[str, Any]) -> str:
        """A token of a kind a unit signs, outside the chain."""
        return mint.sign(kind, {**mint.base_claims(kind, self.ueid), **claims}, self.key)

    def chained(self, kind: str, **claims: Any) -> str:
        """The next heartbeat or event of the chain."""
        self.uptime += 60
        payload: dict[str, Any] = {"bootcount": self.bootcount, "seq": self.seq}
        if self.prev is not None:
            payload["prev"] = self.prev
        payload |= {"uptime": self.uptime, "clock": "unknown", "lag": 12, "ack": "broker"}
        if self.seq == 0:
            payload |= {
                "oemid": self.oemid,
                "hwmodel": mint.hwmodel(MODEL),
                "hwversion": ["C"],
                "swversion": ["0.1.0"],
                "dbgstat": "enabled",
                "reset": "power",
            }
        token = self.sign(kind, payload | claims)
        self.prev = encode(hashlib.sha256(token.encode()).digest()[:12])
        self.seq += 1
        return token

    def heartbeat(self, **claims: Any) -> str:
        """The next heartbeat, with two readings."""
        readings = [{"n": "pan", "vb": False}, {"n": "fridge", "u": "Cel", "v": 4.812}]
        return self.chained("heartbeat", **{"senml": readings, **claims})

    def event(self, **claims: Any) -> str:
        """The next event: water in the base pan."""
        found = {
            "fault": "L01",
            "state": "confirmed",
            "senml": [{"n": "pan", "vb": True}],
            "since": self.uptime,
            "evidence": {
                "window": 0.06,
                "known": 0.06,
                "for": 0.06,
                "sensors": ["pan"],
                "confidence": None,
                "basis": "one contact, not cross-checked",
            },
        }
        return self.chained("event", **{**found, **claims})

    def birth(self) -> str:
        """A birth, for a new connection."""
        self.conn += 1
        return self.status("online")

    def status(self, state: str, **claims: Any) -> str:
        """A birth or a will for the connection there is."""
        payload = {"state": state, "bootcount": self.bootcount, "conn": self.conn, "uptime": self.uptime}
        return self.sign("status", {**payload, "clock": "unknown", **claims})

    def reply(self, nonce: str, **claims: Any) -> str:
        """The answer to a `read` over a nonce."""
        payload: dict[str, Any] = {
            "eat_nonce": nonce,
            "carrier": "serial",
            "method": "read",
            "bootcount": self.bootcount,
            "uptime": self.uptime,
            "clock": "unknown",
            "oemid": self.oemid,
            "hwmodel": mint.hwmodel(MODEL),
            "hwversion": ["C"],
            "swversion": ["0.1.0"],
            "dbgstat": "enabled",
            "senml": [{"n": "fridge", "u": "Cel", "v": 4.812}],
            "faults": [],
            "warranty": [{"part": "parts", "until": "2028-03-02", "state": "clock unknown"}],
        }
        return self.sign("reply", {**payload, **claims})
