"""A virtual board that runs a test's own program: time passes only when the test lets it."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from host_tests.tools.flash_images import flash_image
from nameplate.sim.board import VirtualBoard
from nameplate.sim.keys import world_of
from nameplate.sim.physics.appliances import appliance_of
from nameplate.sim.wiring import from_profile
from nameplate.sim.world import World

ROOT = Path(__file__).resolve().parent.parent.parent
PROFILE = (ROOT / "models/kf320/profile.json").read_text()
MODELS = sorted(path.parent.name for path in (ROOT / "models").glob("*/profile.json"))


def profile_of(folder: str) -> dict[str, Any]:
    """A model's profile, as it is written."""
    content: dict[str, Any] = json.loads((ROOT / "models" / folder / "profile.json").read_text())
    return content


def world_of_model(folder: str, chip: str = "esp32") -> World:
    """The world that a board of that model has."""
    wiring = from_profile(profile_of(folder), chip)
    appliance = appliance_of(wiring.sensors)
    return world_of(wiring.sensors.values(), appliance.keys, appliance.percents)


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
