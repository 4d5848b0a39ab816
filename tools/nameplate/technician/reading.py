"""One board, read and checked: everything a screen or a program needs, with how far each thing may be believed.

Text that comes from a board is cleaned here, once; whoever shows it need not think of it again.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime
from typing import Any

from nameplate.errors import FAULT_FOUND, NameplateError
from nameplate.link.rpc import Client, RpcError
from nameplate.technician.catalogue import Catalogue, load
from nameplate.technician.proof import KINDS, NOT_PROVED, PROVED, Claims, Proof, prove
from nameplate.text import clean_line
from nameplate.token.base64url import encode
from nameplate.token.mint import model_name
from nameplate.token.trust import Trust

NOT_PROVISIONED = -32001
BUSY = -32002
_BUSY_RETRIES = 4
_BUSY_WAIT_S = 0.5
# Qualities that say a sensor or its wire is broken; any other that is not "ok" says only that nothing is known.
BROKEN = frozenset({"open", "short", "stuck", "out of range", "implausible"})

# The claims that to_json passes on as they are.
_IDENTITY = (
    "serial", "model", "model_name", "oem", "oemid", "hwversion", "made", "support_until", "report_url",
)  # fmt: skip
_BOARD = (
    "swversion", "bootcount", "uptime", "clock", "iat", "dbgstat", "dev", "consent", "ack", "lag",
)  # fmt: skip

COVERED = "covered"
EXPIRED = "expired"
NO_DATE = "no date"
HOST_CLOCK = "this computer's date is wrong"


class NotProvisioned(NameplateError):
    """The board has no usable identity; `reason` is its own word for why."""

    def __init__(self, spec: str, reason: str) -> None:
        super().__init__(
            f"{spec}: {reason}", "give it an identity: `nameplate factory provision`", FAULT_FOUND
        )
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Cover:
    """What the warranty says of one part today: `state` is COVERED, EXPIRED, NO_DATE or HOST_CLOCK."""

    part: str
    state: str
    until: date | None
    days_left: int | None


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault that the board reports. `since_s` is how long ago it was first seen; texts may be empty.

    `confidence`: percent, how sure the board is that the limit is passed, None where nobody can say; `basis` is what that
    rests on, or why there is none. `sensors`: what the fault rests on, by name. `severity`, `cause`, `test`, `expect` and
    `safety` are the catalogue's, "" where this installation does not know the code.
    """

    code: str
    text: str
    since_s: int | None
    evidence: str
    next_step: str
    part: str
    severity: str = ""
    cause: str = ""
    test: str = ""
    expect: str = ""
    safety: str = ""
    confidence: int | None = None
    basis: str = ""
    sensors: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Sensor:
    """One sensor. `value` is a number in `unit`, a bool, or None whenever `quality` is not "ok".

    `pm`: by how much the value may be off, in `unit`, for 95 of 100 parts; None where that is not known. `states`: what a
    contact is called when it is off, and on.
    """

    name: str
    title: str
    kind: str
    quality: str
    value: float | bool | None
    unit: str
    age_s: int | None
    pm: float | None = None
    states: tuple[str, str] | None = None

    @property
    def broken(self) -> bool:
        """Whether the sensor or its wire needs mending."""
        return self.quality in BROKEN


@dataclass(frozen=True, slots=True)
class Uplink:
    """How the board's line to the broker is; `last_s` is how long ago the broker was reached, None for never."""

    state: str
    waiting: int
    last_s: int | None


