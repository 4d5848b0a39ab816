"""Messages in, judged messages out: the part of the feed that knows no network."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from nameplate.feed.held import Held
from nameplate.token.base64url import encode
from nameplate.token.verdict import UNKNOWN_DEVICE, Verdict
from nameplate.token.verifier import Verifier

HOLD_S = 3.0


@dataclass(frozen=True, slots=True)
class Message:
    """One message from a broker and what is to be thought of it.

    `at` is when it arrived (Unix seconds), `retained` whether the broker had kept it from before.
    """

    at: float
    topic: str
    payload: bytes
    retained: bool
    verdict: Verdict

    def to_dict(self) -> dict[str, Any]:
        """A JSON-ready form that `nameplate verify` reads back."""
        try:
            carried = {"token": self.payload.decode("ascii")}
        except UnicodeDecodeError:
            carried = {"payload": encode(self.payload)}
        retained = {"retained": True} if self.retained else {}
        return {"at": round(self.at, 3), "topic": self.topic, **carried, **retained, **self.verdict.to_dict()}


class Judge:
    """Gives every message its verdict; those of unknown boards wait `hold_s` for their binding."""

    def __init__(
        self,
        verifier: Verifier,
        hold_s: float = HOLD_S,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.verifier = verifier
        self._held: Held[tuple[float, str, bytes, bool]] = Held(hold_s)
        self._monotonic = monotonic

    def take(self, at: float, topic: str, payload: bytes, retained: bool) -> Iterator[Message]:
        """Judge one message; yields what can be said now, which may include messages that waited for this one."""
        verdict = self.verifier.check(payload, topic=topic)
        arrived = (at, topic, payload, retained)
        waits = verdict.verdict == UNKNOWN_DEVICE and verdict.ueid
        if waits and self._held.put(waits, arrived, self._monotonic()):
            return
        yield Message(*arrived, verdict)
        if verdict.code == "binding-new" and verdict.ueid:
            for waited in self._held.take(verdict.ueid):
                yield Message(*waited, self.verifier.check(waited[2], topic=waited[1]))

    def overdue(self) -> Iterator[Message]:
        """What has waited long enough; call it a few times a second."""
        for waited in self._held.expired(self._monotonic()):
            yield Message(*waited, self.verifier.check(waited[2], topic=waited[1]))
