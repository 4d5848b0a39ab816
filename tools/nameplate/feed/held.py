"""Messages of boards that are not known yet: kept for a moment, since their binding is usually on its way."""

from collections import deque
from dataclasses import dataclass
from typing import Generic, TypeVar

Item = TypeVar("Item")

MAX_HELD = 1024
MAX_PER_BOARD = 32


@dataclass(frozen=True, slots=True)
class _Held(Generic[Item]):
    ueid: str
    until: float
    item: Item


class Held(Generic[Item]):
    """A bounded waiting room, in order of arrival. Times are seconds of one clock that never goes back."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._items: deque[_Held[Item]] = deque()
        self._count: dict[str, int] = {}

    def __len__(self) -> int:
        return len(self._items)

    def put(self, ueid: str, item: Item, now: float) -> bool:
        """Keep an item; False when there is no room, and the caller must judge it now."""
        if len(self._items) >= MAX_HELD or self._count.get(ueid, 0) >= MAX_PER_BOARD:
            return False
        self._items.append(_Held(ueid, now + self.seconds, item))
        self._count[ueid] = self._count.get(ueid, 0) + 1
        return True

    def take(self, ueid: str) -> list[Item]:
        """Everything that waits for this board."""
        if ueid not in self._count:
            return []
        taken = [held.item for held in self._items if held.ueid == ueid]
        self._items = deque(held for held in self._items if held.ueid != ueid)
        del self._count[ueid]
        return taken

    def expired(self, now: float) -> list[Item]:
        """Everything that has waited long enough."""
        over = []
        while self._items and self._items[0].until <= now:
            held = self._items.popleft()
            over.append(held.item)
            self._count[held.ueid] -= 1
            if not self._count[held.ueid]:
                del self._count[held.ueid]
        return over
