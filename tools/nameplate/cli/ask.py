"""nameplate ask: a signed command to one board through the broker, and its proved answer."""

import queue
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import click

from nameplate.cli.broker_options import tls_files, tls_options
from nameplate.cli.output import clean, json_option, print_json, trust_option
from nameplate.errors import FAULT_FOUND, NOT_REACHED, USAGE, NameplateError
from nameplate.feed.address import DEFAULT_URL
from nameplate.feed.feed import Feed
from nameplate.feed.judge import Message
from nameplate.token.command import command as signed_command
from nameplate.token.command import load_key, new_nonce
from nameplate.token.mint import thumbprint
from nameplate.token.topics import Topic
from nameplate.token.trust_file import need_trust
from nameplate.token.verifier import Verifier

_TOPICS = ("nameplate/1/+/+/identity", "nameplate/1/+/+/reply")


@click.command("ask")
@click.argument("ueid")
@trust_option
@click.option(
    "--key",
    "key_file",
    required=True,
    type=click.Path(path_type=Path),
    help="The backend's private key (PEM).",
)
@click.option(
    "--broker", envvar="NAMEPLATE_BROKER", default=DEFAULT_URL, show_default=True, help="The broker's URL."
)
@tls_options
@click.option(
    "--timeout", "timeout_s", type=click.FloatRange(0, min_open=True), default=15.0, show_default=True
)
@json_option
def command(
    ueid: str,
    trust_file: str | None,
    key_file: Path,
    broker: str,
    ca: Path | None,
    client_cert: Path | None,
    client_key: Path | None,
    timeout_s: float,
    as_json: bool,
) -> int:
    """Ask the board UEID (or the end of it, as `listen` shows it) which appliance it sits in.

    The command is signed with the backend's key, and the answer counts only if the board signed it over our nonce.
    Ends with code 1 when it is not proved, 3 when nothing answers.
    """
    trust, key = need_trust(trust_file), load_key(key_file)
    held = trust.keys.get(thumbprint(key))
    if held is None or held.role != "backend":
        raise NameplateError(
            f"{key_file} is no backend key of the trust file", "give the key that belongs to it", USAGE
        )
    ending = ueid.lstrip(".")
    if len(ending) < 4:
        raise NameplateError(
            "that is too short to name one board", "give the ueid, or its last 7 characters", USAGE
        )
    messages: queue.SimpleQueue[Message] = queue.SimpleQueue()
    deadline = time.monotonic() + timeout_s
    tls = tls_files(ca, client_cert, client_key)
    with Feed(broker, Verifier(trust), messages.put, topics=_TOPICS, tls=tls) as feed:
        board = _find(messages, ending, deadline)
        nonce = new_nonce()
        token = signed_command(board.ueid, "identity", key, nonce)
        feed.publish_raw(str(board._replace(leaf="cmd")), token.encode(), qos=0)
        reply = _answer(messages, board, nonce, deadline)
        identity = _proved(feed, reply, board.ueid)
    if as_json:
        print_json({"proved": True, "ueid": board.ueid, "identity": identity})
    else:
        for text in _screen(identity, board.ueid, reply.verdict.kid or ""):
            click.echo(clean(text))
    return 0


def _find(messages: "queue.SimpleQueue[Message]", ending: str, deadline: float) -> Topic:
    """Wait for the board's retained binding: it says whose the board is, and which key to believe."""
    for message in _until(messages, deadline):
        verdict = message.verdict
        if verdict.kind == "binding" and (verdict.ueid or "").endswith(ending):
            if not verdict.fresh:
                raise NameplateError(
                    f"not proved: its binding is {verdict.verdict}: {verdict.reason}", _DOUBT, FAULT_FOUND
                )
            return Topic.parse(message.topic)
    raise NameplateError(
        f"the broker has no binding of a board {ending}",
        "check the ueid with `nameplate listen`",
        NOT_REACHED,
    )


def _answer(messages: "queue.SimpleQueue[Message]", board: Topic, nonce: str, deadline: float) -> Message:
    """Wait for the reply over our nonce."""
    wanted = str(board._replace(leaf="reply"))
    for message in _until(messages, deadline):
        claims = message.verdict.claims
        if message.topic == wanted and claims is not None and claims["eat_nonce"] == nonce:
            return message
        if message.topic == wanted and claims is None:
            click.echo(clean(f"a reply is {message.verdict.verdict}: {message.verdict.reason}"), err=True)
    raise NameplateError(
        "the board did not answer in time",
        "it may be offline, have no consent to answer, or not trust this key",
        NOT_REACHED,
    )


def _proved(feed: Feed, reply: Message, ueid: str) -> Mapping[str, Any]:
    """The identity inside the reply. Raises NameplateError unless board and manufacturer vouch for it."""
    if not reply.verdict.fresh or reply.verdict.claims is None:
        raise NameplateError(
            f"not proved: the reply is {reply.verdict.verdict}: {reply.verdict.reason}", _DOUBT
        )
    claims = reply.verdict.claims
    if "identity" not in claims:
        raise NameplateError(
            f"the board refused: {claims.get('error', 'no reason given')}", "ask its owner for consent"
        )
    with feed.paused():
        verdict = feed.verifier.check(claims["identity"], "identity")
    if not verdict.fresh or verdict.claims is None:
        raise NameplateError(f"not proved: the identity is {verdict.verdict}: {verdict.reason}", _DOUBT)
    if verdict.ueid != ueid:
        raise NameplateError("not proved: the identity is of another board", _DOUBT)
    return verdict.claims


def _screen(identity: Mapping[str, Any], ueid: str, kid: str) -> list[str]:
    terms = ", ".join(f"{term['part']} until {term['until']}" for term in identity["warranty"])
    named = f"{identity['model']} {identity['model_name']}   serial {identity['serial']}"
    return [
        f"{named}   made {identity['made']}   rev {identity['hwversion'][0]}",
        f"Warranty   {terms} (from the date {identity['start']})",
        f"Identity   proved: signed by {identity['oem']}; answered over our nonce by {ueid} with key {kid[:8]}",
    ]


def _until(messages: "queue.SimpleQueue[Message]", deadline: float) -> Iterator[Message]:
    while (left := deadline - time.monotonic()) > 0:
        try:
            yield messages.get(timeout=left)
        except queue.Empty:
            return


_DOUBT = "do not believe what this board says of itself"
