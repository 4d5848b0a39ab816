"""Entry: whatever fails, a shipped appliance never stops at a prompt, and never restarts without a pause."""

import ast
import builtins
import sys
import types
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BOOT = ROOT / "boot.py"
MAIN = ROOT / "main.py"


class Boom(BaseException):
    """Stands for anything that can go wrong, a KeyboardInterrupt included."""


class Device:
    """The modules that the entry files use, recording what was done."""

    def __init__(self, dev: int | None = None, slot: str | None = None, memory: bytes = b"") -> None:
        self.dev, self.slot, self.memory = dev, slot, memory
        self.interrupt = 3
        self.scope: dict[str, object] = {}  # the port runs both files in one
        self.path = ["", ".frozen", "/lib"]
        self.slept: list[float] = []
        self.logs: list[object] = []
        self.resets = 0
        self.mains: list[str] = []
        self.broken_slots: set[str] = set()
        self.main_raises: BaseException | None = None
        self.reset_raises = False

    def importer(self, name, globals_=None, locals_=None, fromlist=(), level=0):
        if name == "firmware":
            return self._firmware()
        return {
            "sys": types.SimpleNamespace(path=self.path),
            "micropython": types.SimpleNamespace(kbd_intr=self._kbd_intr),
            "esp": types.SimpleNamespace(osdebug=lambda *how: self.logs.append(how), LOG_NONE=0),
            "esp32": types.SimpleNamespace(
                NVS=lambda namespace: types.SimpleNamespace(get_i32=self._get_i32)
            ),
            "time": types.SimpleNamespace(sleep=self.slept.append),
            "machine": types.SimpleNamespace(
                reset=self._reset, RTC=lambda: types.SimpleNamespace(memory=self._memory)
            ),
        }[name]

    def _firmware(self):
        if self.path[0] in self.broken_slots:
            raise ImportError("no module named 'firmware'")
        return types.SimpleNamespace(app=types.SimpleNamespace(main=self._main))

    def _main(self):
        self.mains.append(self.path[0])
        if self.main_raises:
            raise self.main_raises

    def _kbd_intr(self, code):
        self.interrupt = code

    def _get_i32(self, key):
        if self.dev is None:
            raise OSError(-4354, "ESP_ERR_NVS_NOT_FOUND")
        return self.dev

    def _memory(self, *data):
        if not data:
            return self.memory
        self.memory = data[0]
        return None

    def _reset(self):
        self.resets += 1
        if self.reset_raises:
            raise OSError("no reset")

    def _open(self, path):
        if self.slot is None:
            raise OSError(2)
        slot = self.slot

        class File:
            def __enter__(self):
                return self

            def __exit__(self, *args):
                return False

            def read(self, n):
                return slot[:n]

        return File()

    def run(self, tree: ast.AST | str) -> str:
        """Run an entry file; says how it ended: "returned" or "SystemExit"."""
        code = compile(tree, "entry", "exec")
        self.scope["__builtins__"] = {
            **vars(builtins), "__import__": self.importer, "open": self._open, "Boom": Boom,
        }  # fmt: skip
        self.interrupt = 3  # the port listens for Ctrl-C whenever it starts a file
        try:
            exec(code, self.scope)
        except SystemExit:
            return "SystemExit"
        return "returned"


def statements(path: Path) -> list[int]:
    """Line numbers of every statement that could raise: all but `pass`, `break` and binding a name to what exists."""

    def harmless(node):
        if isinstance(node, ast.Assign):
            values = node.value.elts if isinstance(node.value, ast.Tuple) else [node.value]
            return all(isinstance(value, (ast.Constant, ast.Name)) for value in values)
        return isinstance(node, (ast.Pass, ast.Break, ast.Try, ast.Raise)) or (
            isinstance(node, ast.If) and "isinstance" in ast.unparse(node.test)
        )

    tree = ast.parse(path.read_text())
    return [node.lineno for node in ast.walk(tree) if isinstance(node, ast.stmt) and not harmless(node)]


def broken_at(path: Path, line: int) -> ast.Module:
    """The file with the statement on `line` replaced by one that raises."""

    class Break(ast.NodeTransformer):
        def visit(self, node):
            if isinstance(node, ast.stmt) and node.lineno == line:
                return ast.copy_location(ast.parse("raise Boom").body[0], node)
            return self.generic_visit(node)

    return ast.fix_missing_locations(Break().visit(ast.parse(path.read_text())))


def test_the_two_files_stay_small():
    assert len(BOOT.read_text().splitlines()) + len(MAIN.read_text().splitlines()) < 60


@pytest.mark.parametrize("line", statements(BOOT))
def test_boot_survives_the_failure_of_any_statement(line):
    device = Device()
    assert device.run(broken_at(BOOT, line)) == "returned"


@pytest.mark.parametrize("line", statements(MAIN))
def test_main_resets_whichever_statement_fails(line):
    device = Device()
    device.memory = b"\x01"  # so that the other slot's turn is reached too
    device.path[0] = "/a"
    ended = device.run(broken_at(MAIN, line))
    assert ended == "SystemExit"
    text = MAIN.read_text().splitlines()[line - 1]
    assert device.resets == (0 if "machine.reset()" in text or "import sys, time, machine" in text else 1)


