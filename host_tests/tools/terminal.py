"""A person at the board's pseudo terminal."""

import os
import time

from nameplate.sim.board import VirtualBoard


class Terminal:
    """What a person at the board's pseudo terminal sees."""

    def __init__(self, board: VirtualBoard) -> None:
        self.board = board
        self.text = ""
        self._file = os.open(board.port.removeprefix("pty:"), os.O_RDWR | os.O_NONBLOCK | os.O_NOCTTY)

    def until(self, wanted: str, seconds: float = 20) -> str:
        """All text so far, once `wanted` is in it."""
        end = time.monotonic() + seconds
        while wanted not in self.text:
            assert time.monotonic() < end, f"never saw {wanted!r} in:\n{self.text}"
            try:
                self.text += os.read(self._file, 4096).decode(errors="replace")
            except BlockingIOError:
                time.sleep(0.002)
        return self.text

    def write(self, data: bytes) -> None:
        os.write(self._file, data)

    def close(self) -> None:
        os.close(self._file)
