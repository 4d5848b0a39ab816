"""The boot window: no moment at which a Ctrl-C leaves a prompt on a shipped board, and a measure that would show one."""

from pathlib import Path

import pytest

from host_tests.tools.node import need_node
from nameplate.bench import boot_window

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
