"""What the factory answers when it will not do as asked; nothing has been written then."""

from __future__ import annotations

from nameplate.errors import USAGE, NameplateError


class Refused(NameplateError):
    """A refusal with its reason and the next step; the command ends with exit code 2."""

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message, hint, USAGE)
