"""Writing files so that a reader sees the old one or the whole new one, never a part."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from nameplate.factory.refused import Refused


def write_new(path: Path, data: bytes, mode: int) -> None:
    """Create `path` with exactly `mode`, its bytes on the disk on return. Raises FileExistsError."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(handle, "wb") as file:
        os.fchmod(file.fileno(), mode)
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def check_folder(path: Path, what: str) -> None:
    """Raise Refused when the folder that is to hold `path` (in words: `what`) does not exist."""
    folder = path.absolute().parent
    if not folder.is_dir():
        raise Refused(f"no folder {folder} for {what}", "make it, or choose another place")


def temporary_beside(path: Path) -> Path:
    """A fresh name in the folder of `path`, on the same file system so that a rename is atomic."""
    return path.with_name(f".{path.name}.{secrets.token_hex(4)}.partial")


def sync_folder(folder: Path) -> None:
    """Put a rename or a removal inside `folder` on the disk."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_atomic(path: Path, data: bytes, mode: int = 0o644) -> None:
    """Replace `path` by `data` in one step; on any failure the old file stays and nothing else is left."""
    temporary = temporary_beside(path)
    try:
        write_new(temporary, data, mode)
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)
