"""The story, chapter by chapter. Each chapter is something done to the fridge or to its messages, and what must follow.

Nothing here knows a screen: chapters are told through a callback, and the same story plays with and without a terminal.
"""

from __future__ import annotations

import base64
import secrets
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from nameplate.demo.stage import Stage
from nameplate.errors import NameplateError
from nameplate.feed.judge import Message
from nameplate.link import open_link
from nameplate.link.rpc import Client
from nameplate.sim.board import VirtualBoard
from nameplate.token.trust import Trust
from nameplate.token.verdict import CLONE, DUPLICATE, FORGED, GENUINE
from nameplate.token.verifier import Verifier

PATIENCE_S = 60.0
_POLL_S = 0.02
_CONSOLE_RESEND_S = 0.25


@dataclass
class Chapter:
    """What is done, what must come true, and what did: `seen` is empty until it has."""

    title: str
    expected: str
    seen: str = ""

    @property
    def came_true(self) -> bool:
        """Whether it ended as it must."""
        return bool(self.seen)


class NotTrue(NameplateError):
    """A chapter did not end as it must."""


@dataclass
class Story:
    """Plays on a stage; `heard` is to be given every message of the feed.

    `pace_s` is how long a watcher gets to look at each chapter. `tell(chapter)` is called when one begins and
    again when it has come true.
    """

    stage: Stage
    publish: Callable[[str, bytes], None]
    tell: Callable[[Chapter], None]
    pace_s: float = 0.0
    chapters: list[Chapter] = field(default_factory=list)
    verdicts: Counter[str] = field(default_factory=Counter)
    latencies_ms: dict[str, int] = field(default_factory=dict)
    identity: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._messages: list[tuple[int, Message]] = []
        self._lock = threading.Lock()
        self._board: VirtualBoard | None = None

    def heard(self, message: Message) -> None:
        """Take one judged message of the feed; the moment is the fridge's own, so that latencies are too."""
        moment = self._board.now_ms if self._board else 0
        with self._lock:
            self._messages.append((moment, message))
            self.verdicts[message.verdict.verdict] += 1

    def play(self) -> None:
        """All chapters in order.

        Raises:
            NotTrue: at the first that does not end as it must.
        """
        self._board = self.stage.switch_on()
        self._says_who_it_is(self._board)
        self._sends_heartbeats()
        self._leaks(self._board)
        self._one_byte_flipped()
        self._replayed()
        self._cloned()

    # The chapters

    def _says_who_it_is(self, board: VirtualBoard) -> None:
        chapter = self._begin(
            "A fridge is plugged in and asked who it is, over its serial line.", "an identity that is proved"
        )
        nonce = secrets.token_urlsafe(16)
        link = open_link(board.port)
        try:
            client = Client(link, timeout=PATIENCE_S, resend=_CONSOLE_RESEND_S)
            client.call("version")
            self.latencies_ms["boot_to_console"] = board.now_ms
            answer = Client(link, timeout=PATIENCE_S).call("read", {"nonce": nonce})
        finally:
            link.close()
        verifier = Verifier(Trust.load(self.stage.trust))
        for kind in ("binding", "identity", "reply"):
            verdict = verifier.check(answer[kind], kind, nonce=nonce if kind == "reply" else None)
            if verdict.verdict != GENUINE or verdict.claims is None:
                raise NotTrue(f"its {kind} is {verdict.verdict}: {verdict.reason}", "report this")
            if kind == "identity":
                claims = verdict.claims
        self.identity = {name: claims[name] for name in ("serial", "model", "oem", "made")}
        self.identity["ueid"] = self.stage.unit.ueid
        self._end(chapter, f"{claims['model']} {claims['serial']}: proved")

    def _sends_heartbeats(self) -> None:
        chapter = self._begin("It measures, signs, and publishes.", "two heartbeats, verified")
        self._await(
            chapter, lambda m: m.verdict.kind == "heartbeat" and m.verdict.verdict == GENUINE, count=2
        )
        self._end(chapter, "genuine, genuine")

    def _leaks(self, board: VirtualBoard) -> None:
        chapter = self._begin(
            "Water runs under the fridge.", "its alarm and panel warn, the signed event is verified"
        )
        wet_ms = board.now_ms
        board.set("leak", "wet")
        moment, _ = self._await(chapter, lambda m: m.verdict.kind == "event" and m.verdict.verdict == GENUINE)
        self.latencies_ms["probe_to_verified_event"] = moment - wet_ms
        alarms = [event for event in board.events if (event.kind, event.detail) == ("alarm", "on")]
        if not alarms or not self._until(lambda: "WATER" in " ".join(board.panel)):
            raise NotTrue("the event came, but no alarm or no warning on the panel", "report this")
        self.latencies_ms["probe_to_alarm"] = alarms[0].at_ms - wet_ms
        self._end(chapter, f"alarm after {self.latencies_ms['probe_to_alarm']} ms, event genuine")

    def _one_byte_flipped(self) -> None:
        chapter = self._begin("A thief changes one byte of a heartbeat.", "forged")
        original = self._last_heartbeat()
        header, payload, signature = original.payload.split(b".")
        claims = bytearray(base64.urlsafe_b64decode(payload + b"=" * (-len(payload) % 4)))
        claims[claims.index(b'"uptime":') + 9] ^= 1
        changed = b".".join((header, base64.urlsafe_b64encode(claims).rstrip(b"="), signature))
        self._attack(chapter, original.topic, changed, FORGED)

    def _replayed(self) -> None:
        chapter = self._begin("He sends an old heartbeat again, byte for byte.", "duplicate")
        original = self._last_heartbeat()
        self._attack(chapter, original.topic, original.payload, DUPLICATE)

    def _cloned(self) -> None:
        chapter = self._begin("He copies the whole flash, key and all, onto a second board.", "clone")
        self.stage.switch_on_clone()
        _, message = self._await(chapter, lambda m: m.verdict.verdict == CLONE)
        self._end(chapter, f"clone: {message.verdict.reason}")

    # How chapters go

    def _attack(self, chapter: Chapter, topic: str, token: bytes, verdict: str) -> None:
        known = len(self._messages)
        self.publish(topic, token)
        _, message = self._await(chapter, lambda m: m.payload == token, since=known)
        if message.verdict.verdict != verdict:
            raise NotTrue(
                f"{chapter.title} The verdict was {message.verdict.verdict}, not {verdict}", "report this"
            )
        self._end(chapter, f"{verdict}: {message.verdict.reason}")

    def _begin(self, title: str, expected: str) -> Chapter:
        chapter = Chapter(title, expected)
        self.chapters.append(chapter)
        self.tell(chapter)
        time.sleep(self.pace_s / 2)
        return chapter

    def _end(self, chapter: Chapter, seen: str) -> None:
        chapter.seen = seen
        self.tell(chapter)
        time.sleep(self.pace_s)

    def _last_heartbeat(self) -> Message:
        with self._lock:
            return next(
                m for _, m in reversed(self._messages) if m.verdict.kind == "heartbeat" and m.verdict.fresh
            )

    def _await(
        self, chapter: Chapter, wanted: Callable[[Message], bool], *, count: int = 1, since: int = 0
    ) -> tuple[int, Message]:
        """The `count`-th message that is wanted, with its moment; since the beginning, as it may have come already."""
        found: list[tuple[int, Message]] = []

        def enough() -> bool:
            with self._lock:
                found[:] = [row for row in self._messages[since:] if wanted(row[1])]
            return len(found) >= count

        if not self._until(enough):
            raise NotTrue(
                f"{chapter.title} Expected: {chapter.expected}. It did not come within {PATIENCE_S:.0f} s",
                "try again; on a very busy machine it may need more time",
            )
        return found[count - 1]

    def _until(self, condition: Callable[[], bool]) -> bool:
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            if condition():
                return True
            time.sleep(_POLL_S)
        return False
