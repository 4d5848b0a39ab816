"""Starting a board again: hard, as if switched on, or soft, which leaves the radio's and the clock's state alone."""

from __future__ import annotations

import time

from nameplate.dev import board
from nameplate.dev.remote import Remote
from nameplate.errors import NOT_REACHED, NameplateError
from nameplate.link import open_link
from nameplate.link.base import Link, LinkTimeout
from nameplate.link.spec import Spec

_HEAR_S = 4.0
_TRIES = 3
_CTRL_B, _CTRL_C, _CTRL_D = b"\x02", b"\x03", b"\x04"


def restart(spec: Spec, *, soft: bool = False) -> None:
    """Start the board again. Raises NameplateError: 2 a shipped board, 3 no prompt or not reached."""
    board.check(spec)
    if soft:
        _soft(spec)
    else:
        remote = Remote(spec)
        remote.execute("pass", fresh=True)  # whether there is a prompt
        remote.restart()


def _soft(spec: Spec) -> None:
    """mpremote's own soft reset stays in the raw prompt, where no main.py is started."""
    link = open_link(spec)
    try:
        for _ in range(_TRIES):  # a board that is just starting hears no Ctrl-C
            link.write(b"\r" + _CTRL_C + _CTRL_C)
            _until(link, b"", 0.5)  # the interrupted agent has its say first
            link.write(_CTRL_B + _CTRL_D)
            if _until(link, b"soft reboot", _HEAR_S):
                return
    finally:
        link.close()
    raise NameplateError(
        f"{spec}: no prompt answers there",
        "see what it does with: nameplate dev log; start it again with its EN (RST) button",
        NOT_REACHED,
    )


def _until(link: Link, word: bytes, patience_s: float) -> bool:
    """Whether a line with that word comes; each line may take `patience_s`, all of them no more than `_HEAR_S` more."""
    end = time.monotonic() + _HEAR_S
    try:
        while time.monotonic() < end:
            line = link.read_line(time.monotonic() + patience_s)
            if word and word in line:
                return True
    except LinkTimeout:
        pass
    return False
