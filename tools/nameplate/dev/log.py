"""Following a board: its journal, asked for as it grows, and whatever else its line says."""

from __future__ import annotations

import re
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from nameplate.link import open_link
from nameplate.link.base import Link, LinkError, LinkLost, LinkTimeout
from nameplate.link.rpc import Client, NotNameplate, RpcError, Silent
from nameplate.link.spec import Spec
from nameplate.text import clean_line

_POLL_S = 1.0
_ASK_S = 3.0
_AGAIN_S = 0.5
_SHOWN_MOST = 200
_START = re.compile(r"\bstart \d+ \(")
_STARTS = re.compile(rb"rst:0x|ESP-ROM:|soft reboot")


@dataclass(frozen=True)
class Entry:
    """A journal record with its number; or, without one, a line as it was said, cleaned; `ours` is a remark of this tool."""

    text: str
    number: int | None = None
    ours: bool = False


def follow(
    spec: Spec, first: int | None = None, *, sleep: Callable[[float], None] = time.sleep
) -> Iterator[Entry]:
    """What is new, for ever; begins with the newest records, or with record `first`.

    A line that is lost is waited for. Raises a LinkError when it does not open at the start.
    """
    follower = _Follower(spec, first)
    link = open_link(spec)
    while True:
        try:
            yield from follower.turn(link)
        except LinkLost:
            link.close()
            yield Entry("the line was lost: waiting for it", ours=True)
            link = _again(spec, sleep)
            yield Entry("it is back", ours=True)
        except GeneratorExit:
            link.close()
            raise


def newest(spec: Spec, first: int | None = None) -> Iterator[Entry]:
    """What the journal has now; `first` is the record to begin with. Raises NameplateError when nobody answers."""
    link = open_link(spec)
    try:
        client = Client(link, timeout=_ASK_S)
        while True:
            told = client.call("log", None if first is None else {"from": first})
            records = _records(told)
            for number, text in records:
                yield Entry(text, number)
            if first is None or not records or records[-1][0] + 1 >= told.get("next", 0):
                return
            first = records[-1][0] + 1
    finally:
        link.close()


class _Follower:
    def __init__(self, spec: Spec, first: int | None) -> None:
        self._spec = spec
        self._next = first
        self._silent = self._restarted = False
        self._lines: list[bytes] = []
        self._shown: deque[tuple[int, str]] = deque(maxlen=_SHOWN_MOST)

    def turn(self, link: Link) -> Iterator[Entry]:
        """Ask once, then listen until it is time to ask again."""
        client = Client(link, timeout=_ASK_S, on_line=self._lines.append)
        try:
            told = client.call("log", None if self._next is None else {"from": self._next})
        except (Silent, NotNameplate, RpcError) as error:
            yield from self._heard()
            if not self._silent:
                self._silent = True
                yield Entry(
                    f"the agent does not answer ({error.message}): here is what the line says", ours=True
                )
        else:
            self._silent = False
            yield from self._heard()
            yield from self._take(told)
        end = time.monotonic() + _POLL_S
        while time.monotonic() < end:
            try:
                self._lines.append(link.read_line(end))
            except LinkTimeout:
                break
            yield from self._heard()

    def _take(self, told: Any) -> Iterator[Entry]:
        records = _records(told)
        fresh = len(records)
        if self._restarted:
            # What came before the restart may have been shown; the numbers after it may have been used before.
            self._restarted = False
            fresh = max((at for at, (_, text) in enumerate(records) if _START.search(text)), default=fresh)
        for at, (number, text) in enumerate(records):
            if at >= fresh or (number, text) not in self._shown:
                self._shown.append((number, text))
                yield Entry(text, number)
        after = told.get("next") if isinstance(told, dict) else None
        if isinstance(after, int):
            lost = self._next is not None and after < self._next
            self._next = None if lost else records[-1][0] + 1 if records else after

    def _heard(self) -> Iterator[Entry]:
        lines, self._lines[:] = list(self._lines), []
        for line in lines:
            if _STARTS.search(line):
                self._next, self._restarted = None, True
            if b'"jsonrpc"' not in line and (text := clean_line(line).strip()):
                yield Entry(text)


def _records(told: Any) -> list[tuple[int, str]]:
    found = told.get("records") if isinstance(told, dict) else None
    return [
        (record["n"], clean_line(str(record.get("text", ""))))
        for record in (found if isinstance(found, list) else [])
        if isinstance(record, dict) and isinstance(record.get("n"), int)
    ]


def _again(spec: Spec, sleep: Callable[[float], None]) -> Link:
    """The line, once it is back."""
    while True:
        try:
            return open_link(spec)
        except LinkError:
            sleep(_AGAIN_S)
