"""Changes a unit's flash file the way a bench tool, a fault or an attacker would: NVS records, files in the slots."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

from littlefs import LittleFS

from nameplate.factory import partitions, sources
from nameplate.factory.code import Code
from nameplate.factory.littlefs_image import BLOCK_COUNT, BLOCK_SIZE
from nameplate.sim.flash import Flash
from nameplate.sim.nvs_pages import Storage


def change_files(flash: Path, files: dict[str, bytes | None]) -> None:
    """Put files into the unit's file system; None removes one."""
    data = bytearray(flash.read_bytes())
    vfs = partitions.VFS
    system = LittleFS(block_size=BLOCK_SIZE, block_count=BLOCK_COUNT, prog_size=32, read_size=32, mount=False)
    system.context.buffer = bytearray(data[vfs.offset : vfs.end])
    system.mount()
    for path, content in files.items():
        if content is None:
            system.remove(path)
        else:
            with system.open(path, "wb") as file:
                file.write(content)
    system.unmount()
    data[vfs.offset : vfs.end] = system.context.buffer
    flash.write_bytes(data)


def append_to(flash: Path, module: str, source: str) -> None:
    """The active slot as it would be if this stood at the end of one of its modules ("firmware/alarm")."""
    code = Code(sources.device_root(), append={module: source})
    change_files(flash, {f"/a/{path}": content for path, content in code.files()})


def change_record(flash: Path, key: str, change: Callable[[bytes], bytes]) -> None:
    """Rewrite one NVS blob, in pages that NVS itself finds whole."""
    chip = Flash(flash, random.Random(0))
    try:
        nvs = Storage(chip, partitions.NVS.offset, partitions.NVS.size)
        namespace = nvs.open("nameplate")
        nvs.set_blob(namespace, key, change(nvs.get_blob(namespace, key)))
    finally:
        chip.close()


def wipe_mirror(flash: Path) -> None:
    """The second copy of the unit's records is gone."""
    change_files(flash, {f"/data/mirror/{name}": None for name in ("unit", "settings", "boots")})


def wipe_nvs(flash: Path) -> None:
    """As the port does at a start when it finds the partition unusable."""
    data = bytearray(flash.read_bytes())
    nvs = partitions.NVS
    data[nvs.offset : nvs.end] = b"\xff" * nvs.size
    flash.write_bytes(data)
