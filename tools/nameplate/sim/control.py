"""The control socket of a running virtual board: one JSON object a line, asked and answered.

`{"set": {key: value}}` changes the world, `{"get": [key]}` asks, `{"keys": true}` tells what there is to set,
`{"state": true}` everything a person would look at, `{"stop": true}` ends the board. A failure is answered with `error` and `hint`.
"""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import socket
from pathlib import Path
from typing import TYPE_CHECKING

from nameplate.errors import NameplateError
from nameplate.sim import registry

if TYPE_CHECKING:
    from nameplate.sim.board import VirtualBoard

_LINE_MOST = 65536


class ControlServer:
    """Lives in the board's own loop."""

    def __init__(self, board: VirtualBoard, wanted: str, watch: selectors.BaseSelector) -> None:
        self._board = board
        self._watch = watch
        self.name, self._listener, self._path = registry.bind(wanted)
        self._listener.setblocking(False)
        watch.register(self._listener, selectors.EVENT_READ, self._accept)
        self._file: Path = registry.announce(
            registry.RunningSim(self.name, board.port, os.getpid(), self._path)
        )
        self._clients: dict[socket.socket, bytearray] = {}

    def _accept(self) -> None:
        with contextlib.suppress(BlockingIOError):
            client, _ = self._listener.accept()
            client.setblocking(False)
            self._clients[client] = bytearray()
            self._watch.register(client, selectors.EVENT_READ, lambda: self._readable(client))

    def _readable(self, client: socket.socket) -> None:
        try:
            data = client.recv(4096)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        line = self._clients[client]
        line += data
        if not data or len(line) > _LINE_MOST:
            self._drop(client)
            return
        while b"\n" in line:
            end = line.index(b"\n")
            request = bytes(line[:end])
            del line[: end + 1]
            answer = json.dumps(self._answer(request)).encode() + b"\n"
            with contextlib.suppress(OSError):
                client.sendall(answer)

    def _drop(self, client: socket.socket) -> None:
        self._watch.unregister(client)
        del self._clients[client]
        client.close()

    def _answer(self, raw: bytes) -> dict[str, object]:
        board = self._board
        try:
            request = json.loads(raw)
            if "set" in request:
                changes = dict(request["set"])
                for key, value in changes.items():
                    board.check(key, value)
                for key, value in changes.items():
                    board.set(key, value)
                return {"ok": True}
            if "get" in request:
                return {key: board.get(key) for key in request["get"]}
            if "keys" in request:
                return {"keys": board.keys()}
            if "state" in request:
                return self._state()
            if "stop" in request:
                board.stop_soon()
                return {"ok": True}
        except NameplateError as error:
            return {"error": error.message, "hint": error.hint}
        except (ValueError, TypeError, AttributeError):
            pass
        return {
            "error": "that is no request",
            "hint": "send one JSON object a line: set, get, keys, state or stop",
        }

    def _state(self) -> dict[str, object]:
        board = self._board
        return {
            "name": self.name,
            "port": board.port,
            "chip": board.chip,
            "model": board.model,
            "now_ms": board.now_ms,
            "powered": board.powered,
            "panel": board.panel,
            "alarm": board.alarm,
            "shows": board.shows(),
            "world": board.world(),
            "flash": board.flash_counts(),
            "events": [[event.at_ms, event.kind, event.detail] for event in board.events[-20:]],
        }

    def close(self) -> None:
        for client in list(self._clients):
            self._drop(client)
        self._watch.unregister(self._listener)
        self._listener.close()
        for path in (self._file, Path(self._path)):
            with contextlib.suppress(OSError):
                path.unlink()
        if Path(self._path).name == "s":
            with contextlib.suppress(OSError):
                Path(self._path).parent.rmdir()
