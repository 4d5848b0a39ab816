"""The models of the checkout in a folder of a test's own, where it may spoil them, and where in a file a place is."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from nameplate.errors import NameplateError
from nameplate.factory import profile

ROOT = Path(__file__).resolve().parents[2]
MODELS = ("gs45", "kf320", "wm90")


class Tree:
    """A copy of `models/`."""

    def __init__(self, folder: Path) -> None:
        self.root = folder
        shutil.copytree(ROOT / "models", folder / "models")

    def path(self, name: str) -> Path:
        """A file such as "kf320/profile.json"."""
        return self.root / "models" / name

    def change(self, name: str, anchor: str, right: str, wrong: str) -> int:
        """Replace the first `right` after `anchor`; the line on which it stands."""
        path = self.path(name)
        text = path.read_text()
        at = text.index(right, text.index(anchor))
        path.write_text(text[:at] + wrong + text[at + len(right) :])
        # The first character that differs: what is added on lines below is wrong there.
        same = next(
            (i for i, (a, b) in enumerate(zip(right, wrong, strict=False)) if a != b),
            min(len(right), len(wrong)),
        )
        return text.count("\n", 0, at) + right[:same].count("\n") + 1

    def edit(self, name: str, how: Callable[[Any], None]) -> None:
        """Change what a file says, whatever its lines."""
        path = self.path(name)
        content = json.loads(path.read_text())
        how(content)
        path.write_text(json.dumps(content, indent=1, ensure_ascii=False))

    def refused(self, model: str) -> str:
        """What loading `model` is refused with; fails when it is not."""
        with pytest.raises(NameplateError) as caught:
            profile.load(self.root, model)
        assert caught.value.exit_code == 2
        assert caught.value.hint
        return caught.value.message
