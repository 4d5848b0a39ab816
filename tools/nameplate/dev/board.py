"""A board that is worked on: whether it is one, and whether it is back after a restart."""

from __future__ import annotations

import time
from typing import Any

from nameplate.errors import NOT_REACHED, USAGE, NameplateError
from nameplate.link import open_link
from nameplate.link.base import LinkError, LinkLost, NoSuchPort
from nameplate.link.rpc import Client, NotNameplate, RpcError, Silent
from nameplate.link.spec import Spec

DEV_UNIT = "make a unit for development: `nameplate factory provision --dev`, then `nameplate factory flash`"
_ASK_S = 3.0
_RESEND_S = 0.7
_AGAIN_S = 0.5


class Shipped(NameplateError):
    """A board that has no prompt, as it should be."""

    def __init__(self, spec: Spec) -> None:
        super().__init__(f"{spec}: a shipped board: it has no prompt to work through", DEV_UNIT, USAGE)


def ask(spec: Spec, method: str = "version", *, timeout: float = _ASK_S, **params: Any) -> Any:
    """What the agent answers, or None where none runs. Raises a LinkError when the port does not open."""
    link = open_link(spec)
    try:
        return Client(link, timeout=timeout, resend=_RESEND_S).call(method, params or None)
    except (Silent, NotNameplate, RpcError):
        return None
    finally:
        link.close()


def check(spec: Spec) -> Any:
    """Raise Shipped for a board whose agent says that it keeps no prompt; returns what it said, None if it is silent."""
    told = ask(spec)
    if isinstance(told, dict) and told.get("dev") is False:
        raise Shipped(spec)
    return told


def wait_until_back(spec: Spec, patience_s: float) -> Any:
    """What the agent says of itself once it answers again. Raises NameplateError when it does not in time.

    A board whose console is USB takes its port along when it resets.
    """
    end = time.monotonic() + patience_s
    while time.monotonic() < end:
        try:
            told = ask(spec, timeout=min(_ASK_S, max(_AGAIN_S, end - time.monotonic())))
            if told is not None:
                return told
        except (NoSuchPort, LinkLost, LinkError):
            time.sleep(_AGAIN_S)
    raise NameplateError(
        f"{spec}: the agent does not answer {patience_s:g} s after the restart",
        "see what it says: nameplate dev log",
        NOT_REACHED,
    )
