"""umqtt.simple, which every ESP32 build has frozen in: fetched once from PyPI, checked against its hash, kept per user.

The package is no Python project, so pip cannot install it; `unearth` finds and downloads the archive. It is never part of
an image: the simulation offers it where the chip has it.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from functools import cache
from pathlib import Path

from nameplate.errors import NOT_REACHED, NameplateError

_REQUIREMENT = "micropython-umqtt.simple==1.3.4"
_SHA256 = "b6a2520239e3992c63a7de9370ee9b3d9d27819a90359c521f1c0f7ccab8d12f"
_HINT = "connect to the internet once, or put the archive there: {}"


def cache_folder() -> Path:
    """NAMEPLATE_CACHE, else the user's cache folder."""
    named = os.environ.get("NAMEPLATE_CACHE")
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "nameplate"
    return Path(named) if named else base


def ensure() -> Path:
    """A folder with the package `umqtt` in it: the one that NAMEPLATE_UMQTT names, to try another release, else `pinned`.

    Raises NameplateError when it is neither here nor to be had.
    """
    named = os.environ.get("NAMEPLATE_UMQTT")
    if not named:
        return pinned()
    folder = Path(named).resolve()
    if not (folder / "umqtt" / "simple.py").is_file():
        raise NameplateError(
            f"there is no umqtt/simple.py in {folder}", "set NAMEPLATE_UMQTT to the folder that holds `umqtt`"
        )
    return folder


@cache
def pinned() -> Path:
    """A folder with the release in it that this project is tested with. Raises NameplateError when it is not to be had."""
    folder = cache_folder() / f"umqtt.simple-{_SHA256[:12]}"
    if (folder / "umqtt" / "simple.py").is_file():
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as temporary:
        archive = _archive(folder.parent, Path(temporary))
        found = Path(temporary) / "found"
        _unpack(archive, found)
        shutil.rmtree(folder, ignore_errors=True)
        try:
            found.rename(folder)
        except OSError:
            if not folder.is_dir():  # else another process was quicker
                raise
    return folder


def _archive(kept: Path, temporary: Path) -> Path:
    """The checked archive: one put beside the cache by hand, or a download."""
    by_hand = kept / "micropython-umqtt.simple-1.3.4.tar.gz"
    if by_hand.is_file():
        return _checked(by_hand)
    command = [sys.executable, "-m", "unearth", _REQUIREMENT, "--no-binary", "--download", str(temporary)]
    try:
        subprocess.run(command, check=True, capture_output=True, timeout=120)
    except (OSError, subprocess.SubprocessError) as error:
        raise NameplateError(
            "umqtt.simple, which the chip has built in, could not be fetched",
            _HINT.format(by_hand),
            NOT_REACHED,
        ) from error
    return _checked(next(temporary.glob("*.tar.gz"), by_hand))


def _checked(archive: Path) -> Path:
    content = archive.read_bytes() if archive.is_file() else b""
    if hashlib.sha256(content).hexdigest() != _SHA256:
        raise NameplateError(
            "umqtt.simple is not the version this was made for",
            f"remove {archive} and try again",
            NOT_REACHED,
        )
    return archive


def _unpack(archive: Path, target: Path) -> None:
    (target / "umqtt").mkdir(parents=True)
    with tarfile.open(archive) as tar:
        for member in tar.getmembers():
            parts = Path(member.name).parts
            source = tar.extractfile(member) if member.isfile() and parts[-2:-1] == ("umqtt",) else None
            if source is not None and parts[-1] == "simple.py":
                (target / "umqtt" / "simple.py").write_bytes(source.read())
    if not (target / "umqtt" / "simple.py").is_file():
        raise NameplateError("the archive of umqtt.simple has no such module", "report this", NOT_REACHED)
