"""A Reading as a screen for people: what it is, whether it is proved, and what to do. Every colour has its word."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from nameplate.technician.proof import NO_TRUST, PROVED
from nameplate.technician.reading import COVERED, EXPIRED, HOST_CLOCK, Cover, Fault, Reading, Sensor
from nameplate.technician.words import MENDING, WATER, left, quality, span, value
from nameplate.token.trust_file import VARIABLE, usual_place

_LABEL = 10
_SHORT_KEY = 8
_GAP = "   "
_STARTS = {
    "made": "from the date it was made: no purchase is registered",
    "purchase": "from the date of purchase",
    "installed": "from the date it was installed",
}
_GOOD, _BAD, _DOUBT, _QUIET = "green", "bold red", "yellow", "dim"


def render(reading: Reading, console: Console) -> str:
    """The screen for `console`: as wide as it is, with its colours or without."""
    table = Table.grid(padding=(0, 1, 0, 0))
    table.add_column(width=_LABEL, no_wrap=True)
    table.add_column()
    for label, content in _sections(reading, console):
        table.add_row(Text(label, style="bold"), Group(*content))
    with console.capture() as captured:
        console.print(_title(reading, console.width), table, highlight=False, sep="\n")
    text = "\n".join(line.rstrip() for line in captured.get().splitlines())
    return text.encode(console.encoding, "replace").decode(console.encoding)


def _title(reading: Reading, width: int) -> Text:
    said = reading.said
    model = f"{reading.model or 'an unknown model'} {said('identity', 'model_name')}".strip()
    claims = "" if reading.proof.state == PROVED else "claims to be "
    parts = [Text.assemble((claims, _DOUBT), (model, "bold"))]
    for word, name in (("serial", "serial"), ("made", "made"), ("rev", "hwversion"), ("by", "oem")):
        if said("identity", name):
            parts.append(
                Text.assemble(f"{word} ", (said("identity", name), "bold" if name == "serial" else ""))
            )
    return _flow(parts, width)


def _flow(parts: Sequence[Text], width: int) -> Text:
    """The parts side by side, each kept whole as long as it fits a line."""
    lines: list[Text] = []
    for part in parts:
        if lines and len(lines[-1]) + len(_GAP) + len(part) <= width:
            lines[-1] = Text.assemble(lines[-1], _GAP, part)
        else:
            lines.append(part)
    return Text("\n").join(lines)


def _sections(reading: Reading, console: Console) -> Iterator[tuple[str, Iterable[RenderableType]]]:
    width = max(20, console.width - _LABEL - 1)
    degree = "\N{DEGREE SIGN}" if console.encoding.lower().startswith("utf") else ""
    yield "Identity", _identity(reading)
    if reading.warranty:
        yield "Warranty", _warranty(reading)
    yield "Health", _health(reading)
    if reading.sensors:
        yield "Sensors", [_sensors(reading.sensors, degree)]
    if reading.uplink:
        yield "Uplink", [_uplink(reading, width)]
    yield "Board", _board(reading, width)


def _identity(reading: Reading) -> Iterator[Text]:
    proof = reading.proof
    if proof.state == PROVED:
        yield Text.assemble(
            ("PROVED", _GOOD),
            f": signed by {reading.said('identity', 'oem')} (key {_short(proof.signer)}), ",
            f"answered just now by this board (key {_short(proof.key)})",
        )
    elif proof.state == NO_TRUST:
        yield Text.assemble(("not proved", _DOUBT), ": no trust file says whose signatures to believe")
        yield Text(f"give the manufacturer's: --trust FILE.jwks, {VARIABLE}=FILE or {_home(usual_place())}")
    else:
        yield Text.assemble(("NOT PROVED", _BAD), f": {proof.token} {proof.verdict}: {proof.reason}")
        if proof.verdict == "bad clock":
            yield Text(f"this computer says {reading.taken:%Y-%m-%d %H:%M} UTC: is that right?")
        yield Text("what follows is only what the board claims", style=_DOUBT)


def _warranty(reading: Reading) -> Iterator[RenderableType]:
    table = _columns(2)
    for cover in reading.warranty:
        table.add_row(Text(cover.part), _cover(cover, _GOOD if reading.proof.state == PROVED else ""))
    yield table
    start = reading.said("identity", "start")
    yield Text(_STARTS.get(start, f"from: {start}"), style=_QUIET)
    if any(cover.state == HOST_CLOCK for cover in reading.warranty):
        yield Text(
            f"this computer's date, {reading.taken:%Y-%m-%d}, is before the identity was signed: set it right",
            style=_DOUBT,
        )


def _cover(cover: Cover, good: str) -> Text:
    if cover.until is None:
        return Text("no date given", style=_DOUBT)
    if cover.days_left is None:
        return Text.assemble(("ends", _DOUBT), f" {cover.until}")
    word, style = {COVERED: ("COVERED until", good), EXPIRED: ("EXPIRED", _DOUBT)}[cover.state]
    return Text.assemble((word, style), f" {cover.until}, {left(cover.days_left)}")


def _health(reading: Reading) -> Iterator[RenderableType]:
    if not reading.proof.claims["reply"]:
        yield Text("not known: the reply cannot be read", style=_DOUBT)
        return
    for fault in reading.faults:
        yield from _fault(fault, reading.model)
    for sensor in reading.broken:
        yield Text(f"! {sensor.title}: {MENDING[sensor.quality]}", style=_BAD)
        yield _advice([("next", "check the plug and the wire, then the sensor")])
    if not reading.faults and not reading.broken:
        yield Text("no fault known")
    unknown = [sensor.title for sensor in reading.sensors if sensor.quality != "ok" and not sensor.broken]
    if unknown:
        yield Text(f"not known at the moment: {', '.join(unknown)}", style=_DOUBT)


def _fault(fault: Fault, model: str) -> Iterator[RenderableType]:
    ago = f", for {span(fault.since_s)}" if fault.since_s is not None else ""
    text = fault.text or "(not in this installation's catalogue)"
    yield Text.assemble((f"! {fault.code} {text}", _BAD), ago)
    advice = [
        ("evidence", fault.evidence), ("sure", _sure(fault)), ("next", fault.next_step), ("bring", fault.part),
        ("more", f"nameplate explain {fault.code} --model {model}" if fault.severity else ""),
    ]  # fmt: skip
    if any(said for _, said in advice):
        yield _advice(advice)


def _sure(fault: Fault) -> str:
    if not fault.basis:
        return ""
    return f"{'not in numbers' if fault.confidence is None else f'{fault.confidence} %'}: {fault.basis}"


def _advice(rows: Iterable[tuple[str, str]]) -> Table:
    table = _columns(1)
    for word, said in rows:
        if said:
            table.add_row(Text(f"  {word}", style=_QUIET), Text(said))
    return table


def _sensors(sensors: Iterable[Sensor], degree: str) -> Table:
    table = _columns(2)
    for sensor in sensors:
        wet = sensor.kind in WATER and sensor.value is True
        table.add_row(
            Text(sensor.title),
            Text(value(sensor, degree), style=_BAD if wet else "" if sensor.quality == "ok" else _DOUBT),
            Text(quality(sensor), style="" if sensor.quality == "ok" else _DOUBT),
        )
    return table


def _uplink(reading: Reading, width: int) -> Text:
    uplink = reading.uplink
    assert uplink is not None
    last = "never reached since its start" if uplink.last_s is None else f"reached {span(uplink.last_s)} ago"
    consent = reading.said("reply", "consent")
    parts = [uplink.state, last, f"{uplink.waiting} waiting", *([f"consent {consent}"] if consent else [])]
    return _flow([Text(part) for part in parts], width)


def _board(reading: Reading, width: int) -> Iterator[Text]:
    reply = reading.proof.claims["reply"]
    parts = [f"{reading.port}{' (simulated)' if reading.simulated else ''}, {reading.seconds:.1f} s"]
    if reading.proof.claims["binding"].get("key_origin") == "host":
        parts.insert(0, "key made off the chip")
    if reply:
        parts = [
            f"firmware {reading.said('reply', 'swversion')}", f"up {span(reply['uptime'])}",
            f"boot {reply.get('bootcount', 'not counted')}", f"clock {reply['clock']}", *parts,
        ]  # fmt: skip
    yield _flow([Text(part) for part in parts], width)
    if reply and "bootcount" not in reply:
        yield Text("! its starts cannot be counted: it answers, and sends nothing", style=_DOUBT)
    if reply.get("dev"):
        yield Text("! development board: it keeps its prompt, and whoever has it can change it", style=_DOUBT)


def _columns(gap: int) -> Table:
    return Table.grid(padding=(0, gap, 0, 0))


def _short(kid: str | None) -> str:
    return kid[:_SHORT_KEY] if kid else "?"


def _home(path: Path) -> str:
    home = os.path.expanduser("~")
    return f"~{str(path)[len(home) :]}" if str(path).startswith(f"{home}/") else str(path)
