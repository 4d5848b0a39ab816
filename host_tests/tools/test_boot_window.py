"""The boot window: no moment at which a Ctrl-C leaves a prompt on a shipped board, and a measure that would show one."""

from collections.abc import Callable
from pathlib import Path

import pytest

from host_tests.tools.node import need_node
from nameplate.bench import boot_window
from nameplate.factory.provision import Unit
from nameplate.sim.board import VirtualBoard

ROOT = Path(__file__).resolve().parents[2]
BOOT, MAIN = ROOT / "boot.py", ROOT / "main.py"


@pytest.fixture(autouse=True)
def node() -> None:
    need_node("@micropython/micropython-webassembly-pyscript")


def test_no_ctrl_c_in_a_start_leaves_a_prompt_or_keeps_the_agent_from_starting() -> None:
    outcomes = boot_window.sweep(BOOT, MAIN)
    assert len(outcomes) > 30
    assert any(one["heard"] for one in outcomes)
    for one in outcomes:
        assert (one["end"], one["agent"], one["path"]) == ("reset", 1, ["/a", ".frozen"])
        assert one["memory"] == "\x01/a: MemoryError()"


def test_the_window_is_no_longer_than_what_turns_it_off() -> None:
    """boot.py: `try`, `import micropython` and the call. main.py: two more, to have what the end needs."""
    *single, _ = boot_window.sweep(BOOT, MAIN)
    assert sum(one["heard"] for one in single) <= 3 + 5


def test_a_development_board_keeps_its_ctrl_c() -> None:
    *single, _ = boot_window.sweep(BOOT, MAIN, dev=True)
    assert all(one["agent"] for one in single)
    # Where another comes while the first is being dealt with, the start is given up; it is one of four statements.
    assert sum(one["end"] != "prompt" for one in single) <= 4


@pytest.mark.parametrize(
    ("boot", "ends"),
    [
        ("import micropython\nmicropython.kbd_intr(-1)\n", {"prompt", "reset"}),
        # No jump before the `try` ends, and that one is outside of it: what looks right is not.
        (
            "try:\n    import micropython\n    micropython.kbd_intr(-1)\nexcept BaseException:\n    pass\n",
            {"prompt", "reset"},
        ),
        (
            "try:\n    import micropython\n    micropython.kbd_intr(-1) or 0\nexcept BaseException:\n    pass\n",
            {"reset"},
        ),
    ],
)
def test_the_measure_sees_a_prompt_where_there_is_one(tmp_path: Path, boot: str, ends: set[str]) -> None:
    (tmp_path / "boot.py").write_text(boot)
    *single, _ = boot_window.sweep(tmp_path / "boot.py", MAIN)
    assert {one["end"] for one in single} == ends
    assert {one["end"] for one in single if not one["heard"]} == {"reset"}


def test_the_image_as_made_hears_two_of_its_first_calls_and_starts_whatever_comes(
    make_unit: Callable[..., Unit],
) -> None:
    unit = make_unit()
    as_made = unit.path.read_bytes()
    heard = []
    for at in range(1, 14):
        unit.path.write_bytes(as_made)
        options = {"speed": None, "stepped": True, "register": False, "world": {"ctrl_c_at": at}}
        with VirtualBoard(unit.path, **options) as board:
            assert board.wait(lambda board: board.panel[0].startswith("KF-320"), 5000), at
            kinds = [event.kind for event in board.events]
            noted = next(event.detail for event in board.events if event.kind == "ctrl-c")
        assert "prompt" not in kinds, at
        assert kinds.count("boot") == 1, at
        heard += [] if noted.endswith("unheard") else [at]
    assert len(heard) == 2
