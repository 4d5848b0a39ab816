"""A unit on its factory image, a real broker, and somebody who verifies: what the simulated benchmarks run on."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

from nameplate.broker import EmbeddedBroker
from nameplate.errors import NameplateError
from nameplate.factory.image import build_image
from nameplate.factory.keys import make_keys
from nameplate.factory.provision import Unit, provision
from nameplate.factory.request import ProvisionRequest
from nameplate.feed.feed import Feed
from nameplate.feed.judge import Message
from nameplate.sim.board import VirtualBoard
from nameplate.token.trust import Trust
from nameplate.token.verifier import Verifier

FINE_MS = 5
COARSE_MS = 100
_PATIENCE_MS = 60_000
_ASK_EVERY_MS = 20
# One of our own, through the broker to the subscriber: what the board sent before it has arrived before it.
_ECHO = "nameplate/1/0/bench/echo"
_ECHO_S = 10.0


class House:
    """A context manager that leaves nothing behind. `period_s`: the unit's time between heartbeats; `fields`: others of its
    ProvisionRequest; `broker_url` may name another broker than the one that the figures are heard at.

    Every message is verified as it arrives; an alarming verdict fails the benchmark at its next wait.
    """

    unit: Unit
    port: int  # the broker's

    def __init__(self, period_s: int = 60, **fields: Any) -> None:
        self._fields: dict[str, Any] = {"wifi_ssid": "kitchen", "period_s": period_s, **fields}
        self._exits = contextlib.ExitStack()
        self._messages: list[Message] = []
        self._echoed = threading.Event()

    def __enter__(self) -> Self:
        with self._exits:
            folder = Path(tempfile.mkdtemp(prefix="nameplate-bench-"))
            self._exits.callback(shutil.rmtree, folder, ignore_errors=True)
            broker = self._exits.enter_context(EmbeddedBroker())
            make_keys(folder / "keys", oem="Acme", oemid=32473)
            build_image("kf320", folder / "image.bin")
            self.unit = provision(
                ProvisionRequest(
                    serial="4F7-220918",
                    made="2026-03-02",
                    revision="C",
                    warranty={"parts": 24, "compressor": 120},
                    support_until="2036-03-02",
                    report_url="https://example.com/report",
                    **{"broker_url": broker.url, **self._fields},
                ),
                image=folder / "image.bin",
                out=folder / "unit.bin",
                keys=folder / "keys",
                registry=folder / "units.sqlite",
            )
            verifier = Verifier(Trust.load(self.unit.trust))
            self._feed = self._exits.enter_context(Feed(broker.url, verifier, self._heard))
            self.port = broker.port
            self._exits = self._exits.pop_all()
        return self

    def __exit__(self, *error: object) -> None:
        self._exits.close()

    def _heard(self, message: Message) -> None:
        if message.topic == _ECHO:
            self._echoed.set()
        else:
            self._messages.append(message)

    def _settle(self) -> None:
        """Wait, in the machine's own time, until all that the board has sent is verified."""
        self._echoed.clear()
        self._feed.publish_raw(_ECHO, b"")
        if not self._echoed.wait(_ECHO_S):
            raise NameplateError(f"the broker gave nothing back within {_ECHO_S:.0f} s", "try again")

    def switch_on(self, **options: Any) -> VirtualBoard:
        """The unit's board. Without `speed`, simulated time passes only while somebody waits."""
        return VirtualBoard(self.unit.path, register=False, **{"speed": None, "stepped": True, **options})

    def heard(self, kind: str) -> list[Message]:
        """The messages of a kind so far, each once. Raises NameplateError when any verdict was alarming."""
        verdicts = [(message, message.verdict) for message in list(self._messages)]
        for _, verdict in verdicts:
            if verdict.alarming:
                raise NameplateError(
                    f"a {verdict.kind} is {verdict.verdict}: {verdict.reason}", "report this"
                )
        return [message for message, verdict in verdicts if verdict.kind == kind and verdict.fresh]

    def count(self, kind: str, **claims: Any) -> int:
        """How many messages of a kind, with these claims, all that the board has sent included. Raises as `heard` does."""
        self._settle()
        return sum(
            all((message.verdict.claims or {}).get(name) == value for name, value in claims.items())
            for message in self.heard(kind)
        )

    def until_heard(self, board: VirtualBoard, kind: str, count: int, step_ms: int = COARSE_MS) -> int:
        """Wait for the `count`-th message of a kind; returns the simulated moment (ms) at which it was verified.

        Time goes in steps, and stands still after each until broker and verifier have done what there is to do: their
        work takes none of it, and the answer is late by less than a step.
        Raises NameplateError when it does not come within a minute.
        """
        end = board.now_ms + _PATIENCE_MS
        while len(self.heard(kind)) < count:
            if board.now_ms >= end:
                raise NameplateError(f"no {kind} within a simulated minute", "report this")
            board.run(step_ms)
            self._settle()
        return board.now_ms


def until(board: VirtualBoard, what: str, condition: Callable[[VirtualBoard], Any]) -> None:
    """Wait for a condition of the board. Raises NameplateError, naming `what`, when it does not come within a minute."""
    if not board.wait(lambda known: bool(condition(known)), _PATIENCE_MS):
        raise NameplateError(
            f"no {what} within a simulated minute; the line said: {board.transcript[-200:]!r}", "report this"
        )


def ask(board: VirtualBoard, method: str, params: str = "{}") -> tuple[int, str]:
    """Ask the console until it answers: the simulated moment (ms) of the answer, and its whole line.

    Asked every 20 ms, for a board that is still starting loses what is sent to it. Raises NameplateError when it stays
    silent for a minute.
    """
    answers: list[tuple[int, str]] = []
    asked = len(board.transcript)

    def answered(known: VirtualBoard) -> bool:
        *lines, _ = known.transcript[asked:].split("\r\n")
        answers.extend((known.now_ms, line) for line in lines if '"result":' in line)
        return bool(answers)

    end = board.now_ms + _PATIENCE_MS
    request = f'{{"jsonrpc":"2.0","id":1,"method":"{method}","params":{params}}}\n'.encode()
    while board.now_ms < end:
        board.send(request)
        if board.wait(answered, _ASK_EVERY_MS):
            return answers[0]
    raise NameplateError(f"the console did not answer {method}: {board.transcript[-200:]!r}", "report this")
