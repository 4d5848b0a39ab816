"""When the virtual board hears a Ctrl-C, and what main.c makes of it: from a file's first byte code to kbd_intr(-1)."""

from pathlib import Path

import pytest

from host_tests.tools.flash_images import flash_image
from host_tests.tools.sim_board import kinds, printed, running
from nameplate.sim.board import VirtualBoard

QUIET = (
    "import micropython\ntry:\n    micropython.kbd_intr(-1)\nexcept KeyboardInterrupt:\n    print('caught')\n"
)
LOUD = "import micropython\nmicropython.kbd_intr(-1)\n"


def heard(folder: Path, main: str, boot: str) -> list[tuple[str, list[str], list[str]]]:
    """One start for each thing the program asks of the chip: what was noted of the Ctrl-C, what happened, what was printed."""
    found = []
    at = 1
    while True:
        with running(folder, main, files={"/boot.py": boot}, world={"ctrl_c_at": at}) as board:
            board.run(100)
            noted = [event.detail for event in board.events if event.kind == "ctrl-c"]
            if not noted:
                return found
            found.append((noted[0], kinds(board), printed(board)))
        at += 1


def test_ctrl_c_is_heard_from_the_start_of_a_file_to_its_kbd_intr_and_not_before(tmp_path: Path) -> None:
    starts = heard(tmp_path, "print('main')\n" + QUIET, QUIET)
    windows = [(happened, said) for noted, happened, said in starts if not noted.endswith("unheard")]
    assert len(windows) == 2  # boot.py's and main.py's; one call long, each
    assert [said[:2] for _, said in windows] == [["caught", "main"], ["main", "caught"]]
    assert len(starts) >= 6


def test_a_boot_file_that_raises_leaves_a_prompt_and_no_main(tmp_path: Path) -> None:
    with running(tmp_path, "print('main')", files={"/boot.py": "1 / 0\n"}) as board:
        board.run(100)
        assert "prompt" in kinds(board)
        assert "ZeroDivisionError: divide by zero" in printed(board)
        assert "main" not in printed(board)


def test_an_uncaught_ctrl_c_in_boot_leaves_a_prompt_and_no_main(tmp_path: Path) -> None:
    starts = heard(tmp_path, "print('main')\n", LOUD)
    ends = {noted.partition(", ")[2]: said for noted, _, said in starts if "main" not in said}
    assert list(ends) == [""]
    assert "KeyboardInterrupt: " in ends[""]


def test_an_exit_of_boot_is_a_soft_reset(tmp_path: Path) -> None:
    boot = "import machine\nif machine.reset_cause() != 5: raise SystemExit\n"
    with running(tmp_path, "print('main')", files={"/boot.py": boot}) as board:
        board.run(100)
        assert kinds(board) == ["boot power", "boot soft", "prompt"]
        assert "main" in printed(board)


@pytest.mark.parametrize("damaged", [True, False])
def test_ctrl_c_ends_the_complaint_about_a_damaged_file_system_at_a_prompt(
    tmp_path: Path, damaged: bool
) -> None:
    image = flash_image(tmp_path / "unit.bin", {"/main.py": "print('main')\nwhile True: pass\n"})
    raw = bytearray(image.read_bytes())
    if damaged:
        raw[0x200000:] = bytes(0x200000)
    else:
        raw[0x200000:] = b"\xff" * 0x200000
    image.write_bytes(raw)
    with VirtualBoard(image, speed=None, stepped=True, register=False) as board:
        board.run(1000)
        assert ("prompt" in kinds(board)) is not damaged  # an empty one is made anew, and holds no main.py
        board.send(b"\x03")
        board.run(5000)
        assert "prompt" in kinds(board)
