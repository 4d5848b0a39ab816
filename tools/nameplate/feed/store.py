"""What `listen` keeps on disk: the receiver's state, and the forged messages set aside."""

import json
import os
import tempfile
from pathlib import Path
from typing import Any

from nameplate.errors import USAGE, NameplateError
from nameplate.feed.judge import Message
from nameplate.token.trust import Trust
from nameplate.token.verifier import Verifier

ASIDE_LIMIT_BYTES = 64 * 1024 * 1024


def load_verifier(trust: Trust, path: Path | None, **options: Any) -> Verifier:
    """A verifier that goes on from a state file, or a fresh one where there is none. Raises NameplateError."""
    if path is None or not path.exists():
        return Verifier(trust, **options)
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError):
        raise NameplateError(
            f"the state file {path} cannot be read", "move it away and start anew", USAGE
        ) from None
    return Verifier.from_json(trust, text, **options)


def save_verifier(verifier: Verifier, path: Path) -> None:
    """Write the state whole or not at all. Raises NameplateError."""
    name = None
    try:
        with tempfile.NamedTemporaryFile("w", dir=path.parent, prefix=path.name, delete=False) as new:
            name = new.name
            new.write(verifier.to_json())
            new.flush()
            os.fsync(new.fileno())
        os.replace(name, path)
    except OSError as error:
        if name:
            Path(name).unlink(missing_ok=True)
        raise NameplateError(
            f"the state file {path} cannot be written: {error.strerror}", "give another --state", USAGE
        ) from None


class Aside:
    """A file of JSON lines for messages nobody may believe. It stops growing at a limit and counts on."""

    def __init__(self, path: Path, limit: int = ASIDE_LIMIT_BYTES) -> None:
        self.path = path
        self.limit = limit
        self.dropped = 0
        try:
            self._file = path.open("ab")
        except OSError as error:
            raise NameplateError(
                f"cannot write to {path}: {error.strerror}", "give another --aside", USAGE
            ) from None

    def put(self, message: Message) -> None:
        """Append one message."""
        line = json.dumps(message.to_dict(), separators=(",", ":")).encode() + b"\n"
        if self._file.tell() + len(line) > self.limit:
            self.dropped += 1
            return
        self._file.write(line)
        self._file.flush()

    def close(self) -> None:
        """Close the file."""
        self._file.close()
