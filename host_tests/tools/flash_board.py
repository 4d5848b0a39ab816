"""A chip in download mode on a pseudo-terminal: `esp32-mock-bootloader`, whose flash a test can look at, and whose cable it can pull."""

from __future__ import annotations

import contextlib
import os
import pty
import threading
import tty
from pathlib import Path
from typing import Self

from esp32_mock_bootloader import server

FLASH_SIZE = 0x400000

# Its 50 ms are too short for a client that is given no processor for a while.
server._CLIENT_RECV_TIMEOUT = 0.5


class CablePulled(Exception):
    """Ends the chip's thread in the middle of a command."""


class _Flash(server.FlashImage):
    """Flash that counts what it is given, and calls `written` after each block."""

    def __init__(self, board: MockBoard) -> None:
        super().__init__()
        self._board = board

    def write_defl_block(self, payload: bytes) -> None:
        super().write_defl_block(payload)
        self._board.wrote(self._defl_offset)

    def md5_stub_response(self, payload: bytes, *, stub: bool = False) -> bytes:
        self._board.asked_for_digest()
        return super().md5_stub_response(payload, stub=stub)


class MockBoard:
    """`port` is a link to the terminal, so that a board that is plugged in again has the name it had.

    `pull_at` pulls the cable when the flash is written up to that address, once; `plug_in_s` plugs it in again.
    `worn` is an address whose byte does not take what is written.
    """

    def __init__(
        self,
        folder: Path,
        chip: str = "esp32",
        *,
        pull_at: int | None = None,
        plug_in_s: float | None = None,
        worn: int | None = None,
    ) -> None:
        self.chip = chip
        self.link = folder / "ttyUSB0"
        self.flash = _Flash(self)
        self.pulled = threading.Event()
        self._pull_at = pull_at
        self._plug_in_s = plug_in_s
        self._worn = worn
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._plug_in()
        self._thread.start()

    @property
    def port(self) -> str:
        return str(self.link)

    @property
    def data(self) -> bytes:
        """What the flash holds."""
        return bytes(self.flash.data)

    def wrote(self, address: int) -> None:
        if self._pull_at is not None and address >= self._pull_at:
            self._pull_at = None
            raise CablePulled

    def asked_for_digest(self) -> None:
        if self._worn is not None:
            self.flash.data[self._worn] ^= 0x10

    def _plug_in(self) -> None:
        master, slave = pty.openpty()
        tty.setraw(slave)
        self._ends = (master, slave)
        self.link.unlink(missing_ok=True)
        self.link.symlink_to(os.ttyname(slave))

    def _pull(self) -> None:
        self.link.unlink()
        for end in self._ends:
            with contextlib.suppress(OSError):
                os.close(end)
        self.pulled.set()

    def _serve(self) -> None:
        while not self._stop.is_set():
            transport = server.PtyMasterTransport(*self._ends)
            try:
                server.handle_client(
                    server.BootloaderConnection(pty=transport), self._stop, self.chip, flash=self.flash
                )
            except CablePulled:
                self._pull()
                if self._plug_in_s is None or self._stop.wait(self._plug_in_s):
                    return
                self._plug_in()

    def close(self) -> None:
        self._stop.set()
        self._thread.join()
        if self.link.is_symlink():
            self._pull()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
