"""Flash images for tests of the virtual board: a partition table and a littlefs with the files a test names."""

from collections.abc import Mapping
from pathlib import Path

import littlefs

from nameplate.factory.partitions import FLASH_SIZE, TABLE_OFFSET, VFS, write_table


def littlefs_image(files: Mapping[str, str | bytes], block_count: int = VFS.size // 4096) -> bytes:
    """A littlefs as MicroPython's ESP32 port makes it, with these files (absolute paths)."""
    fs = littlefs.LittleFS(
        block_size=4096,
        block_count=block_count,
        read_size=32,
        prog_size=32,
        lookahead_size=32,
        cache_size=128,
        disk_version=0x00020000,
    )
    for name, content in files.items():
        parent = name.rpartition("/")[0]
        if parent:
            fs.makedirs(parent, exist_ok=True)
        with fs.open(name, "wb") as file:
            file.write(content.encode() if isinstance(content, str) else content)
    return bytes(fs.context.buffer)


def flash_image(path: Path, files: Mapping[str, str | bytes], nvs: bytes = b"") -> Path:
    """Write a whole flash file: stock partition table, `nvs` as it stands, and the files."""
    image = bytearray(b"\xff" * FLASH_SIZE)
    table = write_table()
    image[TABLE_OFFSET : TABLE_OFFSET + len(table)] = table
    image[0x9000 : 0x9000 + len(nvs)] = nvs
    image[VFS.offset : VFS.offset + VFS.size] = littlefs_image(files)
    path.write_bytes(image)
    return path


def read_files(path: Path) -> dict[str, bytes]:
    """Every file of the littlefs in a flash file."""
    fs = littlefs.LittleFS(block_size=4096, block_count=VFS.size // 4096, mount=False)
    fs.context.buffer = bytearray(path.read_bytes()[VFS.offset : VFS.offset + VFS.size])
    fs.mount()
    found = {}
    for folder, _, names in fs.walk("/"):
        for name in names:
            whole = f"{folder.rstrip('/')}/{name}"
            with fs.open(whole, "rb") as file:
                found[whole] = file.read()
    return found