def test_ctrl_c_is_off_on_a_shipped_board_and_stays_off():
    device = Device(dev=None)
    device.run(BOOT.read_text())
    assert device.interrupt == -1

    device.run(MAIN.read_text())
    assert device.interrupt == -1


@pytest.mark.parametrize(("dev", "code"), [(1, 3), (0, -1), (None, -1)])
def test_only_a_development_board_gets_ctrl_c_back(dev, code):
    device = Device(dev=dev)
    device.run(BOOT.read_text())
    assert device.interrupt == -1
    device.run(MAIN.read_text())
    assert device.interrupt == code


@pytest.mark.parametrize("ran_boot", [True, False])
def test_a_ctrl_c_that_comes_before_it_is_off_leaves_no_prompt(ran_boot):
    device = Device(dev=None)
    if ran_boot:
        device.run(BOOT.read_text())
    device.main_raises = KeyboardInterrupt()
    assert device.run(MAIN.read_text()) == "SystemExit"
    assert device.resets == 1


def test_the_chips_own_log_is_off():
    device = Device()
    device.run(BOOT.read_text())
    assert device.logs == [(0, 0)]


def test_code_comes_from_the_slot_and_the_build_only():
    device = Device()
    device.run(BOOT.read_text())
    assert device.path == ["/a", ".frozen"]


@pytest.mark.parametrize(
    ("slot", "first"), [("a", "/a"), ("b", "/b"), ("b\n", "/b"), ("", "/a"), ("zzz", "/a"), (None, "/a")]
)
def test_the_slot_file_names_the_slot(slot, first):
    device = Device(slot=slot)
    device.run(BOOT.read_text())
    assert device.path == [first, ".frozen"]


def restart(device):
    """A start as the chip makes it: the path is fresh, RTC memory is kept."""
    device.path[:] = ["", ".frozen", "/lib"]
    device.run(BOOT.read_text())
    return device.run(MAIN.read_text())


@pytest.mark.parametrize(("active", "other"), [("/a", "/b"), ("/b", "/a")])
def test_a_slot_that_cannot_be_imported_yields_to_the_other_at_the_next_start(active, other):
    device = Device(slot=active[1])
    device.broken_slots = {active}
    assert restart(device) == "SystemExit"
    assert device.mains == []
    assert device.memory.startswith(b"\x01" + active.encode() + b": ImportError")
    restart(device)
    assert device.mains == [other]
    assert (device.resets, device.slept[0]) == (2, 1)


def test_a_slot_that_fails_later_in_its_start_yields_too():
    device = Device()
    device.main_raises = MemoryError()
    for _ in range(4):
        restart(device)
    assert device.mains == ["/a", "/b", "/a", "/b"]


def test_once_it_has_run_well_the_active_slot_is_taken_again():
    device = Device()
    device.main_raises = MemoryError()
    restart(device)
    device.memory = b""  # what the agent does after a minute
    restart(device)
    assert device.mains == ["/a", "/a"]


def test_with_no_slot_at_all_it_pauses_and_resets():
    device = Device()
    device.path = ["/a", ".frozen"]
    device.broken_slots = {"/a", "/b"}
    assert device.run(MAIN.read_text()) == "SystemExit"
    assert device.mains == []
    assert (device.resets, device.slept) == (1, [1])
    assert device.memory[0] == 1
    assert b"ImportError" in device.memory


@pytest.mark.parametrize(
    "error", [ValueError("x"), MemoryError(), SystemExit(), None], ids=["error", "memory", "exit", "ended"]
)
def test_a_main_that_ends_or_raises_is_followed_by_a_reset_that_says_why(error):
    device = Device()
    device.path = ["/a", ".frozen"]
    device.main_raises = error
    assert device.run(MAIN.read_text()) == "SystemExit"
    assert device.resets == 1
    assert repr(error).encode() in device.memory


def test_the_pause_grows_and_stays_below_the_watchdog():
    device = Device()
    device.path = ["/a", ".frozen"]
    for _ in range(301):
        device.run(MAIN.read_text())
    assert device.slept[:6] == [1, 2, 4, 8, 16, 20]
    assert set(device.slept[6:]) == {20}
    assert device.memory[0] in (254, 255)


def test_only_an_interrupted_development_board_is_left_at_its_prompt():
    device = Device(dev=1)
    device.run(BOOT.read_text())
    device.main_raises = KeyboardInterrupt()
    assert device.run(MAIN.read_text()) == "returned"
    assert (device.resets, device.slept) == (0, [])


def test_a_reset_that_fails_becomes_a_soft_reset():
    device = Device()
    device.path = ["/a", ".frozen"]
    device.reset_raises = True
    assert device.run(MAIN.read_text()) == "SystemExit"


def test_the_interpreter_itself_parses_both(micropython):
    assert sys.version_info >= (3, 11)
    out = micropython(f"""
for name in ({str(BOOT)!r}, {str(MAIN)!r}):
    with open(name) as file:
        compile(file.read(), name, "exec")
print("ok")
""")
    assert out == "ok\n"
