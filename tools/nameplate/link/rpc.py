"""JSON-RPC 2.0 over a Link, made for a line that loses bytes, echoes, and talks before it is asked.

Every line that is not our reply is set aside; the request is sent again until its answer comes or time is up.
"""

from __future__ import annotations

import json
import re
import secrets
import time
from collections.abc import Callable
from typing import Any

from nameplate.errors import NOT_REACHED, NameplateError
from nameplate.link.base import Link, LinkTimeout
from nameplate.text import clean_line

TIMEOUT_S = 5.0
# A signed answer takes a slow board most of a second; after this long the request is taken to be lost.
RESEND_S = 1.6
MAX_REQUEST = 512
_MAX_STARTS = 16
_RESTARTING = re.compile(r"rst:0x|ESP-ROM:|ets \w{3} ")
_PROMPT = re.compile(r"^>>> |MicroPython v|raw REPL")


class Silent(NameplateError):
    """Nothing at all came back."""


class NotNameplate(NameplateError):
    """Something answers on that line; it is not a Nameplate. `heard` holds its last lines, cleaned."""

    def __init__(self, message: str, hint: str, heard: list[str]) -> None:
        super().__init__(message, hint, NOT_REACHED)
        self.heard = heard


class RpcError(NameplateError):
    """The board answered our request with an error: its `code` and `reason`, cleaned."""

    def __init__(self, spec: str, code: int, reason: str) -> None:
        super().__init__(f"{spec}: the board refuses: {reason} ({code})", "see `help` on `nameplate console`")
        self.code = code
        self.reason = reason


class Client:
    """Asks one board, one question at a time.

    `timeout` is how long a call waits in all, `resend` after how long the request is sent again, both in
    seconds; `on_line(line)` is told of every line that was not a reply.
    """

    def __init__(
        self,
        link: Link,
        *,
        timeout: float = TIMEOUT_S,
        resend: float = RESEND_S,
        on_line: Callable[[bytes], None] | None = None,
    ) -> None:
        self._link = link
        self._timeout = timeout
        self._resend = resend
        self._on_line = on_line
        self._heard: list[bytes] = []

    @property
    def spec(self) -> str:
        """The name of the line, as opened."""
        return str(self._link.spec)

    def call(self, method: str, params: dict[str, Any] | None = None) -> Any:
        """The `result` of one call.

        Raises RpcError when the board answers with an error, Silent or NotNameplate when it does not answer,
        LinkLost when it goes away, ValueError for a request over MAX_REQUEST bytes.
        """
        request_id = f"np-{secrets.token_hex(6)}"
        request = encode(request_id, method, params)
        self._heard.clear()
        end = time.monotonic() + self._timeout
        while (now := time.monotonic()) < end:
            # The newline ends whatever half a line the board may hold, from us or from noise.
            self._link.write(b"\n" + request)
            reply = self._await(request_id, min(end, now + self._resend))
            if reply is not None:
                return self._result(reply)
        raise self._no_answer()

    def _await(self, request_id: str, deadline: float) -> dict[str, Any] | None:
        while True:
            try:
                line = self._link.read_line(deadline)
            except LinkTimeout:
                return None
            reply = find_reply(line, request_id)
            if reply is not None:
                return reply
            self._heard = [*self._heard[-7:], line]
            if self._on_line is not None:
                self._on_line(line)

    def _result(self, reply: dict[str, Any]) -> Any:
        if "error" not in reply:
            return reply["result"]
        error = reply["error"] if isinstance(reply["error"], dict) else {}
        code = error.get("code")
        reason = clean_line(str(error.get("message", "no reason given")), 200)
        raise RpcError(self.spec, code if isinstance(code, int) else 0, reason)

    def _no_answer(self) -> NameplateError:
        waited = f"{self._timeout:g} s"
        if self._link.partial:
            self._heard.append(self._link.partial)
        if not self._heard:
            return Silent(
                f"{self.spec}: silent for {waited}",
                "check the cable (some only charge), the speed (115200), or that the simulation still runs",
                NOT_REACHED,
            )
        heard = [clean_line(line, 200) for line in self._heard]
        return NotNameplate(
            f"{self.spec}: answers, but not as a Nameplate: {heard[-1][:60]!r}", _why(heard), heard
        )


def encode(request_id: str, method: str, params: dict[str, Any] | None = None) -> bytes:
    """One request as a line. Raises ValueError when it is longer than a board reads."""
    request: dict[str, Any] = {"jsonrpc": "2.0", "id": request_id, "method": method}
    if params is not None:
        request["params"] = params
    line = json.dumps(request, separators=(",", ":")).encode() + b"\n"
    if len(line) > MAX_REQUEST:
        raise ValueError(f"a request is at most {MAX_REQUEST} bytes")
    return line


def find_reply(line: bytes, request_id: str) -> dict[str, Any] | None:
    """The reply to `request_id` in `line`, or None. Noise that was not ended by a newline may stand before it."""
    if request_id.encode() not in line:
        return None
    text = line.decode("utf-8", "replace")
    start = -1
    for _ in range(_MAX_STARTS):
        start = text.find("{", start + 1)
        if start < 0:
            return None
        try:
            value, _end = json.JSONDecoder().raw_decode(text, start)
        except (ValueError, RecursionError):
            continue
        if _answers(value, request_id):
            return value  # type: ignore[no-any-return]
    return None


def _answers(value: Any, request_id: str) -> bool:
    # An echo of our own request has our id as well, but neither a result nor an error.
    return (
        isinstance(value, dict)
        and value.get("jsonrpc") == "2.0"
        and value.get("id") == request_id
        and ("result" in value) != ("error" in value)
    )


def _why(heard: list[str]) -> str:
    text = "\n".join(heard)
    if _PROMPT.search(text):
        return (
            "a MicroPython prompt is there, and no Nameplate runs: put it on with `nameplate factory image`"
        )
    if _RESTARTING.search(text):
        return "the chip is starting, or restarts again and again: look at it with `nameplate console`"
    marks = sum(character == "�" for character in text)
    if marks * 3 > len(text):
        return "that looks like another speed: a Nameplate talks at 115200 baud"
    return (
        "is it another device's port? look at it with `nameplate console`, list boards with `nameplate find`"
    )
