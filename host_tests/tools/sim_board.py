"""A virtual board that runs a test's own program: time passes only when the test lets it."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from host_tests.tools.flash_images import flash_image
from nameplate.sim.board import VirtualBoard

ROOT = Path(__file__).resolve().parent.parent.parent
PROFILE = (ROOT / "models/kf320/profile.json").read_text()


@contextmanager
def running(
    folder: Path,
    main: str,
    *,
    files: Mapping[str, str | bytes] | None = None,
    nvs: bytes = b"",
    **options: Any,
) -> Iterator[VirtualBoard]:
    """A stepped board whose main.py is `main`, wired as the KF-320; `files` are added to the flash."""
    content: dict[str, str | bytes] = {"/main.py": main, "/a/models/profile.json": PROFILE, **(files or {})}
    image = flash_image(folder / "unit.bin", content, nvs)
    options = {"speed": None, "stepped": True, "register": False, **options}
    if options["speed"] is not None:
        options["stepped"] = False
    with VirtualBoard(image, **options) as board:
        yield board


def printed(board: VirtualBoard) -> list[str]:
    """What the program printed since the last start, line by line."""
    text = board.transcript.replace("\r\n", "\n")
    for mark in ("entry 0x400805b0\n", "entry 0x403cc71a\n", "MPY: soft reboot\n"):
        text = text.rpartition(mark)[2]
    return text.splitlines()


def kinds(board: VirtualBoard) -> list[str]:
    """What happened, without the moments and the world's own changes."""
    return [
        f"{event.kind} {event.detail}".strip()
        for event in board.events
        if event.kind not in ("world", "started")
    ]
