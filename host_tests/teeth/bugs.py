"""Reads bugs.toml: bugs that somebody might really make in sensors and diagnosis, each as one change of one file."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
_LIST = Path(__file__).with_name("bugs.toml")


class Stale(Exception):
    """A bug that can no longer be planted: the text that it changes is not there, or not once."""


@dataclass(frozen=True)
class Bug:
    """`file` is relative to the checkout; `old`, found in it exactly once, becomes `new`. `tests`: what must notice.
    `story`: what it would do to a user."""

    name: str
    file: str
    old: str
    new: str
    story: str
    tests: tuple[str, ...]

    def plant(self, root: Path) -> str:
        """The file's text with the bug in it. Raises Stale."""
        text = (root / self.file).read_text()
        count = text.count(self.old)
        if count != 1:
            raise Stale(
                f"{self.name}: what it changes stands {count} times in {self.file}; bring bugs.toml up to date"
            )
        return text.replace(self.old, self.new)


def bugs() -> list[Bug]:
    """All of them, in the list's order."""
    with _LIST.open("rb") as file:
        rows = tomllib.load(file)["bug"]
    return [Bug(**{**row, "tests": tuple(row["tests"])}) for row in rows]
