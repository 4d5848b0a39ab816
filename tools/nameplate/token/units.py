"""The units a receiver knows: bound by the manufacturer, each with what was received of it. Bounded."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from nameplate.token.digests import PER_PAGE
from nameplate.token.mint import PublicKey
from nameplate.token.order import Number, Order
from nameplate.token.status import Recent, StatusOrder


@dataclass(slots=True)
class Unit:
    """One board and the key the manufacturer bound it to.

    `binding` is that compact token, `signer` the manufacturer's key under it, `bound_at` its date (Unix seconds);
    `latest` is the highest number that carried a date, and that date.
    """

    ueid: str
    kid: str
    public: PublicKey
    oemid: int
    hwmodel: str
    key_origin: str
    bound_at: int
    signer: str
    binding: str
    order: Order
    status: StatusOrder = field(default_factory=StatusOrder)
    recent: Recent = field(default_factory=Recent)
    signatures: Recent = field(default_factory=Recent)
    latest: tuple[Number, int] | None = None

    @property
    def cloned(self) -> bool:
        """Whether two units with this key have been seen."""
        return self.order.cloned or self.status.cloned

    def to_state(self) -> dict[str, Any]:
        """What a state file keeps; the binding stands for everything the manufacturer said."""
        return {
            "binding": self.binding,
            "order": self.order.to_state(),
            "status": self.status.to_state(),
            "recent": self.recent.to_state(),
            "signatures": self.signatures.to_state(),
            "latest": self.latest,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Put back what `to_state` gave. Raises KeyError, TypeError or ValueError when it is something else."""
        self.order = Order.from_state(state["order"], self.order.max_pages)
        self.status = StatusOrder.from_state(state["status"])
        self.recent = Recent.from_state(state["recent"])
        self.signatures = Recent.from_state(state["signatures"])
        if state["latest"]:
            (count, seq), date = state["latest"]
            self.latest = ((count, seq), date)


class Units:
    """Units by ueid and by key. When there are too many, the one not heard for longest goes."""

    def __init__(self, limit: int, remember: int) -> None:
        self.limit = limit
        self.pages = max(2, remember // PER_PAGE)
        self.forgotten = 0
        self._by_ueid: dict[str, Unit] = {}
        self._by_kid: dict[str, Unit] = {}

    def __len__(self) -> int:
        return len(self._by_ueid)

    def __iter__(self) -> Iterator[Unit]:
        return iter(self._by_ueid.values())

    def by_ueid(self, ueid: object) -> Unit | None:
        """The unit with this ueid, if it is known."""
        return self._by_ueid.get(ueid) if isinstance(ueid, str) else None

    def by_kid(self, kid: str) -> Unit | None:
        """The unit that holds this key, if it is known."""
        return self._by_kid.get(kid)

    def heard(self, unit: Unit) -> None:
        """Note that something genuine came from `unit` just now."""
        self._by_ueid[unit.ueid] = self._by_ueid.pop(unit.ueid)

    def put(self, unit: Unit) -> None:
        """Add a unit, or replace the one with the same ueid."""
        old = self._by_ueid.pop(unit.ueid, None)
        if old is not None:
            self._by_kid.pop(old.kid, None)
        self._by_ueid[unit.ueid] = unit
        self._by_kid[unit.kid] = unit
        if len(self._by_ueid) > self.limit:
            dropped = self._by_ueid.pop(next(iter(self._by_ueid)))
            self._by_kid.pop(dropped.kid, None)
            self.forgotten += 1
