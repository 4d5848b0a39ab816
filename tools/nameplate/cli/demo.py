"""`nameplate demo`: a virtual fridge, a broker, a leak and an attack, live or once."""

from __future__ import annotations

import contextlib
import shlex
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from nameplate.cli.output import clean, json_option, print_json
from nameplate.errors import NameplateError

if TYPE_CHECKING:
    from nameplate.demo.screen import Screen
    from nameplate.demo.stage import Stage
    from nameplate.demo.story import Chapter, Story
    from nameplate.feed.judge import Message

_PACE_S = 4.0


@click.command()
@click.option("--once", is_flag=True, help="Play the story once, as lines of text, without a pause.")
@click.option("--stay", is_flag=True, help="Keep the fridge on after the story, until Ctrl-C.")
@click.option(
    "--picture", type=click.Path(path_type=Path, dir_okay=False), help="Save the last screen as an SVG file."
)
@json_option
def command(once: bool, stay: bool, picture: Path | None, as_json: bool) -> int:
    """Show a virtual fridge that says who it is, and proves it.

    It is plugged in, sends heartbeats, has water run under it, and is attacked: one byte flipped, one token replayed,
    the whole board cloned. Needs nothing but this machine; ends with code 0 only if every part of the story came true.
    With --json the last line is one JSON object. Every figure in it is simulated.
    """
    if picture and (once or as_json or not sys.stdout.isatty()):
        raise click.UsageError(
            "--picture is of the live screen: run it in a terminal, without --once and --json"
        )
    live = sys.stdout.isatty() and not once and not as_json
    with contextlib.ExitStack() as exits:
        from nameplate.demo.stage import Stage

        stage = exits.enter_context(Stage(_step))
        screen = exits.enter_context(_screen(stage)) if live else None
        story = _story(stage, screen, exits)
        failure = _play(story)
        if picture and screen:
            # The folder's name is this machine's and this run's: it has no place in a picture for a README.
            picture.write_text(screen.picture().replace(str(stage.folder), "DEMO"), encoding="utf-8")
        if stay and not failure:
            _until_interrupted()
    if live:
        for chapter in story.chapters:
            click.echo(f"{chapter.title}\n    {clean(chapter.seen)}")
    if as_json:
        print_json({**_summary(story), **({"error": failure.message} if failure else {})})
    if failure:
        raise failure
    if not as_json:
        click.echo(
            f"Every part came true: {story.identity['model']} {story.identity['serial']} is itself, and nobody else is."
        )
    return 0


def _play(story: Story) -> NameplateError | None:
    """Play it; what did not come true is told at the end, after what did."""
    try:
        story.play()
    except NameplateError as error:
        return error
    return None


def _story(stage: Stage, screen: Screen | None, exits: contextlib.ExitStack) -> Story:
    from nameplate.demo.story import Story
    from nameplate.feed.feed import Feed
    from nameplate.token.trust import Trust
    from nameplate.token.verifier import Verifier

    def heard(message: Message) -> None:
        story.heard(message)
        if screen:
            screen.show_message(message)

    def tell(chapter: Chapter) -> None:
        if screen:
            screen.watch(stage.board)
            screen.show_chapter(chapter)
        else:
            _tell(chapter)

    feed = exits.enter_context(Feed(stage.listener_url, Verifier(Trust.load(stage.trust)), heard))
    story = Story(stage, feed.publish_raw, tell, _PACE_S if screen else 0.0)
    return story


def _screen(stage: Stage) -> contextlib.AbstractContextManager[Screen]:
    from rich.console import Console

    from nameplate.demo.screen import Screen

    program = shlex.quote(_short(Path(sys.argv[0])))
    trust = shlex.quote(str(stage.trust))
    return Screen(
        Console(),
        [
            f"{program} read --trust {trust}",
            f"{program} sim set {stage.board_name} leak=dry",
            f"{program} console",
        ],
    )


def _short(program: Path) -> str:
    with contextlib.suppress(ValueError):
        return str(program.absolute().relative_to(Path.cwd()))
    return str(program)


def _step(what: str) -> None:
    click.echo(f"... {what}", err=True)


def _tell(chapter: Chapter) -> None:
    if chapter.came_true:
        click.echo(f"    {clean(chapter.seen)}", err=True)
    else:
        click.echo(chapter.title, err=True)


def _until_interrupted() -> None:
    with contextlib.suppress(KeyboardInterrupt):
        while True:
            time.sleep(1)


def _summary(story: Story) -> dict[str, Any]:
    return {
        "came_true": all(chapter.came_true for chapter in story.chapters),
        "identity": story.identity,
        "verdicts": dict(story.verdicts),
        "latency_ms": {
            name: {"value": value, "simulated": True} for name, value in sorted(story.latencies_ms.items())
        },
        "chapters": [
            {"title": chapter.title, "expected": chapter.expected, "seen": chapter.seen}
            for chapter in story.chapters
        ],
        "simulated": True,
    }
