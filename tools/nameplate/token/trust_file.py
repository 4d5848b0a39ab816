"""Where this computer's trust file is: named on the command line, by the environment, or in the usual place."""

from __future__ import annotations

import os
from pathlib import Path

from nameplate.errors import USAGE, NameplateError
from nameplate.token.trust import Trust

VARIABLE = "NAMEPLATE_TRUST"


def usual_place() -> Path:
    """The trust file that is used when none is named: ~/.config/nameplate/trust.jwks, or under XDG_CONFIG_HOME."""
    base = os.environ.get("XDG_CONFIG_HOME")
    return (Path(base) if base else Path.home() / ".config") / "nameplate" / "trust.jwks"


def find_trust(named: str | None) -> Trust | None:
    """The trust file named, else the environment's, else the usual one where it exists, else None.

    Raises NameplateError (2) when the one that is meant cannot be read or is none.
    """
    named = named or os.environ.get(VARIABLE)
    if named:
        return Trust.load(named)
    place = usual_place()
    return Trust.load(place) if place.exists() else None


def need_trust(named: str | None) -> Trust:
    """As `find_trust`, for what cannot be done without one. Raises NameplateError (2), also when there is none."""
    trust = find_trust(named)
    if trust is None:
        raise NameplateError(
            "no trust file: the manufacturer's public keys are needed",
            f"give --trust FILE.jwks, set {VARIABLE}, or put it at {usual_place()}",
            USAGE,
        )
    return trust
