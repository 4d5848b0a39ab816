"""The flash image of one appliance model, the same bytes on every machine: a file system with the agent, and under it
either nothing but a partition table (for the virtual board) or a MicroPython build, the base, as its project publishes it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nameplate.factory import base, comb, device_model, layout, partitions, profile
from nameplate.factory.base import Base
from nameplate.factory.base_chips import megabytes
from nameplate.factory.files import check_folder, write_atomic
from nameplate.factory.layout import Layout
from nameplate.factory.refused import Refused
from nameplate.factory.sources import device_root

if TYPE_CHECKING:
    from nameplate.factory.littlefs_image import FileSystem

SLOTS = ("a", "b")
SLOT_LIMIT = 450 * 1024
TOTAL_LIMIT = 900 * 1024
# What is left for the agent's own records at least: the log has 32 KiB, the rest is for tokens that wait to be sent.
RECORDS_ROOM = 60 * 1024
ENTRY_FILES = ("boot.py", "main.py")
COMB = "p256_comb.bin"  # one for both slots: it is mathematics, and no update changes it
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
    address: int
    flash_size: int
    to_the_end: bool
    map: list[dict[str, Any]] = field(repr=False)
    base: str = BASE_MISSING
    chip: str | None = None
    micropython: dict[str, Any] | None = None


@dataclass(frozen=True)
class ImageContent:
    """What is found in an image file: its bytes and what lies where, its model, and whether it has an identity already."""

    data: bytes = field(repr=False)
    model: str
    model_name: str
    provisioned: bool
    layout: Layout = field(repr=False)


def build_image(
    model: str,
    out: Path,
    progress: Progress = lambda step: None,
    *,
    base_file: Path | None = None,
    flash_size: int | None = None,
) -> ImageReport:
    """Build the image of `model` (a folder of models/) into the file `out`, replacing it in one step.

    `base_file` is a MicroPython build to put under it, `flash_size` in bytes the board's (default: what that build's
    header says). `progress` is told each step in words. Raises Refused when a source does not compile, the profile is
    wrong, the base does not serve, or the result is over its limits; `out` is then untouched.
    """
    check_folder(out, "the image")
    if base_file and out.exists() and out.samefile(base_file):
        raise Refused(f"{out} is the base itself", "choose another --out: it is needed for the next image")
    root = device_root()
    checked = profile.load(root, model)
    under = base.load(base_file, list(checked.content["pins"]), flash_size) if base_file else None
    slot = slot_files(root, checked, progress)
    progress("writing the file system, and the P-256 table in it")
    data, sizes, slot_bytes, total_bytes = _flash(root, slot, under)
    progress("writing the image")
    write_atomic(out, data)
    made = layout.of(data, total_bytes)
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
        partitions=[asdict(row) for row in made.partitions],
        files=sizes,
        address=made.address,
        flash_size=made.flash_size,
        to_the_end=made.to_the_end,
        map=[asdict(region) for region in made.regions],
        base=under.words() if under else BASE_MISSING,
        chip=made.chip,
        micropython={**asdict(under.python), "sha256": under.sha256} if under else None,
    )


def slot_files(root: Path, checked: profile.Profile, progress: Progress) -> list[tuple[str, bytes]]:
    """The files of one slot as (path within the slot, content), in one fixed order."""
    from nameplate.factory.code import Code

    files = Code(root, progress).files()
    return [*files, *device_model.files(checked)]


def read_image(path: Path) -> ImageContent:
    """Open an image or a unit's image. Raises Refused when `path` is not one of ours."""
    from nameplate.factory.littlefs_image import FileSystem
    from nameplate.factory.mirror_image import FOLDER

    data = path.read_bytes()
    try:
        made = layout.of(data)
        system = FileSystem(data[made.span("vfs")])
        content = json.loads(system.read("/a/models/profile.json"))
        model, name = content["model"], content["name"]
    except (ValueError, TypeError, KeyError, FileNotFoundError) as error:
        reason = str(error) if isinstance(error, ValueError) else "it holds no model profile"
        raise Refused(f"{path} is not a Nameplate image: {reason}", layout.HINT) from error
    nvs = data[made.span("nvs")]
    mirrored = any(path.startswith(f"{FOLDER}/") for path, _ in system.files())
    used = nvs.count(0xFF) != len(nvs)
    return ImageContent(data, model, name, provisioned=used or mirrored, layout=made)


def _flash(
    root: Path, slot: list[tuple[str, bytes]], under: Base | None
) -> tuple[bytes, dict[str, int], int, int]:
    from nameplate.factory.littlefs_image import BLOCK_COUNT, BLOCK_SIZE, FileSystem

    flash_size = under.flash_size if under else partitions.FLASH_SIZE
    vfs = under.vfs if under else partitions.VFS
    system = FileSystem(block_count=BLOCK_COUNT)
    slot_bytes = _fill(system, root, slot)
    total = system.used_bytes
    _within("the file system", total, TOTAL_LIMIT)
    if under:
        _fits(under, total)
    assert vfs is not None
    if vfs.size != BLOCK_COUNT * BLOCK_SIZE:
        system = FileSystem(block_count=vfs.size // BLOCK_SIZE)
        _fill(system, root, slot)
        total = system.used_bytes
    start = under.chip.address if under else 0
    below = under.data if under else b"\xff" * partitions.TABLE_OFFSET + partitions.write_table()
    data = bytearray(below.ljust(flash_size - start, b"\xff"))
    data[vfs.offset - start : vfs.end - start] = system.image()
    return bytes(data), dict(system.files()), slot_bytes, total


def _fill(system: FileSystem, root: Path, slot: list[tuple[str, bytes]]) -> int:
    """Write everything; the bytes that one slot takes."""
    for name in ENTRY_FILES:
        system.write(f"/{name}", (root / name).read_bytes())
    system.make_folder("/data")
    system.write(f"/{COMB}", comb.table())
    slot_bytes = 0
    for letter in SLOTS:
        before = system.used_bytes
        for path, content in slot:
            system.write(f"/{letter}/{path}", content)
        slot_bytes = system.used_bytes - before
        _within(f"slot {letter}", slot_bytes, SLOT_LIMIT)
    return slot_bytes


def _fits(under: Base, total: int) -> None:
    room = under.vfs.size if under.vfs else 0
    needed = total + RECORDS_ROOM
    if needed <= room:
        return
    hint = "use a board and a build with more flash"
    if under.to_the_end and under.flash_size == under.header_flash_size:
        hint = f"say --flash-size if the board has more than {megabytes(under.flash_size)}; else {hint}"
    raise Refused(
        f"the agent needs {needed // 1024} KiB of file system ({total // 1024} of files, {RECORDS_ROOM // 1024} of "
        f"records), this base leaves {room // 1024} KiB on a flash of {megabytes(under.flash_size)}",
        hint,
    )


def _within(what: str, size: int, limit: int) -> None:
    if size > limit:
        raise Refused(
            f"{what} takes {size} bytes on flash, the limit is {limit}",
            "make the firmware or the model smaller",
        )
