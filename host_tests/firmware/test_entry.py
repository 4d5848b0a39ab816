"""Entry, on the real interpreter in the chip's place: each statement of boot.py and main.py fails in its turn, in every way.

The cases are made from the files themselves, so a new statement is covered by itself: nothing may be lost with it that
LOST does not name, nothing is raised, and there is no prompt.
"""

import ast
import json
from pathlib import Path

import pytest

from host_tests.tools.sim_board import ROOT, running
from nameplate.sim.board import VirtualBoard

FILES = {"/boot.py": (ROOT / "boot.py").read_text(), "/main.py": (ROOT / "main.py").read_text()}
ERRORS = ("MemoryError", "OSError(5)", "KeyboardInterrupt", "SystemExit", "GeneratorExit")
# The agent of these boards: says what it was given, and fails a second later.
AGENT = (
    "import sys, time\ndef main():\n    print('agent', sys.path)\n    time.sleep(1)\n    raise MemoryError\n"
)
SLOTS = {
    f"/{slot}/firmware/{name}": text
    for slot in "ab"
    for name, text in (("__init__.py", ""), ("app.py", AGENT))
}
# What a statement takes with it when it fails, by how it begins: the agent of this start, or the pause before the next.
LOST = {
    "/boot.py": {"import sys": {"agent"}, "sys.path[:] =": {"agent"}},
    "/main.py": {
        "failed, ending =": {"agent", "pause"},
        "import micropython": set(),  # boot.py has it, and Ctrl-C is turned off a second time
        "import sys, time, machine": {"agent", "pause"},
        "failed = (machine.RTC()": {"agent"},
        "if failed % 2": {"agent"},
        "micropython.kbd_intr(3": {"agent"},
        "from firmware": {"agent"},
        "app.main()": {"agent"},
        "ending = error": {"pause"},
        "if not": {"pause"},
        "failed = failed + 1": {"pause"},
        "time.sleep(": {"pause"},
    },
}


def failing() -> list[tuple[str, int, str]]:
    """(file, line, text) of every statement that can fail: all but `try`, `pass` and `raise`."""
    return [
        (name, node.lineno, ast.unparse(node).splitlines()[0])
        for name, source in FILES.items()
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.stmt) and not isinstance(node, ast.Try | ast.Pass | ast.Raise)
    ]


CASES = failing()
NAMES = [f"{name} {text}" for name, _, text in CASES]


def broken(source: str, line: int, error: str) -> str:
    """The source with the statement on a line replaced by one that raises."""

    class Break(ast.NodeTransformer):
        def visit(self, node: ast.AST) -> ast.AST:
            if isinstance(node, ast.stmt) and node.lineno == line:
                return ast.copy_location(ast.parse(f"raise {error}").body[0], node)
            return self.generic_visit(node)

    return ast.unparse(ast.fix_missing_locations(Break().visit(ast.parse(source))))


def lost_with(name: str, text: str) -> set[str]:
    return next((found for start, found in LOST[name].items() if text.startswith(start)), set())


def test_what_is_named_as_lost_is_there() -> None:
    for name, starts in LOST.items():
        for start in starts:
            assert [text for file, _, text in CASES if file == name and text.startswith(start)], (name, start)


@pytest.mark.parametrize(("number", "case"), list(enumerate(CASES)), ids=NAMES)
def test_whichever_statement_fails_the_best_is_done_and_there_is_no_prompt(
    tmp_path: Path, number: int, case: tuple[str, int, str]
) -> None:
    name, line, text = case
    lost = lost_with(name, text)
    files = {**FILES, **SLOTS, name: broken(FILES[name], line, ERRORS[number % len(ERRORS)])}
    # With no pause and no agent a board starts again and again, and simulated time has nothing to stop at.
    with running(tmp_path, files.pop("/main.py"), files=files, stepped="pause" not in lost) as board:

        def starts(board: VirtualBoard) -> list[int]:
            return [event.at_ms for event in board.events if event.kind == "boot"]

        if "agent" not in lost:
            assert board.wait(lambda board: "agent ['/a', '.frozen']\r\n" in board.transcript, 1000)
            assert not board.engine.uart.interruptible
        assert board.wait(lambda board: len(starts(board)) > 1, 5000), board.transcript
        assert "prompt" not in [event.kind for event in board.events]
        assert "Traceback" not in board.transcript
        waited_ms = starts(board)[1] - (0 if "agent" in lost else 1000)
        assert (waited_ms >= 1000) is ("pause" not in lost)


# The same for every error, without a board around it.
SCRIPT = """
import builtins, json, micropython, sys

class Namespace: pass

def module(name, **members):
    made = sys.modules[name] = Namespace()
    for member in members: setattr(made, member, members[member])
    return made

class NVS:
    def __init__(self, namespace): pass
    def get_i32(self, key): raise OSError(-4354)

class RTC:
    def memory(self, *data): return b""

def main():
    state.agent = (state.heard, list(sys.path))
    raise MemoryError

def heard(character): state.heard = character
def reset(): state.reset = True
def no_file(name): raise OSError(2)

state = Namespace()
load, builtins.open = builtins.open, no_file
with load(sys.argv[1]) as file:
    cases = json.load(file)
module("esp", osdebug=lambda *how: None, LOG_NONE=0)
module("esp32", NVS=NVS)
module("machine", RTC=RTC, reset=reset)
module("time", sleep=lambda seconds: None)
module("micropython", kbd_intr=heard)
module("firmware", app=module("firmware.app", main=main))
for boot, main_file in cases:
    state.agent, state.reset = None, False
    sys.path[:] = ["", ".frozen", "/lib"]
    scope = {"__name__": "__main__"}
    ended = []
    for source in (boot, main_file):
        state.heard = 3
        try:
            exec(source, scope)
            ended.append("well")
        except BaseException as error:
            ended.append(repr(error))
    print(json.dumps([ended, state.reset, state.agent, state.heard]))
"""


def test_whatever_a_statement_raises_boot_ends_well_and_main_in_a_reset(micropython, tmp_path: Path) -> None:
    chosen = [(case, error) for case in CASES for error in ERRORS]
    cases = [
        [broken(source, line, error) if file == name else source for file, source in FILES.items()]
        for (name, line, _), error in chosen
    ]
    path = tmp_path / "cases.json"
    path.write_text(json.dumps(cases))
    found = [json.loads(line) for line in micropython(SCRIPT, str(path), heap="4m").splitlines()]
    assert len(found) == len(cases)
    for ((name, _, text), error), (ended, reset, agent, heard) in zip(chosen, found, strict=True):
        lost = lost_with(name, text)
        assert ended == ["well", "SystemExit()"], (text, error)
        assert (agent is not None) is ("agent" not in lost or name == "/boot.py"), (text, error)
        if agent and name == "/main.py":
            assert agent == [-1, ["/a", ".frozen"]], (text, error)
        hard = not text.startswith(("failed, ending", "import sys, time, machine", "machine.reset()"))
        assert reset is hard, (text, error)
        assert heard == -1 or text.startswith(("import micropython", "failed, ending")), (text, error)
