"""The demo on a terminal: the fridge's panel on one side, the broker's feed on the other, at the foot what to type."""

from __future__ import annotations

import io
import re
import threading
import time
from collections import deque
from types import TracebackType
from typing import Self

from rich.console import Console, Group
from rich.layout import Layout
from rich.live import Live
from rich.panel import Panel
from rich.terminal_theme import MONOKAI as SVG_EXPORT_THEME
from rich.text import Text

from nameplate.demo.story import Chapter
from nameplate.feed.judge import Message
from nameplate.feed.words import line
from nameplate.sim.board import VirtualBoard
from nameplate.text import clean
from nameplate.token.verdict import ALARMING, GENUINE

_REFRESH_PER_S = 8
_FEED_LINES = 60
_PANEL_WIDTH = 30
_PANEL_HEIGHT = 8


class Screen:
    """A context manager; `lines_at_foot` are commands for a second terminal."""

    def __init__(self, console: Console, lines_at_foot: list[str]) -> None:
        self._foot = lines_at_foot
        self._board: VirtualBoard | None = None
        self._feed: deque[Text] = deque(maxlen=_FEED_LINES)
        self._chapters: list[Chapter] = []
        self._lock = threading.Lock()
        self._console = console
        self._live = Live(
            console=console, screen=True, refresh_per_second=_REFRESH_PER_S, get_renderable=self._render
        )

    def watch(self, board: VirtualBoard) -> None:
        """Show this board's panel from now on."""
        self._board = board

    def show_message(self, message: Message) -> None:
        """One line of the feed, as `nameplate listen` words it."""
        verdict = message.verdict.verdict
        style = "bold red" if verdict in ALARMING else "green" if verdict == GENUINE else "yellow"
        clock = time.strftime("%H:%M:%S", time.localtime(message.at))
        with self._lock:
            self._feed.append(Text(f"{clock}  {clean(line(message.verdict))}", style=style))

    def show_chapter(self, chapter: Chapter) -> None:
        """A chapter that begins, or has come true."""
        with self._lock:
            if chapter not in self._chapters:
                self._chapters.append(chapter)

    def picture(self, width: int = 130, height: int = 36) -> str:
        """The screen as it is now, as an SVG that fetches nothing."""
        while self._board and self._board.alarm and not self._board.panel[0].strip():
            time.sleep(1 / _REFRESH_PER_S)  # a warning blinks: take it while it shows
        paper = Console(record=True, width=width, height=height, file=io.StringIO(), force_terminal=True)
        self._console = paper
        paper.print(self._render())
        drawn = paper.export_svg(title="make demo", theme=SVG_EXPORT_THEME)
        return re.sub(r"@font-face \{.*?\}\s*", "", drawn, flags=re.DOTALL)

    def _render(self) -> Layout:
        with self._lock:
            feed, chapters = list(self._feed), list(self._chapters)
        lines = self._board.panel if self._board else [""] * 4
        warns = self._board is not None and self._board.alarm
        panel = Panel(
            Text(
                "\n".join(f"{clean(text):<20.20}" for text in lines),
                style="black on red" if warns else "black on green",
            ),
            title="the fridge's own panel",
            subtitle="simulated",
            width=_PANEL_WIDTH,
            height=_PANEL_HEIGHT,
            padding=(1, 3),
        )
        room = max(3, self._console.height - 16)
        layout = Layout()
        layout.split_column(
            Layout(name="top"), Layout(name="story", size=8), Layout(name="foot", size=2 + len(self._foot))
        )
        layout["top"].split_row(
            Layout(panel, size=_PANEL_WIDTH + 2),
            Layout(
                Panel(
                    Text("\n", overflow="ellipsis", no_wrap=True).join(feed[-room:]),
                    title="the broker's feed, verified",
                )
            ),
        )
        layout["story"].update(Panel(Group(*map(_chapter, chapters[-6:])), title="the story"))
        layout["foot"].update(Panel("\n".join(self._foot), title="in a second terminal", style="dim"))
        return layout

    def __enter__(self) -> Self:
        self._live.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.__exit__(kind, error, trace)


def _chapter(chapter: Chapter) -> Text:
    if chapter.came_true:
        return Text.assemble(
            ("ok  ", "bold green"),
            chapter.title,
            "  ",
            (clean(chapter.seen), "green"),
            no_wrap=True,
            overflow="ellipsis",
        )
    return Text.assemble(("..  ", "bold yellow"), chapter.title, no_wrap=True, overflow="ellipsis")
