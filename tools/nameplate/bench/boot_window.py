"""Where in a start a Ctrl-C is heard, and whether one ever leaves a prompt on a shipped board.

Twice. On the virtual board, with the image as the factory makes it: one start for each thing that the program asks of the
chip until its console answers, with a Ctrl-C at just that moment. And on a 32-bit interpreter under Node, which raises a
Ctrl-C where a chip's does, at the next jump: one start for each statement of boot.py and main.py, with a Ctrl-C before it,
and one with a Ctrl-C before every statement.

`python -m nameplate.bench.boot_window` prints the figures alone.
"""

from __future__ import annotations

import ast
import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from nameplate.bench.figure import figure
from nameplate.bench.house import House, ask
from nameplate.errors import NameplateError
from nameplate.factory import sources

_DEVICE = Path(__file__).parent / "device"
_LIBRARY = Path("node_modules/@micropython/micropython-webassembly-pyscript")
_START_MS = 250


def measure() -> Iterator[dict[str, Any]]:
    """Yield the figures; takes some ten seconds. Raises NameplateError when Node or the interpreter is missing."""
    calls, heard, prompts, restarts = _on_the_board()
    yield _count("calls of a start, each met by a Ctrl-C in a start of its own", calls, "calls")
    yield _count("calls of a start in which a Ctrl-C is heard", heard, "calls")
    yield _count("calls of a start in which a Ctrl-C restarts the board", restarts, "calls")
    yield figure("calls of a start in which a Ctrl-C leaves a prompt", prompts, "calls", 0, simulated=True)
    outcomes = sweep(*(sources.device_root() / name for name in ("boot.py", "main.py")))
    yield _count("starts with a Ctrl-C before a statement of boot.py or main.py", len(outcomes), "starts")
    yield _count(
        "starts with a Ctrl-C before a statement, which hear it",
        sum(bool(one["heard"]) for one in outcomes),
        "starts",
    )
    yield _count(
        "starts with a Ctrl-C before a statement, which do not get to the agent", _kept(outcomes), "starts"
    )
    left = sum(one["end"] == "prompt" for one in outcomes)
    yield figure(
        "starts with a Ctrl-C before a statement, which end at a prompt", left, "starts", 0, simulated=True
    )


def _count(metric: str, value: int, unit: str) -> dict[str, Any]:
    return figure(metric, value, unit, simulated=True)


def _kept(outcomes: list[dict[str, Any]]) -> int:
    return sum(not one["agent"] for one in outcomes)


def _on_the_board() -> tuple[int, int, int, int]:
    """Calls until the console answers; how many of them hear a Ctrl-C, leave a prompt, restart the board."""
    heard = prompts = restarts = 0
    with House() as house:
        as_made = house.unit.path.read_bytes()
        with house.switch_on(seed=1) as board:
            ask(board, "version")
            calls = board.engine.asked
        for at in range(1, calls + 1):
            house.unit.path.write_bytes(as_made)
            with house.switch_on(seed=1, world={"ctrl_c_at": at}) as board:
                board.run(_START_MS)
                kinds = [event.kind for event in board.events]
                noted = next(event for event in board.events if event.kind == "ctrl-c")
            heard += not noted.detail.endswith("unheard")
            prompts += "prompt" in kinds
            restarts += kinds.count("boot") > 1
    return calls, heard, prompts, restarts


def sweep(boot: Path, main: Path, *, dev: bool = False) -> list[dict[str, Any]]:
    """What became of each start of these two files; the last is that with a Ctrl-C before every statement.

    `dev`: on a development board, whose agent is interrupted in the end; a shipped one's runs out of memory.
    Raises NameplateError when Node or the interpreter is missing.
    """
    plain = [file.read_text(encoding="utf-8") for file in (boot, main)]
    cases = []
    for which, source in enumerate(plain):
        for line in _lines(source):
            files = list(plain)
            files[which] = _with_ctrl_c(source, {line})
            cases.append([*files, dev])
    cases.append([*(_with_ctrl_c(source, _lines(source)) for source in plain), dev])
    return _run(cases)


def _lines(source: str) -> set[int]:
    return {node.lineno for node in ast.walk(ast.parse(source)) if isinstance(node, ast.stmt)}


def _with_ctrl_c(source: str, lines: set[int]) -> str:
    """The source with a Ctrl-C before every statement on these lines; that adds no jump."""

    class Put(ast.NodeTransformer):
        def generic_visit(self, node: ast.AST) -> ast.AST:
            super().generic_visit(node)
            for name, value in ast.iter_fields(node):
                if isinstance(value, list) and value and isinstance(value[0], ast.stmt):
                    body = []
                    for statement in value:
                        if statement.lineno in lines:
                            body += ast.parse("_ctrl_c()").body
                        body.append(statement)
                    setattr(node, name, body)
            return node

    return ast.unparse(ast.fix_missing_locations(Put().visit(ast.parse(source))))


def _run(cases: list[Any]) -> list[dict[str, Any]]:
    node = shutil.which("node")
    if node is None:
        raise NameplateError(
            "the boot window's benchmark needs Node", "install Node 18 or newer, then run again"
        )
    for folder in Path(__file__).resolve().parents:
        if (folder / _LIBRARY / "micropython.mjs").is_file():
            break
    else:
        raise NameplateError(
            "the boot window's benchmark needs a 32-bit MicroPython", "run `npm ci` in a checkout"
        )
    with tempfile.TemporaryDirectory() as name:
        wanted = Path(name) / "cases.json"
        wanted.write_text(json.dumps(cases), encoding="utf-8")
        command = [node, _DEVICE / "boot_window.mjs", folder / _LIBRARY, _DEVICE / "boot_window.py", wanted]
        done = subprocess.run(
            [str(word) for word in command], check=False, capture_output=True, text=True, timeout=120
        )
    if done.returncode != 0:
        said = (done.stderr.strip() or done.stdout.strip()).splitlines() or ["no reason given"]
        raise NameplateError(f"boot.py does not run on the 32-bit interpreter: {said[-1]}", "report this")
    found: list[dict[str, Any]] = json.loads(done.stdout)
    return found


if __name__ == "__main__":
    for found in measure():
        sys.stdout.write(json.dumps(found) + "\n")
