"""nameplate listen: follow a broker and give every message its verdict."""

import threading
import time
from collections import Counter
from pathlib import Path

import click

from nameplate.cli.broker_options import tls_files, tls_options
from nameplate.cli.output import clean, json_option, print_json, trust_option
from nameplate.feed.address import DEFAULT_URL
from nameplate.feed.feed import Feed
from nameplate.feed.judge import Message
from nameplate.feed.store import Aside, load_verifier, save_verifier
from nameplate.feed.words import line
from nameplate.token.trust_file import need_trust
from nameplate.token.verdict import ALARMING, FORGED, FRESH

SAVE_EVERY_S = 60.0
_POLL_S = 0.2


@click.command("listen")
@trust_option
@click.option(
    "--broker", envvar="NAMEPLATE_BROKER", default=DEFAULT_URL, show_default=True, help="The broker's URL."
)
@tls_options
@click.option(
    "--aside", type=click.Path(path_type=Path, dir_okay=False), help="Keep forged messages in this file."
)
@click.option(
    "--state", type=click.Path(path_type=Path, dir_okay=False), help="Remember across restarts, in this file."
)
@click.option("--count", type=click.IntRange(1), help="Stop after so many messages.")
@click.option("--for", "seconds", type=click.FloatRange(0, min_open=True), help="Stop after so many seconds.")
@json_option
def command(
    trust_file: str | None,
    broker: str,
    ca: Path | None,
    client_cert: Path | None,
    client_key: Path | None,
    aside: Path | None,
    state: Path | None,
    count: int | None,
    seconds: float | None,
    as_json: bool,
) -> int:
    """Follow a broker and give every message its verdict, one line each.

    A password goes into the URL or into NAMEPLATE_BROKER_PASSWORD. Ends with code 1 when something was forged, a
    clone, revoked, of an unknown device or dated wrongly.
    """
    verifier = load_verifier(need_trust(trust_file), state)
    listener = Listener(Aside(aside) if aside else None, count, as_json)
    tls = tls_files(ca, client_cert, client_key)
    feed = Feed(broker, verifier, listener.take, on_link=listener.link, tls=tls)
    deadline = None if seconds is None else time.monotonic() + seconds
    feed.start()
    try:
        _follow(feed, listener, state, deadline)
    except KeyboardInterrupt:
        pass
    finally:
        feed.stop()
        listener.close()
        if state:
            save_verifier(verifier, state)
    listener.sum_up()
    return 1 if any(listener.verdicts[verdict] for verdict in ALARMING) else 0


def _follow(feed: Feed, listener: "Listener", state: Path | None, deadline: float | None) -> None:
    save_at = time.monotonic() + SAVE_EVERY_S
    while not listener.done.wait(_POLL_S) and not feed.wait(0):
        now = time.monotonic()
        if deadline is not None and now >= deadline:
            return
        if state and now >= save_at:
            with feed.paused():
                save_verifier(feed.verifier, state)
            save_at = now + SAVE_EVERY_S
    feed.wait(0)


class Listener:
    """Prints, counts, and sets aside. Called on the feed's threads."""

    def __init__(self, aside: Aside | None, count: int | None, as_json: bool) -> None:
        self.verdicts: Counter[str] = Counter()
        self.done = threading.Event()
        self._aside = aside
        self._count = count
        self._as_json = as_json

    def take(self, message: Message) -> None:
        """One judged message."""
        if self.done.is_set():
            return
        verdict = message.verdict
        self.verdicts[verdict.verdict] += 1
        if self._aside and verdict.verdict == FORGED:
            self._aside.put(message)
        if self._as_json:
            print_json(message.to_dict())
        else:
            clock = time.strftime("%H:%M:%S", time.localtime(message.at))
            click.echo(click.style(f"{clock}  {clean(line(verdict))}", fg=colour(verdict.verdict)))
        if self._count is not None and self.verdicts.total() >= self._count:
            self.done.set()

    def link(self, up: bool) -> None:
        """The broker came or went."""
        click.echo("listening" if up else "connection to the broker lost; trying again", err=True)

    def sum_up(self) -> None:
        """The last words, on stderr."""
        click.echo(summary(self.verdicts), err=True)
        if self._aside and self._aside.dropped:
            click.echo(
                f"{self._aside.path} is full: {self._aside.dropped} forged messages not kept", err=True
            )

    def close(self) -> None:
        """Close what was opened."""
        if self._aside:
            self._aside.close()


def summary(verdicts: Counter[str]) -> str:
    """ "7 messages: 6 genuine, 1 forged"."""
    total = verdicts.total()
    parts = ", ".join(f"{number} {verdict}" for verdict, number in verdicts.most_common())
    return f"{total} message{'' if total == 1 else 's'}" + (f": {parts}" if parts else "")


def colour(verdict: str) -> str | None:
    """Red for what somebody should look at, yellow for what is not simply genuine."""
    if verdict in ALARMING:
        return "red"
    return None if verdict == "genuine" else ("yellow" if verdict in FRESH else "cyan")
