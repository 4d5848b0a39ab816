"""The device's file system as bytes: littlefs2 with exactly the geometry that MicroPython's esp32 port mounts.

Made with disk version 2.0, because the littlefs inside MicroPython 1.23 refuses a newer one. A newer MicroPython
raises it to 2.1 when it first writes; opening takes both.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from littlefs import LittleFS, LittleFSError

from nameplate.factory.refused import Refused

BLOCK_SIZE = 4096
BLOCK_COUNT = 512  # of the plain image
DISK_VERSION = 0x00020000
# esp32: VfsLfs2's defaults (read, program and lookahead 32 bytes); its cache is four times the larger of the two.
_GEOMETRY: dict[str, Any] = {
    "block_size": BLOCK_SIZE,
    "read_size": 32,
    "prog_size": 32,
    "lookahead_size": 32,
    "cache_size": 128,
}
# A directory's log is walked at every look for a file. Kept this short it is compacted as the image is made; nothing on
# flash says so, and the chip's littlefs lets it grow as ever. Shorter still, it takes more blocks than it saves reads.
_METADATA_BYTES = 2048
_BLOCKS_FEWEST = 2


class FileSystem:
    """A littlefs2 file system in memory: made empty, or opened from the bytes of a partition, all of them.

    The size is part of the format: a chip mounts it only in a partition of exactly that many blocks.
    """

    def __init__(self, data: bytes | None = None, block_count: int = BLOCK_COUNT) -> None:
        """Raises ValueError when `data` is not a littlefs2 file system of this geometry."""
        geometry = {**_GEOMETRY, "block_count": block_count, "metadata_max": _METADATA_BYTES}
        if data is not None:
            geometry["block_count"], rest = divmod(len(data), BLOCK_SIZE)
            if rest or geometry["block_count"] < _BLOCKS_FEWEST:
                raise ValueError("the file system partition has the wrong size")
        try:
            # A file that is added must not raise the version; one that a chip has raised stays as it is.
            self._mount(data, {**geometry, "disk_version": DISK_VERSION})
        except LittleFSError:
            try:
                self._mount(data, geometry)
            except LittleFSError as error:
                raise ValueError("no littlefs2 file system") from error

    def _mount(self, data: bytes | None, geometry: dict[str, Any]) -> None:
        self._fs = LittleFS(mount=False, **geometry)
        if data is None:
            self._fs.format()
        else:
            self._fs.context.buffer[:] = data
        self._fs.mount()

    def write(self, path: str, data: bytes) -> None:
        """Write one file, making the folders above it. Raises Refused when it does not fit."""
        folder = path.rpartition("/")[0]
        try:
            if folder:
                self._fs.makedirs(folder, exist_ok=True)
            # Unbuffered: a buffered file that fails to flush would try again, and fail again, when collected.
            with self._fs.open(path, "wb", buffering=0) as file:
                file.write(data)
        except LittleFSError as error:
            raise Refused(
                f"the file system is full at {path}", "make the firmware or the model smaller"
            ) from error

    def make_folder(self, path: str) -> None:
        """Make a folder and those above it."""
        self._fs.makedirs(path, exist_ok=True)

    def read(self, path: str) -> bytes:
        """The content of one file. Raises FileNotFoundError."""
        with self._fs.open(path, "rb") as file:
            return bytes(file.read())

    def remove(self, path: str) -> None:
        """Remove one file. Raises FileNotFoundError."""
        self._fs.remove(path)

    def files(self) -> Iterator[tuple[str, int]]:
        """Every file as (path, bytes), in one fixed order."""
        for folder, _, names in sorted(self._fs.walk("/")):
            for name in sorted(names):
                path = f"{folder.rstrip('/')}/{name}"
                yield path, self._fs.stat(path).size

    @property
    def used_bytes(self) -> int:
        """What is taken, in whole blocks: what counts against the partition."""
        return int(self._fs.used_block_count) * BLOCK_SIZE

    def image(self) -> bytes:
        """The partition's bytes."""
        return bytes(self._fs.context.buffer)
