"""Starting a board again: hard, as if switched on, or soft, which leaves the radio's and the clock's state alone."""

from __future__ import annotations

import time

from nameplate.dev import board
from nameplate.dev.remote import Remote
from nameplate.errors import NOT_REACHED, NameplateError
from nameplate.link import open_link
from nameplate.link.base import Link, LinkTimeout
from nameplate.link.spec import Spec

_HEAR_S = 10.0
_CTRL_B, _CTRL_C, _CTRL_D = b"\x02", b"\x03", b"\x04"


def restart(spec: Spec, *, soft: bool = False) -> None:
    """Start the board again. Raises NameplateError: 2 a shipped board, 3 no prompt or not reached."""
    board.check(spec)
    if soft:
        _soft(spec)
    else:
        remote = Remote(spec)
        remote.execute("pass")  # whether there is a prompt
        remote.restart()


def _soft(spec: Spec) -> None:
    """mpremote's own soft reset stays in the raw prompt, where no main.py is started."""
    link = open_link(spec)
    try:
        link.write(b"\r" + _CTRL_C + _CTRL_C)
        _quiet(link)
        link.write(_CTRL_B + _CTRL_D)
        end = time.monotonic() + _HEAR_S
        while b"soft reboot" not in link.read_line(end):
            pass
    except LinkTimeout as error:
        raise NameplateError(
            f"{spec}: no prompt answers there",
            "see what it does with: nameplate dev log; start it again with its EN (RST) button",
            NOT_REACHED,
        ) from error
    finally:
        link.close()


def _quiet(link: Link) -> None:
    """Until it has said nothing for a moment: the interrupted agent has its say first."""
    end = time.monotonic() + _HEAR_S
    try:
        while time.monotonic() < end:
            link.read_line(time.monotonic() + 0.5)
    except LinkTimeout:
        pass
