"""The virtual board boots what is in its flash, on the real interpreter."""

from pathlib import Path

from host_tests.tools.flash_images import flash_image
from host_tests.tools.terminal import Terminal
from nameplate.sim.board import VirtualBoard


def test_boot_then_main_run_from_littlefs(tmp_path: Path) -> None:
    main = "import os, machine\nprint('main', os.listdir('/'), machine.reset_cause())\n"
    image = flash_image(tmp_path / "unit.bin", {"/boot.py": "print('boot')\n", "/main.py": main})
    with VirtualBoard(image, speed=None) as board:
        terminal = Terminal(board)
        text = terminal.until("main")
        assert text.index("rst:0x1") < text.index("boot\r\n") < text.index("main ['boot.py', 'main.py'] 1")
        terminal.close()
