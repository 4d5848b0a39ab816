"""The rules of a checked profile, compiled for the device: `models/rules.bin`, as firmware/diagnosis/rules.py reads it.

What is written is read again and compared with the profile before it is given to anybody.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from nameplate.factory.refused import Refused

KINDS = ("wet", "returns", "health", "above", "below", "no_progress", "too_long", "never_rests", "trend")
MEASURES = ("strength", "fill_s", "drain_s", "heat_rate")
HEAD = 7  # cells that every fault has
# Cells of each kind; `returns` has one more for each time that it counts. A test holds them against the device's.
CELLS = {
    "wet": HEAD + 2,
    "returns": HEAD + 1,
    "health": HEAD + 1,
    "above": HEAD + 6,
    "below": HEAD + 6,
    "no_progress": HEAD + 5,
    "too_long": HEAD + 3,
    "never_rests": HEAD + 3 + 13,
    "trend": HEAD + 3 + 32,
}
NONE = 255
FALLING, WHILE, WHILE_NOT, LEVEL = 1, 2, 4, 8
# The numbers of each kind, in the order in which the judge takes them; a member that a fault does not have is 0.
NUMBERS = {
    "wet": (),
    "returns": ("count", "window_s"),
    "health": ("confirm_s", "clear_s"),
    "above": ("limit_milli", "clear_milli", "average_s", "confirm_s", "clear_s", "grace_s"),
    "below": ("limit_milli", "clear_milli", "average_s", "confirm_s", "clear_s", "grace_s"),
    "no_progress": ("from_milli", "change_milli", "window_s", "clear_milli"),
    "too_long": ("limit_s", "clear_s", "above_milli"),
    "never_rests": ("window_s", "rest_s", "rise_milli", "warm_milli"),
    "trend": ("measure", "limit", "warn_days", "rise_milli", "warm_milli", "min_s"),
}
_MAGIC = b"NPR1"
_NAME = 12
_ROW = struct.Struct("<3sBBBBBHBB")
_DIGEST = 8
_LONGEST = 4096
_MOST_CELLS = 4096
_HINT = "docs/diagnosis.md says what each rule takes"


@dataclass(frozen=True)
class Rule:
    """One compiled rule; sensors by name, `of` by code, numbers as in NUMBERS."""

    code: str
    severity: int
    kind: str
    sensor: str | None
    other: str | None
    flags: int
    cells: int
    numbers: tuple[int, ...]


def compile_rules(content: Mapping[str, Any], severities: Mapping[str, int]) -> bytes:
    """The rules of a checked profile. `severities`: 0 notice, 1 warning, 2 alarm for each code.

    Raises Refused for a rule that the device has no code for, a fault without a severity, and for more than it can hold.
    """
    names = [sensor["name"] for sensor in content["sensors"]]
    made = [_rule(fault, severities) for fault in content["faults"]]
    codes = [rule.code for rule in made]
    rows = b"".join(_row(rule, names, codes) for rule in made)
    head = b"".join(name.encode().ljust(_NAME, b"\0") for name in names)
    size = 8 + len(head) + len(rows) + _DIGEST
    cells = sum(rule.cells for rule in made)
    if size > _LONGEST or cells > _MOST_CELLS:
        raise Refused(f"the rules take {size} bytes and {cells} cells, the device has {_LONGEST} each", _HINT)
    body = _MAGIC + struct.pack("<BBH", len(names), len(made), size) + head + rows
    blob = body + hashlib.sha256(body).digest()[:_DIGEST]
    if read_rules(blob) != made:
        raise AssertionError("the compiled rules do not read as the profile")
    return blob


def read_rules(blob: bytes) -> list[Rule]:
    """The rules in `blob`. Raises ValueError when it is damaged."""
    if blob[:4] != _MAGIC or hashlib.sha256(blob[:-_DIGEST]).digest()[:_DIGEST] != blob[-_DIGEST:]:
        raise ValueError("damaged")
    sensors, faults, size = struct.unpack_from("<BBH", blob, 4)
    if size != len(blob):
        raise ValueError("cut")
    names = [blob[8 + _NAME * i : 8 + _NAME * (i + 1)].rstrip(b"\0").decode() for i in range(sensors)]
    rows = list(_rows(blob, 8 + _NAME * sensors, faults))
    codes = [row[0].decode() for row, _ in rows]
    return [
        Rule(
            row[0].decode(),
            row[1],
            KINDS[row[2]],
            None if row[3] == NONE else names[row[3]],
            None if row[4] == NONE else (codes if KINDS[row[2]] == "returns" else names)[row[4]],
            row[5],
            row[6],
            numbers,
        )
        for row, numbers in rows
    ]


def _rows(blob: bytes, at: int, count: int) -> Iterator[tuple[tuple[Any, ...], tuple[int, ...]]]:
    for _ in range(count):
        row = _ROW.unpack_from(blob, at)
        at += _ROW.size
        yield row, struct.unpack_from(f"<{row[7]}i", blob, at)
        at += 4 * row[7]


def _rule(fault: Mapping[str, Any], severities: Mapping[str, int]) -> Rule:
    code, kind = fault["code"], fault["rule"]
    if kind not in KINDS:
        raise Refused(f"fault {code}: the device has no rule {kind}", _HINT)
    gate = fault.get("while", {})
    other = fault.get("of") or fault.get("gate") or gate.get("sensor")
    flags = FALLING if fault.get("falling") else 0
    if gate:
        flags |= WHILE if gate["is"] else WHILE_NOT
    if "above_milli" in fault:
        flags |= LEVEL
    cells = CELLS[kind] + (fault["count"] if kind == "returns" else 0)
    numbers = tuple(_number(fault, member) for member in NUMBERS[kind])
    if code not in severities:
        raise Refused(f"fault {code} has no severity", "give it one in the model's catalogue.json")
    return Rule(code, severities[code], kind, fault.get("sensor"), other, flags, cells, numbers)


def _number(fault: Mapping[str, Any], member: str) -> int:
    value = fault.get(member, 0)
    if member == "measure":
        if value not in MEASURES:
            raise Refused(f"fault {fault['code']}: the device has no measure {value}", _HINT)
        return MEASURES.index(value)
    if not -(2**31) <= value < 2**31:
        raise Refused(f"fault {fault['code']}: {member} does not fit 32 bits", _HINT)
    return int(value)


def _row(rule: Rule, names: Sequence[str], codes: Sequence[str]) -> bytes:
    sensor = NONE if rule.sensor is None else names.index(rule.sensor)
    among = codes if rule.kind == "returns" else names
    other = NONE if rule.other is None else among.index(rule.other)
    row = _ROW.pack(
        rule.code.encode(),
        rule.severity,
        KINDS.index(rule.kind),
        sensor,
        other,
        rule.flags,
        rule.cells,
        len(rule.numbers),
        0,
    )
    return row + struct.pack(f"<{len(rule.numbers)}i", *rule.numbers)