@dataclass(frozen=True, slots=True)
class Reading:
    """A board as it answered at `taken` after `seconds`; what it says is to be believed when `proof` is PROVED.

    `simulated` says that the board is a virtual one, so that no figure of it is taken for a real one's.
    """

    port: str
    seconds: float
    taken: datetime
    nonce: str
    tokens: Mapping[str, str]
    proof: Proof
    warranty: Sequence[Cover]
    faults: Sequence[Fault]
    sensors: Sequence[Sensor]
    uplink: Uplink | None
    simulated: bool = False

    def said(self, kind: str, name: str) -> str:
        """A claim as clean text, "" where there is none. A list gives its first member."""
        value = self.proof.claims[kind].get(name, "")
        return clean_line(str(value[0] if isinstance(value, list) and value else value), 128)

    @property
    def model(self) -> str:
        """The model that the identity names, else the one that the board says."""
        return self.said("identity", "model") or _model(self.proof.claims)

    @property
    def broken(self) -> list[Sensor]:
        """The sensors that need mending and have no fault of their own that says so."""
        told = {name for fault in self.faults if fault.cause == "sensor" for name in fault.sensors}
        return [sensor for sensor in self.sensors if sensor.broken and sensor.name not in told]

    @property
    def exit_code(self) -> int:
        """1 when a fault or a broken sensor is there, or the proof failed; else 0."""
        wrong = self.faults or self.proof.state == NOT_PROVED or any(sensor.broken for sensor in self.sensors)
        return FAULT_FOUND if wrong else 0

    def to_json(self) -> dict[str, Any]:
        """Everything, JSON-ready."""
        identity, reply, proof = self.proof.claims["identity"], self.proof.claims["reply"], self.proof
        return {
            "port": self.port,
            "simulated": self.simulated,
            "seconds": round(self.seconds, 3),
            "taken": self.taken.isoformat(timespec="seconds"),
            "exit": self.exit_code,
            "proved": {PROVED: True, NOT_PROVED: False}.get(proof.state),
            "verdict": proof.verdict,
            "proof": {
                "state": proof.state,
                "code": proof.code,
                "reason": proof.reason,
                "token": proof.token,
                "signer": proof.signer,
                "key": proof.key,
                "key_origin": self.proof.claims["binding"].get("key_origin"),
            },
            "ueid": self.proof.claims["binding"].get("ueid"),
            "identity": {name: identity.get(name) for name in _IDENTITY},
            "warranty": {
                "start": identity.get("start"),
                "as_of": self.taken.date().isoformat(),
                "parts": [{**asdict(cover), "until": _iso(cover.until)} for cover in self.warranty],
            },
            "faults": [asdict(fault) for fault in self.faults],
            "sensors": [asdict(sensor) for sensor in self.sensors],
            "uplink": asdict(self.uplink) if self.uplink else None,
            "board": {name: reply.get(name) for name in _BOARD},
            "nonce": self.nonce,
            "tokens": dict(self.tokens),
        }


