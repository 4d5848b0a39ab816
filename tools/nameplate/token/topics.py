"""The topic map: nameplate/1/<oem>/<ueid>/<leaf> (docs/wire.md, section 7)."""

import re
from functools import lru_cache
from typing import NamedTuple

from nameplate.token.kinds import is_ueid
from nameplate.token.verdict import Rejected

ALL = "nameplate/1/#"

LEAVES: dict[str, tuple[str, ...]] = {
    "identity": ("binding",),
    "heartbeat": ("heartbeat",),
    "event": ("event",),
    "status": ("status",),
    "reply": ("reply",),
    "cmd": ("command", "ack"),
}
_FORM = re.compile(r"nameplate/1/(?P<oemid>[1-9][0-9]{0,9})/(?P<ueid>[^/]{23})/(?P<leaf>[a-z]+)", re.ASCII)


class Topic(NamedTuple):
    """Where a message was published: the manufacturer (IANA PEN), the board, and the last part."""

    oemid: int
    ueid: str
    leaf: str

    @staticmethod
    def parse(text: str) -> "Topic":
        """A topic's parts. Raises Rejected("topic") when it is none of ours."""
        return _parse(text)

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds of token this topic carries."""
        return LEAVES[self.leaf]

    def __str__(self) -> str:
        return f"nameplate/1/{self.oemid}/{self.ueid}/{self.leaf}"


@lru_cache(maxsize=65536)
def _parse(text: str) -> Topic:
    found = _FORM.fullmatch(text) if len(text) <= 128 else None
    if not found or found["leaf"] not in LEAVES or not is_ueid(found["ueid"]):
        raise Rejected("topic")
    return Topic(int(found["oemid"]), found["ueid"], found["leaf"])
