"""Proves claims, one after the other, and keeps what came of each."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from pathlib import Path

from nameplate.errors import USAGE, NameplateError
from nameplate.proof import document
from nameplate.proof.claims import README, Book, Claim, load, not_said, unlisted
from nameplate.proof.judge import Run, faults, run


def choose(book: Book, names: Sequence[str], quick: bool) -> list[Claim]:
    """The claims of these names, or all; without the slow ones when `quick`. Raises NameplateError for an unknown name."""
    known = {claim.id: claim for claim in book.claims}
    for name in names:
        if name not in known:
            raise NameplateError(f"there is no claim {name!r}", f"there are: {', '.join(known)}", USAGE)
    chosen = [known[name] for name in names] if names else list(book.claims)
    return [claim for claim in chosen if not (quick and claim.slow and not names)]


def prove(
    root: Path,
    names: Sequence[str] = (),
    *,
    quick: bool = False,
    tell: Callable[[str], None] = lambda line: None,
) -> list[str]:
    """Prove these claims (or all) of the checkout `root`, write docs/proof.md, and return the names of those that failed.

    `tell` is told each step. A command that several claims name is run once. What came of a claim is kept at once, so an
    interruption loses nothing. Raises NameplateError when docs/proof.toml and README.md do not belong together.
    """
    book = load(root)
    _agree(root, book)
    outcomes = document.read(root)
    chosen = choose(book, names, quick)
    runs: dict[str, Run] = {}
    failed = []
    for number, claim in enumerate(chosen, 1):
        if claim.command not in runs:
            tell(f"{number} of {len(chosen)}, {claim.id}: {claim.command}")
            runs[claim.command] = run(claim.command, root, claim.timeout_s)
        done = runs[claim.command]
        wrong = faults(claim, done)
        date = dt.datetime.now(dt.UTC).strftime("%Y-%m-%d")
        outcomes[claim.id] = document.outcome(claim, done, wrong, date, root)
        document.write(root, book, outcomes)
        if wrong:
            failed.append(claim.id)
            tell(f"{claim.id} FAILED: {'; '.join(outcomes[claim.id].faults)}")
        else:
            tell(f"{claim.id}: proved ({done.seconds:g} s)")
    return failed


def _agree(root: Path, book: Book) -> None:
    readme = (root / README).read_text(encoding="utf-8")
    for sentences, problem in (
        (not_said(book, readme), "README.md does not say (any more)"),
        (unlisted(book, readme), "docs/proof.toml does not list"),
    ):
        if sentences:
            raise NameplateError(
                f"{problem}: {sentences[0]}", "edit docs/proof.toml: a claim's `says`, or `plain`", USAGE
            )
