"""The arrows that an import linter on the host cannot see: the chip's own modules are touched by board.py alone."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
HARDWARE = {
    "machine",
    "network",
    "bluetooth",
    "esp",
    "esp32",
    "espnow",
    "neopixel",
    "onewire",
    "flashbdev",
    "vfs",
}
ENTRY = {"boot.py", "main.py"}
# The last reads code from flash, and nothing else.
MAY = {"firmware/board.py", "firmware/pins.py"}
DEVICE = sorted([*ROOT.glob("firmware/**/*.py"), *ROOT.glob("lib/**/*.py")])


def imported(source: str) -> set[str]:
    """The top-level names of everything a text imports, wherever in it."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module.partition(".")[0])
        elif isinstance(node, ast.Call) and getattr(node.func, "id", "") == "__import__":
            names.add("__import__")
    return names


@pytest.mark.parametrize("path", DEVICE, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_only_the_board_touches_hardware(path):
    if path.relative_to(ROOT).as_posix() not in MAY:
        assert not imported(path.read_text()) & HARDWARE


def test_the_device_imports_nothing_of_the_host():
    for path in [*DEVICE, ROOT / "boot.py", ROOT / "main.py"]:
        assert "nameplate" not in imported(path.read_text())


def test_a_hidden_import_is_seen():
    assert imported("def f():\n    from machine import Pin\n") == {"machine"}
    assert imported("import machine.x as y") == {"machine"}
