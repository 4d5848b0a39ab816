"""The checkout's firmware onto a board, without flashing: only what changed, into the slot that is not running.

The slot that runs is left alone, so a cable pulled half way costs nothing; and when the new code does not start, main.py
starts from the old one at its next try.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from nameplate.dev import board, scripts
from nameplate.dev.remote import Remote
from nameplate.errors import FAULT_FOUND, USAGE, NameplateError
from nameplate.factory import comb, profile
from nameplate.factory.image import COMB, ENTRY_FILES, slot_files
from nameplate.factory.sources import device_root
from nameplate.link.spec import Spec

Tell = Callable[[str, int, int], None]

_START = re.compile(r"\bstart \d+ \(")
_FAILED = re.compile(r"before: (?P<why>.*?); \d+ failed starts")
_BACK_S = 60.0


@dataclass(frozen=True)
class Looked:
    """What is on a board: SHA-256 by path, the slot that runs, the model, whether it keeps its prompt."""

    files: dict[str, str]
    slot: str
    dev: bool
    model: str | None


@dataclass(frozen=True)
class Plan:
    """What has to be done to have the wanted files in `slot`; nothing where that is empty.

    `remove` is all that stands in the way, `stale` those of them that no new file takes the place of.
    """

    slot: str
    keep: list[str] = field(default_factory=list)
    copy: list[tuple[str, str]] = field(default_factory=list)
    send: dict[str, bytes] = field(default_factory=dict)
    remove: list[str] = field(default_factory=list)
    stale: list[str] = field(default_factory=list)
    entries: dict[str, bytes] = field(default_factory=dict)


@dataclass(frozen=True)
class Pushed:
    """What was done. `slot` runs now; `sent` lists the files that went over the line, `bytes` counts them."""

    port: str
    slot: str
    model: str
    sent: list[str]
    removed: list[str]
    copied: int
    kept: int
    bytes: int
    firmware: str


def push(spec: Spec, *, model: str | None = None, tell: Tell = lambda what, done, total: None) -> Pushed:
    """Bring the board at `spec` to the current sources and restart it.

    `model` is a folder of models/ (default: the board's own); `tell(what, done, total)` hears each step, and
    while files are sent how many of their bytes are. Raises NameplateError: 1 the new code does not start,
    2 a shipped board or sources that do not compile, 3 the board was not reached or got lost.
    """
    root = device_root()
    board.check(spec)
    remote = Remote(spec)
    tell("looking", 0, 0)
    looked = read_look(remote.execute(scripts.LOOK, fresh=True))
    try:
        if not looked.dev:
            raise board.Shipped(spec)
        checked = profile.load(root, model or folder_of(root, looked.model))
        tell("compiling", 0, 0)
        wanted = dict(slot_files(root, checked, lambda step: None))
        entries = {f"/{name}": (root / name).read_bytes() for name in ENTRY_FILES} | {
            f"/{COMB}": comb.table()
        }
        plan = make_plan(looked, wanted, entries)
        if plan.slot:
            _apply(remote, plan, wanted, tell)
    except BaseException:
        with contextlib.suppress(NameplateError):
            remote.restart()  # looking has stopped the agent
        raise
    tell("restarting", 0, 0)
    remote.restart()
    told = board.wait_until_back(spec, _BACK_S)
    if plan.slot and (why := _failure(spec)):
        _take_back(remote, plan, looked.slot, why)
    return Pushed(
        port=str(spec),
        slot=(plan.slot or looked.slot).strip("/"),
        model=checked.model,
        sent=sorted([*plan.send, *plan.entries]),
        removed=plan.stale,
        copied=len(plan.copy),
        kept=len(plan.keep),
        bytes=_size(plan),
        firmware=str(told.get("firmware", "")) if isinstance(told, dict) else "",
    )


def read_look(lines: Iterable[str]) -> Looked:
    """What `scripts.LOOK` printed."""
    files: dict[str, str] = {}
    said: dict[str, str] = {}
    for line in lines:
        mark, _, rest = line.partition(" ")
        if mark == "F":
            digest, _, path = rest.partition(" ")
            files[path] = digest
        elif mark in ("S", "D", "M"):
            said[mark] = rest
    slot = said.get("S", "")
    return Looked(files, slot if slot in ("/a", "/b") else "/a", said.get("D") == "1", said.get("M"))


def folder_of(root: Path, model: str | None) -> str:
    """The folder of models/ whose profile is of `model`. Raises NameplateError."""
    for path in sorted((root / "models").glob("*/profile.json")):
        if json.loads(path.read_bytes()).get("model") == model:
            return path.parent.name
    raise NameplateError(
        f"no folder of models/ is for {model}" if model else "the board does not say which model it is",
        "name one with --model",
        USAGE,
    )


def make_plan(looked: Looked, wanted: dict[str, bytes], entries: dict[str, bytes]) -> Plan:
    """What to do so that the slot that does not run holds `wanted` (by path within the slot), and nothing else."""
    digests = {path: hashlib.sha256(content).hexdigest() for path, content in wanted.items()}
    changed = {
        path: content
        for path, content in entries.items()
        if looked.files.get(path) != hashlib.sha256(content).hexdigest()
    }
    running = _slot(looked.files, looked.slot)
    if running == digests and not changed:
        return Plan("", keep=sorted(wanted))
    target = "/b" if looked.slot == "/a" else "/a"
    if running == digests:
        return Plan(looked.slot, keep=sorted(wanted), entries=changed)
    there = _slot(looked.files, target)
    by_digest = {digest: path for path, digest in running.items()}
    plan = Plan(target, entries=changed)
    for path, digest in digests.items():
        if there.get(path) == digest:
            plan.keep.append(path)
        elif digest in by_digest:
            plan.copy.append((f"{looked.slot}/{by_digest[digest]}", f"{target}/{path}"))
        else:
            plan.send[path] = wanted[path]
    plan.remove.extend(sorted(f"{target}/{path}" for path in there if path not in plan.keep))
    plan.stale.extend(sorted(f"{target}/{path}" for path in there if path not in wanted))
    return plan


def _slot(files: dict[str, str], slot: str) -> dict[str, str]:
    return {path[len(slot) + 1 :]: digest for path, digest in files.items() if path.startswith(slot + "/")}


def _apply(remote: Remote, plan: Plan, wanted: dict[str, bytes], tell: Tell) -> None:
    tell("preparing", 0, 0)
    folders = sorted(
        {str(parent) for path in wanted for parent in PurePosixPath(path).parents if str(parent) != "."}
    )
    remote.execute(
        scripts.prepare([plan.slot, *(f"{plan.slot}/{folder}" for folder in folders)], plan.remove, plan.copy)
    )
    places = {f"{plan.slot}/{path}": content for path, content in plan.send.items()}
    places |= {f"{path}.new": content for path, content in plan.entries.items()}
    total = sum(map(len, places.values()))
    remote.send(places, lambda place, done: tell(f"sending {place}", done, total))
    tell("checking", 0, 0)
    held = read_look(remote.execute(scripts.look_at(plan.slot))).files
    right = {f"{plan.slot}/{path}": content for path, content in wanted.items()} | {
        place: content for place, content in places.items() if place.endswith(".new")
    }
    for place, content in right.items():
        if held.get(place) != hashlib.sha256(content).hexdigest():
            raise NameplateError(
                f"{remote.spec}: {place} is not on the board as it was sent",
                "the board still runs what it ran: push again",
                FAULT_FOUND,
            )
    remote.execute(scripts.switch(plan.entries, plan.slot))


def _failure(spec: Spec) -> str | None:
    """Why the code that was to start did not, as the newest start in the log has it; None where it did."""
    log = board.ask(spec, "log")
    records = log.get("records", []) if isinstance(log, dict) else []
    starts = [text for record in records if _START.search(text := str(record.get("text", "")))]
    found = _FAILED.search(starts[-1]) if starts else None
    return found["why"] if found else None


def _take_back(remote: Remote, plan: Plan, before: str, why: str) -> None:
    """Let the board start from the slot that it ran before, and say what was wrong with the new code."""
    if plan.slot != before:
        remote.execute(scripts.switch([], before), fresh=True)
        remote.restart()
        board.wait_until_back(remote.spec, _BACK_S)
    raise NameplateError(
        f"{remote.spec}: the new code does not start: {why}",
        f"the board is back on the code it had before, in slot {before.strip('/')}: mend it, then push again",
        FAULT_FOUND,
    )


def _size(plan: Plan) -> int:
    return sum(map(len, plan.send.values())) + sum(map(len, plan.entries.values()))
