"""The order of births and wills, and the memory for kinds that have no order at all."""

from typing import Any

from nameplate.token.base64url import decode, encode
from nameplate.token.digests import SIZE

Place = tuple[int, int, int]

KEPT = 64
_RANK = {"online": 0, "offline": 1}


class StatusOrder:
    """Births and wills of one unit, in the order (bootcount, conn), birth before will."""

    def __init__(self) -> None:
        self.seen: dict[Place, bytes] = {}
        self.floor: Place | None = None
        self.cloned = False

    def judge(self, bootcount: int, conn: int, state: str, digest: bytes) -> str:
        """Take in one verified status and return its code."""
        place, digest = (bootcount, conn, _RANK[state]), digest[:SIZE]
        held = self.seen.get(place)
        if held == digest:
            return "same-bytes"
        if held is not None:
            self.cloned = True
            return "same-number"
        if self.floor and place <= self.floor:
            return "too-old"
        highest = max(self.seen, default=None)
        self.seen[place] = digest
        if len(self.seen) > KEPT:
            self.floor = min(self.seen)
            del self.seen[self.floor]
        if highest is None:
            return "first-seen"
        return "in-order" if place > highest else "fills-gap"

    def to_state(self) -> dict[str, Any]:
        """Everything, JSON-ready."""
        return {
            "seen": [[*place, encode(digest)] for place, digest in self.seen.items()],
            "floor": self.floor,
            "cloned": self.cloned,
        }

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> "StatusOrder":
        """What `to_state` gave. Raises KeyError, TypeError or ValueError when it is something else."""
        order = cls()
        order.seen = {(boot, conn, rank): decode(digest) for boot, conn, rank, digest in state["seen"]}
        order.floor = tuple(state["floor"]) if state["floor"] else None
        order.cloned = bool(state["cloned"])
        return order


class Recent:
    """A bounded memory of the last tokens: which bytes came before, and which signatures were genuine."""

    def __init__(self, kept: int = KEPT) -> None:
        self.kept = kept
        self._items: dict[bytes, None] = {}

    def __contains__(self, item: bytes) -> bool:
        return item in self._items

    def add(self, item: bytes) -> None:
        """Remember `item`, and forget the oldest when there are too many."""
        self._items[item] = None
        if len(self._items) > self.kept:
            del self._items[next(iter(self._items))]

    def to_state(self) -> list[str]:
        """Everything, JSON-ready."""
        return [encode(item) for item in self._items]

    @classmethod
    def from_state(cls, state: list[str], kept: int = KEPT) -> "Recent":
        """What `to_state` gave. Raises TypeError or ValueError when it is something else."""
        recent = cls(kept)
        for item in state:
            recent.add(decode(item))
        return recent
