"""A board that is not there: the far end of a real pseudo-terminal, answering as a test tells it to."""

from __future__ import annotations

import json
import os
import select
import threading
import tty
from collections.abc import Callable
from typing import Any, Self

Answer = Callable[[bytes], bytes | None]


class ScriptedBoard:
    """Reads lines and sends what `answer(line)` returns (bytes as they are, None for nothing).

    `spec` names it to the host. `lines` are the non-empty lines it was sent. Empty lines are dropped, as a
    board drops them. `unplug()` closes the far end, as pulling the cable does.
    """

    def __init__(self, answer: Answer, *, greeting: bytes = b"") -> None:
        self._answer = answer
        self._board, self._host = os.openpty()
        tty.setraw(self._host)
        self.path = os.ttyname(self._host)
        self.spec = f"pty:{self.path}"
        self.lines: list[bytes] = []
        self._wake_read, self._wake_write = os.pipe()
        self._lock = threading.Lock()
        self._greeting = greeting
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Self:
        self.send(self._greeting)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.unplug()
        os.close(self._wake_read)
        os.close(self._wake_write)

    def send(self, data: bytes) -> None:
        """Say something nobody asked for."""
        while data:
            data = data[os.write(self._board, data) :]

    def unplug(self) -> None:
        """Close the far end. Once is enough; more is fine."""
        with self._lock:
            if self._board < 0:
                return
            os.write(self._wake_write, b"x")
            if self._thread.is_alive() and threading.current_thread() is not self._thread:
                self._thread.join()
            # The host's name for it must go as well, else it stays half open in this very process.
            os.close(self._host)
            os.close(self._board)
            self._board = -1

    def _run(self) -> None:
        pending = b""
        while True:
            ready, _, _ = select.select([self._board, self._wake_read], [], [])
            if self._wake_read in ready:
                return
            pending += os.read(self._board, 4096)
            *whole, pending = pending.replace(b"\r", b"\n").split(b"\n")
            for line in filter(None, whole):
                self.lines.append(line)
                reply = self._answer(line)
                if self._board < 0:  # the answer was to unplug
                    return
                if reply:
                    self.send(reply)


def rpc(methods: dict[str, Callable[[dict[str, Any]], Any]]) -> Answer:
    """An answerer that speaks JSON-RPC: each method is given the params and returns the result, or raises
    Refusal."""

    def answer(line: bytes) -> bytes | None:
        if not line.startswith(b"{"):
            return b"unknown command: try help\r\n"
        request = json.loads(line)
        reply: dict[str, Any] = {"jsonrpc": "2.0", "id": request["id"]}
        try:
            if request["method"] not in methods:
                raise Refusal(-32601, "no such method")
            reply["result"] = methods[request["method"]](request.get("params", {}))
        except Refusal as refusal:
            reply["error"] = {"code": refusal.code, "message": refusal.message}
        return json.dumps(reply, separators=(",", ":")).encode() + b"\r\n"

    return answer


class Refusal(Exception):
    """An answer that is an error."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