def take(
    client: Client,
    trust: Trust | None,
    *,
    simulated: bool = False,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> Reading:
    """Ask the board at the end of `client` everything under a fresh nonce, and check the answer.

    Raises NotProvisioned (1), and whatever Client.call raises when nothing usable comes back.
    """
    nonce = encode(secrets.token_bytes(32))
    started = time.monotonic()
    result = _ask(client, nonce)
    seconds = time.monotonic() - started
    given = result if isinstance(result, dict) else {}
    tokens = {kind: given[kind] for kind in KINDS if isinstance(given.get(kind), str)}
    return assess(client.spec, tokens, nonce, trust, now(), seconds, simulated=simulated)


def assess(
    port: str,
    tokens: Mapping[str, str],
    nonce: str,
    trust: Trust | None,
    taken: datetime,
    seconds: float,
    *,
    simulated: bool = False,
) -> Reading:
    """The Reading of the tokens (by kind) that answered `nonce` at `taken`, which took `seconds`."""
    proof = prove(tokens, nonce, trust, taken.timestamp)
    identity, reply = proof.claims["identity"], proof.claims["reply"]
    words = load(identity["model"] if identity else _model(proof.claims))
    return Reading(
        port=port,
        seconds=seconds,
        taken=taken,
        nonce=nonce,
        tokens=tokens,
        proof=proof,
        warranty=_warranty(identity, taken),
        faults=_faults(reply, words),
        sensors=_sensors(reply, words),
        uplink=_uplink(reply),
        simulated=simulated,
    )


def _ask(client: Client, nonce: str) -> Any:
    for attempt in range(_BUSY_RETRIES):
        try:
            return client.call("read", {"nonce": nonce})
        except RpcError as error:
            if error.code == NOT_PROVISIONED:
                raise NotProvisioned(client.spec, error.reason) from None
            if error.code != BUSY or attempt == _BUSY_RETRIES - 1:
                raise
            time.sleep(_BUSY_WAIT_S)
    raise AssertionError("not reached")


def _model(claims: Mapping[str, Claims]) -> str:
    claim = claims["binding"].get("hwmodel") or claims["reply"].get("hwmodel")
    try:
        return clean_line(model_name(claim), 32) if claim else ""
    except ValueError:
        return ""


def _warranty(identity: Claims, taken: datetime) -> list[Cover]:
    """By this computer's date, UTC; a part is covered up to and including its last day, as on the board."""
    if not identity:
        return []
    today = taken.astimezone(UTC).date()
    signed = datetime.fromtimestamp(min(identity["iat"], 2**37), UTC).date()
    return [_cover(term, today, host_clock_wrong=today < signed) for term in identity["warranty"]]


def _cover(term: Claims, today: date, *, host_clock_wrong: bool) -> Cover:
    part = clean_line(term["part"], 40)
    try:
        until = date.fromisoformat(term["until"])
    except ValueError:  # the schema lets 31 February through
        return Cover(part, NO_DATE, None, None)
    if host_clock_wrong:
        return Cover(part, HOST_CLOCK, until, None)
    left = (until - today).days
    return Cover(part, COVERED if left >= 0 else EXPIRED, until, left)


def _faults(reply: Claims, words: Catalogue) -> list[Fault]:
    found = []
    for said in reply.get("faults", ()):
        if said["state"] != "confirmed":
            continue
        found.append(_fault(said, reply["uptime"], words))
    return found


def _fault(said: Mapping[str, Any], uptime: int, words: Catalogue) -> Fault:
    code, since, detail = said["fault"], said.get("since"), said.get("detail", {})
    short, entry = words.faults.get(code), words.entry(code)
    return Fault(
        code=code,
        text=short.text if short else "",
        since_s=None if since is None else max(0, uptime - since) + said.get("before", 0),
        evidence=clean_line(said.get("evidence", ""), 128),
        next_step=short.next_step if short else "",
        part=short.part if short else "",
        severity=entry.severity if entry else "",
        cause=entry.cause if entry else "",
        test=entry.test if entry else "",
        expect=entry.expect if entry else "",
        safety=entry.safety if entry else "",
        confidence=detail.get("confidence"),
        basis=clean_line(detail.get("basis", ""), 128),
        sensors=tuple(clean_line(name, 64) for name in detail.get("sensors", ())),
    )


def _sensors(reply: Claims, words: Catalogue) -> list[Sensor]:
    ages, margins = reply.get("age", []), reply.get("pm", [])
    found = []
    for index, record in enumerate(reply.get("senml", ())):
        name = record["n"]
        margin = margins[index] if index < len(margins) else None
        found.append(
            Sensor(
                name=name,
                title=words.titles.get(name, name),
                kind=words.kinds.get(name, ""),
                quality=record.get("vs", "ok"),
                value=record.get("vb", record.get("v")),
                unit=clean_line(record.get("u", ""), 16),
                age_s=ages[index] if index < len(ages) else None,
                pm=margin / 1000 if margin is not None and "v" in record else None,
                states=words.states.get(name),
            )
        )
    return found


def _uplink(reply: Claims) -> Uplink | None:
    said = reply.get("uplink")
    return Uplink(clean_line(said["state"], 60), said["waiting"], said.get("last")) if said else None


def _iso(day: date | None) -> str | None:
    return day.isoformat() if day else None
