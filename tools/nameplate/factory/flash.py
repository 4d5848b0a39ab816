"""Writing a unit's file to a board: one file, at its one address, read back by digest, then the board is reset.

esptool does it, as a program (see flash_esptool.py); what it means is said by flash_words.py.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from nameplate.errors import USAGE, NameplateError
from nameplate.factory import flash_words, layout
from nameplate.factory.flash_esptool import Run, Step
from nameplate.factory.refused import Refused
from nameplate.link import open_link
from nameplate.link.discover import is_simulated
from nameplate.link.spec import Spec, parse

BAUD = 460_800
_KEEP = (
    "--flash-mode=keep",
    "--flash-freq=keep",
    "--flash-size=keep",
)  # the bytes of the file, not a bit else
Tell = Callable[[Step], None]


@dataclass(frozen=True)
class Flashed:
    """A board that holds the file: the chip computed the digest of its flash, and it is the file's.

    `board` is what esptool calls the chip, `mac` its address; `reset` is False where the line cannot reset it.
    """

    port: str
    file: str
    chip: str
    board: str
    mac: str
    address: int
    size: int
    sha256: str
    reset: bool
    seconds: float
    verified: bool = True


def flash(file: Path, port: str, *, baud: int = BAUD, tell: Tell = lambda step: None) -> Flashed:
    """Write `file` to the board at `port`, check it, and start the board.

    `tell` hears where it is, some times a second. Raises NameplateError: 1 what was written is not what the
    flash holds, 2 a wrong file or board (nothing was written), 3 the board was not reached or got lost; a
    FlashError says in `state` how the board was left.
    """
    found = layout.read(file)
    chip = _chip(file, found)
    spec = _port(port)
    open_link(spec).close()  # whether it is there, ours to open, and free
    started = time.monotonic()
    if found.to_the_end:
        _check_size(spec, chip, baud, found, tell)
    run = Run(
        [*_line(spec, chip, baud, "hard-reset"), "write-flash", *_KEEP, f"{found.address:#x}", str(file)]
    )
    end = found.address + found.size
    _follow(run, spec, end, tell)
    heard = run.heard
    if not heard.verified or (run.code != 0 and heard.step.name != "reset"):
        raise flash_words.explain(run, spec, chip, end)
    return Flashed(
        port=str(spec),
        file=str(file),
        chip=chip,
        board=heard.chip,
        mac=heard.mac,
        address=found.address,
        size=found.size,
        sha256=hashlib.sha256(file.read_bytes()).hexdigest(),
        reset=heard.reset and run.code == 0,
        seconds=round(time.monotonic() - started, 1),
    )


def _chip(file: Path, found: layout.Layout) -> str:
    if found.chip is None:
        raise Refused(
            f"{file} holds no MicroPython: a board could not start it",
            "build the image with `nameplate factory image --base BUILD.bin`, then provision it again",
        )
    return found.chip


def _port(port: str) -> Spec:
    spec = parse(port)
    if is_simulated(spec):
        raise NameplateError(
            f"{spec} is a virtual board: it has no boot ROM to write it through",
            "it boots the file as it is: nameplate sim run UNIT.bin",
            USAGE,
        )
    return spec


def _follow(run: Run, spec: Spec, end: int, tell: Tell) -> None:
    try:
        for step in run.steps():
            tell(step)
    except KeyboardInterrupt:
        raise flash_words.interrupted(spec, run.heard, end) from None


def _check_size(spec: Spec, chip: str, baud: int, found: layout.Layout, tell: Tell) -> None:
    """Ask the board for its flash's size, where MicroPython will look for the file system by that."""
    run = Run([*_line(spec, chip, baud, "no-reset"), "flash-id"])
    _follow(run, spec, found.address, tell)
    if run.code != 0:
        raise flash_words.explain(run, spec, chip, found.address)
    if run.heard.flash_size != found.flash_size:
        raise flash_words.other_size(spec, run.heard.flash_size, found.flash_size)


def _line(spec: Spec, chip: str, baud: int, after: str) -> list[str]:
    port = f"socket://{spec.target}" if spec.scheme == "tcp" else spec.target
    return [f"--chip={chip}", f"--port={port}", f"--baud={baud}", f"--after={after}"]
