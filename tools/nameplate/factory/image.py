"""The flash image: partition table and file system of one appliance model, the same bytes on every machine.

It holds no bootloader and no application: those areas are erased, and a MicroPython base is put there later.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from nameplate.factory import comb, partitions, profile
from nameplate.factory.files import check_folder, write_atomic
from nameplate.factory.refused import Refused
from nameplate.factory.sources import device_modules, device_root

SLOTS = ("a", "b")
SLOT_LIMIT = 450 * 1024
TOTAL_LIMIT = 900 * 1024
ENTRY_FILES = ("boot.py", "main.py")
COMB = "lib/p256_comb.bin"
BASE_MISSING = (
    "bootloader and application areas are erased (0xFF): this image boots on the virtual board, "
    "not on a chip that has no MicroPython"
)

Progress = Callable[[str], None]


@dataclass(frozen=True)
class ImageReport:
    """What an image holds. Sizes in bytes; a size on flash is in whole blocks of the file system."""

    path: str
    sha256: str
    model: str
    model_name: str
    size: int
    slot_bytes: int
    slot_limit: int
    total_bytes: int
    total_limit: int
    partitions: list[dict[str, Any]]
    files: dict[str, int] = field(repr=False)
    base: str = BASE_MISSING


@dataclass(frozen=True)
class ImageContent:
    """What is found in an image file: its bytes, its model, and whether it already has an identity."""

    data: bytes = field(repr=False)
    model: str
    model_name: str
    provisioned: bool


def build_image(model: str, out: Path, progress: Progress = lambda step: None) -> ImageReport:
    """Build the image of `model` (a folder of models/) into the file `out`, replacing it in one step.

    `progress` is told each step in words. Raises Refused when a source does not compile, the profile is
    wrong, or the result is over its limits; `out` is then untouched.
    """
    check_folder(out, "the image")
    root = device_root()
    checked = profile.load(root, model)
    slot = slot_files(root, checked, progress)
    progress("writing the file system")
    data, sizes, slot_bytes, total_bytes = _flash(root, slot)
    progress("writing the image")
    write_atomic(out, data)
    return ImageReport(
        path=str(out),
        sha256=hashlib.sha256(data).hexdigest(),
        model=checked.model,
        model_name=checked.name,
        size=len(data),
        slot_bytes=slot_bytes,
        slot_limit=SLOT_LIMIT,
        total_bytes=total_bytes,
        total_limit=TOTAL_LIMIT,
        partitions=[asdict(row) for row in partitions.LAYOUT],
        files=sizes,
    )


def slot_files(root: Path, checked: profile.Profile, progress: Progress) -> list[tuple[str, bytes]]:
    """The files of one slot as (path within the slot, content), in one fixed order."""
    from nameplate.factory.compile import compile_module

    files: list[tuple[str, bytes]] = []
    for package in ("firmware", "lib"):
        for path in device_modules(root, package):
            progress(f"compiling {path.as_posix()}")
            code = compile_module((root / path).read_bytes(), path)
            files.append((path.with_suffix(".mpy").as_posix(), code))
    progress("computing the P-256 table")
    files.append((COMB, comb.table()))
    for path in sorted((root / "models" / checked.folder).glob("*.json")):
        compact = json.dumps(json.loads(path.read_bytes()), separators=(",", ":"), ensure_ascii=False)
        files.append((f"models/{path.name}", compact.encode()))
    return files


def read_image(path: Path) -> ImageContent:
    """Open an image or a unit's image. Raises Refused when `path` is not one of ours."""
    from nameplate.factory.littlefs_image import FileSystem

    data = path.read_bytes()
    hint = "give a file made by `nameplate factory image`"
    try:
        if len(data) != partitions.FLASH_SIZE:
            raise ValueError(f"it has {len(data)} bytes, an image has {partitions.FLASH_SIZE}")
        table = data[partitions.TABLE_OFFSET :][: partitions.TABLE_SIZE]
        if partitions.read_table(table) != partitions.LAYOUT:
            raise ValueError("its partition table is not ours")
        found = FileSystem(data[partitions.VFS.offset : partitions.VFS.end]).read("/a/models/profile.json")
        content = json.loads(found)
        model, name = content["model"], content["name"]
    except (ValueError, TypeError, KeyError, FileNotFoundError) as error:
        reason = str(error) if isinstance(error, ValueError) else "it holds no model profile"
        raise Refused(f"{path} is not a Nameplate image: {reason}", hint) from error
    nvs = data[partitions.NVS.offset : partitions.NVS.end]
    return ImageContent(data, model, name, provisioned=nvs.count(0xFF) != len(nvs))


def _flash(root: Path, slot: list[tuple[str, bytes]]) -> tuple[bytes, dict[str, int], int, int]:
    from nameplate.factory.littlefs_image import FileSystem

    system = FileSystem()
    for name in ENTRY_FILES:
        system.write(f"/{name}", (root / name).read_bytes())
    system.make_folder("/data")
    slot_bytes = 0
    for letter in SLOTS:
        before = system.used_bytes
        for path, content in slot:
            system.write(f"/{letter}/{path}", content)
        slot_bytes = system.used_bytes - before
        _within(f"slot {letter}", slot_bytes, SLOT_LIMIT)
    total = system.used_bytes
    _within("the file system", total, TOTAL_LIMIT)
    data = bytearray(b"\xff" * partitions.FLASH_SIZE)
    table = partitions.write_table()
    data[partitions.TABLE_OFFSET : partitions.TABLE_OFFSET + len(table)] = table
    data[partitions.VFS.offset : partitions.VFS.end] = system.image()
    return bytes(data), dict(system.files()), slot_bytes, total


def _within(what: str, size: int, limit: int) -> None:
    if size > limit:
        raise Refused(
            f"{what} takes {size} bytes on flash, the limit is {limit}",
            "make the firmware or the model smaller",
        )
