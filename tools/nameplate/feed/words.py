"""A judged message in words for one line on a screen. Nothing here is safe for a terminal until it is cleaned."""

from collections.abc import Mapping
from typing import Any

from nameplate.token.mint import model_name
from nameplate.token.verdict import GENUINE, Verdict

# The two words of a yes-or-no reading, by its name; any other says yes or no.
_PAIRS = {
    "pan": ("WET", "dry"),
    "leak": ("WET", "dry"),
    "door": ("open", "closed"),
    "button": ("pressed", "released"),
}
_UNITS = {"Cel": " C", "%RH": " %RH", "/": "", "W": " W", "V": " V"}


def short_id(ueid: str | None) -> str:
    """The end of a ueid: its beginning is nearly the same for all."""
    return f"..{ueid[-7:]}" if ueid else "?"


def reading(record: Mapping[str, Any]) -> str:
    """One SenML record: "pan dry", "fridge 4.812 C", "freezer ? open"."""
    name = record.get("n", "?")
    if "vs" in record:
        return f"{name} ? {record['vs']}"
    if "vb" in record:
        pair = _PAIRS.get(name, ("yes", "no"))
        return f"{name} {pair[0] if record['vb'] else pair[1]}"
    unit = record.get("u", "")
    return f"{name} {record.get('v')}{_UNITS.get(unit, ' ' + unit if unit else '')}"


def readings(claims: Mapping[str, Any]) -> str:
    """All readings of a token on one line."""
    return " | ".join(reading(record) for record in claims.get("senml", ()))


def said(verdict: Verdict) -> str:
    """What a verified token says, in words; "" when it was not verified."""
    claims = verdict.claims
    if claims is None:
        return ""
    speak = _SPEAK.get(verdict.kind or "")
    return speak(claims) if speak else ""


def line(verdict: Verdict) -> str:
    """Kind, place in the order, verdict, and what it says or why it is not simply genuine."""
    place = "" if verdict.seq is None else f"{verdict.bootcount}/{verdict.seq}"
    told = [text for text in (said(verdict), "" if verdict.verdict == GENUINE else verdict.reason) if text]
    if verdict.missing:
        told.append("missing " + ", ".join(_range(*gap) for gap in verdict.missing))
    if verdict.cloned and verdict.verdict != "clone":
        told.append("a clone of this unit is about")
    return f"{short_id(verdict.ueid):<10}{verdict.kind or '?':<10}{place:<9}{verdict.verdict:<15}{'; '.join(told)}".rstrip()


def _range(bootcount: int, first: int, last: int | None) -> str:
    if last is None:
        return f"{bootcount}/{first} and on"
    return f"{bootcount}/{first}" if first == last else f"{bootcount}/{first} to {bootcount}/{last}"


def _event(claims: Mapping[str, Any]) -> str:
    return f"{claims['fault']} {claims['state']}: {readings(claims)}"


def _status(claims: Mapping[str, Any]) -> str:
    return f"{claims['state']}, connection {claims['conn']} of boot {claims['bootcount']}"


def _binding(claims: Mapping[str, Any]) -> str:
    return (
        f"{model_name(claims['hwmodel'])} of maker {claims['oemid']}, key made on the {claims['key_origin']}"
    )


def _reply(claims: Mapping[str, Any]) -> str:
    return f"answers {claims['method']} over {claims['carrier']}"


def _command(claims: Mapping[str, Any]) -> str:
    return f"asks for {claims['method']}"


def _ack(claims: Mapping[str, Any]) -> str:
    return f"stored up to {claims['upto'][0]}/{claims['upto'][1]}"


_SPEAK = {
    "heartbeat": readings,
    "event": _event,
    "status": _status,
    "binding": _binding,
    "reply": _reply,
    "command": _command,
    "ack": _ack,
}
