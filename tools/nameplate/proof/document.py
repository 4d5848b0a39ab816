"""docs/proof.md, for people, and docs/proof.json, the outcomes it is written from: one entry a claim, the last there was.

What a command printed is shown without what belongs to this machine: paths, host name, tokens, anything secret.
"""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from nameplate.errors import USAGE, NameplateError
from nameplate.proof.claims import FILE, Book, Claim
from nameplate.proof.judge import Run, seen
from nameplate.text import clean_line

PAGE = Path("docs/proof.md")
OUTCOMES = Path("docs/proof.json")
_LINES = 6
_LINE_LENGTH = 160
_PATHS = re.compile(
    r"/(?:home|root|work|tmp|var|usr|opt|etc|mnt|srv|private|Users|Volumes)(?:/[^\s\"'`:,;()|]+)+"
)
_TOKEN = re.compile(r"\beyJ[\w-]{8,}(?:\.[\w-]+)*")
_SECRET = re.compile(r"((?:psk|password|passphrase|secret)\W{1,4})[^\s\"',}]+", re.IGNORECASE)


@dataclass(frozen=True)
class Outcome:
    """What came of a claim: `faults` is empty when it is proved. `digest` is that of the claim as it was judged.

    `seen` are the figures it was judged by, `lines` the last of what the command printed; both as `safe` leaves them.
    """

    digest: str
    date: str
    seconds: float
    faults: list[str]
    seen: list[str]
    lines: list[str]


def outcome(claim: Claim, done: Run, faults: list[str], date: str, root: Path) -> Outcome:
    """The outcome of a run, safe to publish. The last lines are of its output, and where it failed of its errors too."""
    lines = _last(done.out, root)
    if faults or not lines:
        lines = [*lines, *_last(done.err, root)][-_LINES:]
    wrong, figures = ([safe(text, root) for text in texts] for texts in (faults, seen(claim, done)))
    return Outcome(claim.digest(), date, done.seconds, wrong, figures, lines)


def _last(text: str, root: Path) -> list[str]:
    hidden = re.sub(
        r"-----BEGIN [^-]*PRIVATE KEY-----.*?(?:-----END [^-]*-----|\Z)",
        "[a private key]",
        text,
        flags=re.DOTALL,
    )
    lines = [safe(line, root) for line in re.split(r"\r?\n|\r", hidden)]
    return [line for line in lines if line.strip()][-_LINES:]


def safe(text: str, root: Path) -> str:
    """One line that steers no terminal, ends no code block, and tells nothing of this machine or of a secret."""
    text = clean_line(text.replace("\t", "    "), 4096).replace("```", "'''")
    for place, short in ((root, "."), (Path.home(), "~")):
        if len(str(place)) > 1:
            text = text.replace(f"{place}/", f"{short}/").replace(str(place), short)
    text = _PATHS.sub(lambda found: ".../" + found[0].rpartition("/")[2], text)
    host = socket.gethostname()
    if host and host != "localhost":
        text = re.sub(rf"\b{re.escape(host)}\b", "HOST", text)
    text = _SECRET.sub(r"\1***", _TOKEN.sub("eyJ...", text))
    return text if len(text) <= _LINE_LENGTH else text[: _LINE_LENGTH - 3] + "..."


def read(root: Path) -> dict[str, Outcome]:
    """The outcomes so far, by claim. Raises NameplateError when the file is none of ours."""
    try:
        found = json.loads((root / OUTCOMES).read_text(encoding="utf-8"))
        return {name: Outcome(**entry) for name, entry in found.items()}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise NameplateError(
            f"{OUTCOMES}: {error}", "remove it, and prove all claims again", USAGE
        ) from error


def write(root: Path, book: Book, outcomes: Mapping[str, Outcome]) -> None:
    """Write both files. Claims that are gone from the book go from them too."""
    kept = {claim.id: asdict(outcomes[claim.id]) for claim in book.claims if claim.id in outcomes}
    (root / OUTCOMES).write_text(json.dumps(kept, indent=1, ensure_ascii=True) + "\n", encoding="utf-8")
    (root / PAGE).write_text(page(book, outcomes), encoding="utf-8")


def verdict(claim: Claim, found: Outcome | None) -> str:
    """proved, FAILED, or not proved (never run, or changed since)."""
    if found is None or found.digest != claim.digest():
        return "not proved"
    return "FAILED" if found.faults else "proved"


def page(book: Book, outcomes: Mapping[str, Outcome]) -> str:
    """docs/proof.md."""
    parts = [
        "# Proof\n",
        f"Written by `make proof`, not by hand: what README.md claims, the command that proves it, and what that printed last. [{FILE.name}]({FILE.name}) holds the claims.",
        '`make proof ARGS="NAME ..."` proves some, `ARGS=--quick` leaves out the slow ones; the others keep their last outcome. Figures are simulated where their command says so.\n',
        "| claim | verdict | when |\n|---|---|---|",
    ]
    for claim in book.claims:
        found = outcomes.get(claim.id)
        when = found.date if found else "never"
        parts.append(f"| [{claim.id}](#{claim.id}) | {verdict(claim, found)} | {when} |")
    parts += [_section(claim, outcomes.get(claim.id)) for claim in book.claims]
    return "\n".join(parts) + "\n"


def _section(claim: Claim, found: Outcome | None) -> str:
    word = verdict(claim, found)
    says = claim.says.replace("](", "](../") if "](" in claim.says else claim.says
    head = f"\n## {claim.id}\n\n> {says}\n\n"
    if found is None:
        return f"{head}```\n$ {claim.command}\n```\n\n**{word}**: it has not been run."
    shown = "\n".join([f"$ {claim.command}", *found.lines])
    why = "; ".join(found.faults)
    if word == "not proved":
        why = "the claim has changed since"
    tail = f": {why}." if why else "."
    tail += "".join(f"\n\n- {text}" if at == 0 else f"\n- {text}" for at, text in enumerate(found.seen))
    return f"{head}```\n{shown}\n```\n\n**{word}**, {found.date}, {found.seconds:g} s{tail}"
