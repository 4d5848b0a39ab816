"""Every word that the uplink says of itself is explained in docs/uplink.md, and every reason for a refusal too."""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DOC = (ROOT / "docs" / "uplink.md").read_text()
EXPLAINED = set(re.findall(r"`([^`]+)`", DOC))
SAID_BY = {"fail", "_refuse", "LinkError", "ValueError", "_down"}
SAID_IN = {"word", "state", "lost", "failure", "why", "_REFUSALS"}


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
            elif isinstance(node, ast.Assign):
                target = node.targets[0]
                name = target.attr if isinstance(target, ast.Attribute) else getattr(target, "id", "")
                values = [node.value] if name in SAID_IN else []
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


def reasons() -> set[str]:
    """The words under which messages are counted: given to `refused.count`, or found by the check of a command."""
    words: set[str] = set()
    for path in (ROOT / "firmware" / "uplink").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            values: list[ast.expr] = []
            if isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "count":
                values = node.args
            elif path.stem.startswith("command"):
                if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") in ("why", "_WORDS"):
                    values = node.value.values if isinstance(node.value, ast.Dict) else [node.value]
                elif isinstance(node, ast.Tuple) and len(node.elts) == 2:
                    values = list(ast.walk(node.elts[1]))
            words |= {
                value.value
                for value in values
                if isinstance(value, ast.Constant) and isinstance(value.value, str)
            }
    return words


def test_every_reason_for_a_refusal_is_explained():
    found = reasons()
    assert {
        "oversize",
        "malformed",
        "topic",
        "rate",
        "consent",
        "token",
        "addressee",
        "expired",
        "repeated",
        "method",
    } <= found
    assert {word for word in found if "." not in word} <= EXPLAINED
