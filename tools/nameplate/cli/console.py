"""`nameplate console`: type lines to a board, read its lines; by hand, or from a pipe."""

from __future__ import annotations

import contextlib
import re
import secrets
import sys
import threading
import time
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

import click

from nameplate.errors import NOT_REACHED, NameplateError

if TYPE_CHECKING:
    from prompt_toolkit import PromptSession

    from nameplate.link.base import Link

Show = Callable[[str], None]

ANSWER_TIMEOUT_S = 5.0
_GRAIN_S = 0.2


@click.command("console", help="Talk to a board's console: `help` lists what it knows; Ctrl-D leaves.")
@click.argument("port", required=False, envvar="NAMEPLATE_PORT")
@click.option("--baud", type=int, default=115_200, show_default=True, help="Speed of a serial port.")
def command(port: str | None, baud: int) -> None:
    from nameplate.link import open_link
    from nameplate.link.discover import choose_port

    link = open_link(choose_port(port), baud=baud)
    try:
        if sys.stdin.isatty():
            from prompt_toolkit import PromptSession

            interactive(link, PromptSession())
        else:
            send_lines(link, sys.stdin.buffer, click.echo)
    finally:
        link.close()


def send_lines(link: Link, lines: Iterable[bytes], show: Show, *, timeout: float = ANSWER_TIMEOUT_S) -> None:
    """Send each line as it is and show all that the board says to it, then go on to the next.

    Behind every line goes a request of our own; a board answers in order, so the reply to that one says that
    the answer to the line is complete. Raises NameplateError (3) when the board leaves a line unanswered for
    `timeout` seconds, LinkLost when it goes away.
    """
    for raw in lines:
        line = raw.strip(b"\r\n")
        if line.strip():
            _send_one(link, line, show, timeout)


def _send_one(link: Link, line: bytes, show: Show, timeout: float) -> None:
    from nameplate.link.base import LinkTimeout
    from nameplate.link.rpc import encode, find_reply
    from nameplate.text import clean_line

    fence = f"np-{secrets.token_hex(6)}"
    link.write(line + b"\n" + encode(fence, "version"))
    deadline = time.monotonic() + timeout
    while True:
        try:
            heard = link.read_line(deadline)
        except LinkTimeout:
            raise NameplateError(
                f"{link.spec}: no answer within {timeout:g} s",
                "is it a Nameplate? `nameplate find`",
                NOT_REACHED,
            ) from None
        if find_reply(heard, fence) is not None:
            return
        show(clean_line(heard))


def interactive(link: Link, session: PromptSession[str]) -> None:
    """Prompt for lines until Ctrl-C or Ctrl-D, and show the board's lines above the prompt as they come.

    What is typed is remembered while it runs and never written to a file: a line may hold a password.
    """
    from prompt_toolkit.completion import WordCompleter
    from prompt_toolkit.patch_stdout import patch_stdout

    completer = WordCompleter(_commands(link), sentence=True)
    print(f"{link.spec}   help lists the commands, Tab completes, Ctrl-D leaves")
    leave = threading.Event()
    lost: list[NameplateError] = []
    with patch_stdout():
        reader = threading.Thread(target=_show_lines, args=(link, session, leave, lost), daemon=True)
        reader.start()
        try:
            while not lost:
                line = session.prompt("> ", completer=completer, complete_while_typing=False)
                if line.strip():
                    link.write(line.encode() + b"\n")
        except (KeyboardInterrupt, EOFError):
            pass
        finally:
            leave.set()
            reader.join()
    if lost:
        raise lost[0]


def _show_lines(
    link: Link, session: PromptSession[str], leave: threading.Event, lost: list[NameplateError]
) -> None:
    from nameplate.link.base import LinkTimeout
    from nameplate.text import clean_line

    while not leave.is_set():
        try:
            print(clean_line(link.read_line(time.monotonic() + _GRAIN_S)))
        except LinkTimeout:
            continue
        except NameplateError as error:
            lost.append(error)
            _end_prompt(session, leave)
            return


def _end_prompt(session: PromptSession[str], leave: threading.Event) -> None:
    """End the prompt from another thread, also one that is only just beginning: asked again until it has ended."""

    def end() -> None:
        if session.app.is_running and not session.app.is_done:
            session.app.exit(exception=EOFError())

    while not leave.is_set():
        loop = session.app.loop
        if loop is not None and session.app.is_running:
            with contextlib.suppress(RuntimeError):  # it has ended in this very moment
                loop.call_soon_threadsafe(end)
        leave.wait(_GRAIN_S)


def _commands(link: Link) -> list[str]:
    """The commands that the board's `help` lists; none when it does not answer."""
    told: list[str] = []
    try:
        send_lines(link, [b"help"], told.append, timeout=1.5)
    except NameplateError:
        return []
    return words(told)


def words(told: Iterable[str]) -> list[str]:
    """The commands in the answer to `help`: each stands first on its line, in small letters."""
    first = (re.match(r"([a-z][a-z0-9_-]{0,23}) ", line) for line in told)
    return sorted({match.group(1) for match in first if match})
