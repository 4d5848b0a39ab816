"""nameplate verify: check tokens offline, and say why not."""

import json
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, NamedTuple

import click

from nameplate.cli.output import clean, json_option, print_json, trust_option
from nameplate.errors import USAGE, NameplateError
from nameplate.feed.words import line as words
from nameplate.token.base64url import decode
from nameplate.token.kinds import KINDS, LIMIT
from nameplate.token.trust_file import need_trust
from nameplate.token.verdict import ALARMING
from nameplate.token.verifier import Verifier

# A line of a saved feed holds the token, its claims once more, and a little.
_LINE_LIMIT = 8 * LIMIT
_BINDING_HEADER = "nameplate-binding+jwt"


class Given(NamedTuple):
    """One line of input: a token, and when and on which topic it came, where the line says so."""

    number: int
    token: bytes
    topic: str | None = None
    at: float | None = None


@click.command("verify")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False, allow_dash=True), default="-")
@trust_option
@click.option("--kind", type=click.Choice(list(KINDS)), help="The kind every token must be of.")
@click.option(
    "--binding", "bindings", multiple=True, help="A binding, or a file with bindings, one a line; repeatable."
)
@click.option("--nonce", help="The nonce that replies must answer.")
@json_option
def command(
    file: Path,
    trust_file: str | None,
    kind: str | None,
    bindings: tuple[str, ...],
    nonce: str | None,
    as_json: bool,
) -> int:
    """Check tokens from FILE or standard input, without a network.

    One compact token a line, or the JSON lines that `nameplate listen --json` prints. Bindings may stand anywhere among
    them. Ends with code 1 when a token is forged, a clone, revoked, of an unknown device or dated wrongly.
    """
    clock = Clock()
    verifier = Verifier(need_trust(trust_file), clock)
    for given in bindings:
        _learn(verifier, given)
    counts: Counter[str] = Counter()
    with _open(file) as source:
        for entry in _entries(source):  # bindings first: in a feed they may come after what they explain
            if _is_binding(entry.token):
                clock.set(entry.at)
                verifier.binding(entry.token)
        source.seek(0)
        for entry in _entries(source):
            clock.set(entry.at)
            verdict = verifier.check(entry.token, kind, topic=entry.topic, nonce=nonce)
            counts[verdict.verdict] += 1
            if as_json:
                print_json({"line": entry.number, **verdict.to_dict()})
            else:
                click.echo(f"{entry.number:>5}  {clean(words(verdict))}")
    if not counts:
        raise NameplateError("no tokens in the input", "give one compact token a line", USAGE)
    if as_json:
        print_json({"tokens": counts.total(), "verdicts": dict(counts)})
    else:
        parts = ", ".join(f"{number} {verdict}" for verdict, number in counts.most_common())
        click.echo(f"{counts.total()} token{'' if counts.total() == 1 else 's'}: {parts}")
    return 1 if any(counts[verdict] for verdict in ALARMING) else 0


class Clock:
    """The time a token arrived where its line says so, else now."""

    def __init__(self) -> None:
        self._at: float | None = None

    def set(self, at: float | None) -> None:
        """Take the time of the line at hand."""
        self._at = at

    def __call__(self) -> float:
        return time.time() if self._at is None else self._at


def _open(file: Path) -> IO[bytes]:
    """The input, to be read twice: standard input is copied first."""
    if str(file) != "-":
        return file.open("rb")
    copied = tempfile.TemporaryFile()  # noqa: SIM115 closed by whoever asked for it
    shutil.copyfileobj(sys.stdin.buffer, copied)
    copied.seek(0)
    return copied


def _entries(source: IO[bytes]) -> Iterator[Given]:
    """The lines that hold something."""
    number = 0
    while raw := source.readline(_LINE_LIMIT + 1):
        number += 1
        whole = raw
        while not whole.endswith(b"\n") and (whole := source.readline(_LINE_LIMIT)):
            raw = raw[:_LINE_LIMIT] + b"."  # too long to be anything of ours: read past it, keep it too long
        text = raw.strip()
        if text:
            yield _entry(number, text)


def _entry(number: int, text: bytes) -> Given:
    if not text.startswith(b"{"):
        return Given(number, text)
    try:
        line: Any = json.loads(text)
        if "verdicts" in line and "token" not in line:  # the last line of `verify --json`
            raise ValueError("a summary")
        token = decode(line["payload"]) if "payload" in line else str(line["token"]).encode()
        topic, at = line.get("topic"), line.get("at")
    except (ValueError, KeyError, RecursionError):
        return Given(number, text)
    return Given(
        number,
        token,
        topic if isinstance(topic, str) else None,
        float(at) if isinstance(at, int | float) else None,
    )


def _is_binding(token: bytes) -> bool:
    try:
        return bool(json.loads(decode(token.split(b".", 1)[0]))["typ"] == _BINDING_HEADER)
    except (ValueError, KeyError, TypeError, RecursionError):
        return False


def _learn(verifier: Verifier, given: str) -> None:
    """A binding given on the command line: the token itself, or a file of them."""
    tokens = [given.encode()] if given.count(".") == 2 and given.startswith("ey") else _lines(Path(given))
    for token in tokens:
        verdict = verifier.binding(token)
        if verdict.alarming:
            raise NameplateError(
                f"a binding given with --binding is {verdict.verdict}: {verdict.reason}",
                "give the binding the manufacturer signed, and that manufacturer's trust file",
            )


def _lines(path: Path) -> list[bytes]:
    with path.open("rb") as source:
        return [entry.token for entry in _entries(source)]
