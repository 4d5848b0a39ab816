"""The virtual boards that run on this machine for this user: one small JSON file and one control socket for each."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import stat
import tempfile
from dataclasses import dataclass
from pathlib import Path

from nameplate.errors import NOT_REACHED, USAGE, NameplateError

_SOCKET_PATH_MOST = 100  # the system's limit is 104 to 108 bytes


@dataclass(frozen=True)
class RunningSim:
    """`port` is what `open_link` takes; `control` the path of its control socket."""

    name: str
    port: str
    pid: int
    control: str


def directory() -> Path:
    """Where the files are: XDG_RUNTIME_DIR/nameplate, or a private folder among the temporary ones."""
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    path = (
        Path(runtime) / "nameplate" if runtime else Path(tempfile.gettempdir()) / f"nameplate-{os.getuid()}"
    )
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    owner = path.lstat()
    if not stat.S_ISDIR(owner.st_mode) or owner.st_uid != os.getuid():
        raise NameplateError(
            f"{path} belongs to somebody else", "set XDG_RUNTIME_DIR to a folder of your own", USAGE
        )
    return path


def _read(path: Path) -> RunningSim | None:
    try:
        row = json.loads(path.read_text())
        return RunningSim(str(row["name"]), str(row["port"]), int(row["pid"]), str(row["control"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _alive(sim: RunningSim) -> bool:
    with contextlib.closing(socket.socket(socket.AF_UNIX)) as probe:
        probe.settimeout(1)
        try:
            probe.connect(sim.control)
        except OSError:
            return False
    return True


def running() -> list[RunningSim]:
    """All that live, by name; files of those that died are removed."""
    found = []
    for path in sorted(directory().glob("*.json")):
        sim = _read(path)
        if sim is not None and _alive(sim):
            found.append(sim)
        else:
            with contextlib.suppress(OSError):
                path.unlink()
            if sim is not None:
                with contextlib.suppress(OSError):
                    os.unlink(sim.control)
    return sorted(found, key=lambda sim: sim.name)


def find(name: str | None) -> RunningSim:
    """The one of that name, or the only one there is. Raises NameplateError."""
    sims = running()
    if not sims:
        raise NameplateError(
            "no virtual board runs", "start one with: nameplate sim run UNIT.bin", NOT_REACHED
        )
    names = ", ".join(sim.name for sim in sims)
    if name is None and len(sims) > 1:
        raise NameplateError("several virtual boards run", f"name one of: {names}", USAGE)
    for sim in sims:
        if name in (None, sim.name):
            return sim
    raise NameplateError(f"no virtual board named {name!r} runs", f"there are: {names}", NOT_REACHED)


def bind(wanted: str) -> tuple[str, socket.socket, str]:
    """A free name like `wanted`, and its listening control socket with its path."""
    taken = {sim.name for sim in running()}
    plain = "".join(letter if letter.isalnum() or letter in "-_." else "-" for letter in wanted) or "board"
    number = 1
    while True:
        name = plain if number == 1 else f"{plain}-{number}"
        number += 1
        if name in taken:
            continue
        path = str(directory() / f"{name}.sock")
        if len(path.encode()) > _SOCKET_PATH_MOST:
            path = str(Path(tempfile.mkdtemp(prefix="np-")) / "s")
        listener = socket.socket(socket.AF_UNIX)
        try:
            listener.bind(path)
        except OSError:
            listener.close()
            continue
        listener.listen()
        return name, listener, path


def announce(sim: RunningSim) -> Path:
    """Write the file of a board; the caller removes it."""
    path = directory() / f"{sim.name}.json"
    with tempfile.NamedTemporaryFile("w", dir=path.parent, delete=False) as file:
        json.dump({"name": sim.name, "port": sim.port, "pid": sim.pid, "control": sim.control}, file)
    os.replace(file.name, path)
    return path


def ask(sim: RunningSim, request: dict[str, object]) -> dict[str, object]:
    """One question to a running board and its answer. Raises NameplateError with what the board says."""
    try:
        with contextlib.closing(socket.socket(socket.AF_UNIX)) as line:
            line.settimeout(10)
            line.connect(sim.control)
            line.sendall(json.dumps(request).encode() + b"\n")
            raw = b""
            while not raw.endswith(b"\n"):
                part = line.recv(65536)
                if not part:
                    break
                raw += part
            answer: dict[str, object] = json.loads(raw)
    except (OSError, ValueError) as error:
        raise NameplateError(
            f"the virtual board {sim.name} does not answer", "see: nameplate sim list", NOT_REACHED
        ) from error
    if "error" in answer:
        raise NameplateError(str(answer["error"]), str(answer.get("hint", "")), USAGE)
    return answer
