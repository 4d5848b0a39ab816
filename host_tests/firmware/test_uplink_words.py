"""Every word that the uplink says of itself is explained in docs/uplink.md, and every reason for a refusal too."""

import ast
import re
from pathlib import Path

from firmware.uplink.refused import REASONS

ROOT = Path(__file__).resolve().parents[2]
DOC = (ROOT / "docs" / "uplink.md").read_text()
EXPLAINED = set(re.findall(r"`([^`]+)`", DOC))
SAID_BY = {"_fail", "LinkError", "ValueError", "_down"}


def said() -> set[str]:
    """The words in firmware/uplink that end up as a state: constants, and the beginnings of built texts."""
    words: set[str] = set()
    for path in (ROOT / "firmware" / "uplink").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call):
                name = (
                    node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
                )
                values = node.args if name in SAID_BY else []
            elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Attribute):
                values = [node.value] if node.targets[0].attr in ("word", "state") else []
            elif isinstance(node, ast.Return):
                values = [node.value]
            elif isinstance(node, ast.Dict):
                values = node.values
            else:
                continue
            for value in values:
                for part in ast.walk(value) if value is not None else ():
                    if isinstance(part, ast.Constant) and isinstance(part.value, str) and len(part.value) > 4:
                        words.add(part.value.removesuffix(" (").removesuffix(": "))
    return {word for word in words if " " in word}


def test_every_state_is_explained():
    found = said()
    assert len(found) > 20
    assert {word for word in found if not any(word in entry for entry in EXPLAINED)} == set()


def test_every_reason_for_a_refusal_is_explained():
    assert set(REASONS) <= EXPLAINED
