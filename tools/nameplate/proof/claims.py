"""docs/proof.toml: what README.md claims, the command that proves each claim, and how its outcome is judged.

```
[[claim]]
id = "leak"                              # what `make proof ARGS=leak` names
says = "the sentence, as README.md has it"
command = "nameplate bench latency"      # by the shell, in the checkout, with .venv/bin first on the PATH
exit = 0                                 # the code it must end with (default 0)
contains = ["passed"]                    # texts that must be in what it prints
lacks = ["skipped"]                      # texts that must not
json = [{where = {metric = "..."}, path = "value", at_most = 150}]   # of each: a line of its output that is JSON
timeout_s = 600                          # the most it may take (default 600)
slow = true                              # not with --quick
```

`plain` lists the sentences of the same part of README.md that claim nothing.
"""

from __future__ import annotations

import hashlib
import json
import re
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nameplate.errors import USAGE, NameplateError

FILE = Path("docs/proof.toml")
README = Path("README.md")
# What README.md says it does ends where it begins to list documents.
END_OF_CLAIMS = "\n## Documents"
_KEYS = {"id", "says", "command", "exit", "contains", "lacks", "json", "timeout_s", "slow"}
_JSON_KEYS = {"where", "path", "at_most", "at_least", "equals"}


@dataclass(frozen=True)
class Claim:
    """One sentence of README.md and what proves it. `timeout_s` is in seconds."""

    id: str
    says: str
    command: str
    exit: int = 0
    contains: tuple[str, ...] = ()
    lacks: tuple[str, ...] = ()
    json: tuple[dict[str, Any], ...] = ()
    timeout_s: float = 600
    slow: bool = False

    def digest(self) -> str:
        """Changes when the sentence, the command or the judgement does, so that an old outcome does not pass for a new."""
        what = [self.says, self.command, self.exit, list(self.contains), list(self.lacks), list(self.json)]
        return hashlib.sha256(json.dumps(what, sort_keys=True).encode()).hexdigest()[:16]


@dataclass(frozen=True)
class Book:
    """All claims, in order, and the sentences that are none."""

    claims: tuple[Claim, ...]
    plain: tuple[str, ...] = field(default=())


def load(root: Path) -> Book:
    """Read docs/proof.toml of the checkout `root`. Raises NameplateError, which names the claim and what is wrong with it."""
    try:
        found = tomllib.loads((root / FILE).read_text(encoding="utf-8"))
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise NameplateError(f"{FILE}: {error}", "claims are proved in a checkout", USAGE) from error
    claims = tuple(_claim(entry) for entry in found.get("claim", []))
    twice = {claim.id for claim in claims if [other.id for other in claims].count(claim.id) > 1}
    if twice:
        raise _wrong(", ".join(sorted(twice)), "is there twice")
    return Book(claims, tuple(flat(text) for text in found.get("plain", [])))


def _claim(entry: dict[str, Any]) -> Claim:
    name = str(entry.get("id", "a claim without id"))
    if not re.fullmatch(r"[a-z][a-z0-9-]*", name):
        raise _wrong(name, "its id is not of a-z, 0-9 and -")
    if set(entry) - _KEYS:
        raise _wrong(name, f"has {', '.join(sorted(set(entry) - _KEYS))}, which means nothing")
    for key in ("says", "command"):
        if not isinstance(entry.get(key), str) or not entry[key].strip():
            raise _wrong(name, f"has no {key}")
    for condition in entry.get("json", []):
        if set(condition) - _JSON_KEYS or "path" not in condition or len(condition) < 2:
            raise _wrong(name, f"its condition {condition} is not one of {', '.join(sorted(_JSON_KEYS))}")
        if not {"at_most", "at_least", "equals"} & set(condition):
            raise _wrong(name, f"its condition {condition} limits nothing")
    return Claim(
        name,
        flat(entry["says"]),
        entry["command"],
        int(entry.get("exit", 0)),
        tuple(entry.get("contains", [])),
        tuple(entry.get("lacks", [])),
        tuple(entry.get("json", [])),
        float(entry.get("timeout_s", 600)),
        bool(entry.get("slow", False)),
    )


def _wrong(name: str, what: str) -> NameplateError:
    return NameplateError(f"{FILE}: {name}: {what}", "its head says what a claim has", USAGE)


def flat(text: str) -> str:
    """With one space wherever there is room, as sentences are compared."""
    return " ".join(text.split())


def claims_part(readme: str) -> str:
    """What README.md says it does, flat: prose and command lines, without headings, pictures and the marks of code."""
    part = readme.partition(END_OF_CLAIMS)[0]
    lines = [line for line in part.splitlines() if not line.startswith(("#", "![", "```"))]
    return flat("\n".join(lines))


def not_said(book: Book, readme: str) -> list[str]:
    """The claims' sentences, and the plain ones, that README.md does not have (any more)."""
    part = claims_part(readme)
    return [text for text in (*(claim.says for claim in book.claims), *book.plain) if text not in part]


def unlisted(book: Book, readme: str) -> list[str]:
    """What README.md says it does that is neither a claim of the book nor plain."""
    rest = claims_part(readme)
    for text in sorted((*(claim.says for claim in book.claims), *book.plain), key=len, reverse=True):
        rest = rest.replace(text, "\n")
    return [piece.strip() for piece in rest.split("\n") if re.search(r"\w", piece)]
