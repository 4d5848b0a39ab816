"""The order of one unit's heartbeats and events: what was received, what is missing, and whether there are two.

An honest unit makes one chain. Its tokens are numbered (bootcount, seq); each names the digest of the one stored
before it; the first of a boot names the last that was ever stored. Tokens may arrive in any order, twice, late or
never, and nothing here depends on the order of arrival except the words late and gap. Two tokens are proof of two
units only when no one chain can hold both:

1. one number, two digests (a digest is known from the token or from the token that names it);
2. one predecessor, two successors;
3. a token that lies between the first of a boot and the last token that this first one names.

Memory is bounded. What is forgotten may hide a clone; it never accuses an honest unit of being one.
"""

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from nameplate.token.base64url import decode, encode
from nameplate.token.digests import PER_PAGE, SIZE, Digests
from nameplate.token.ranges import Ranges
from nameplate.token.verdict import Missing

Number = tuple[int, int]
Lost = tuple[int, int, int]

MAX_PAGES = 128
MAX_BOOTS = 256
MAX_RANGES = 512
MAX_FOREIGN = 256


class Outcome(NamedTuple):
    """The code of a judgement and, for a gap, the ranges it is about."""

    code: str
    missing: tuple[Missing, ...] = ()


@dataclass(slots=True)
class Boot:
    """One boot: received numbers, known digests, and what its first token says of the boot before.

    `named` is the digest the first token names, `root` the number that digest turned out to have.
    """

    seen: Ranges = field(default_factory=Ranges)
    digests: Digests = field(default_factory=Digests)
    named: bytes | None = None
    root: Number | None = None


class Order:
    """What a receiver knows of one unit's chain."""

    def __init__(self, max_pages: int = MAX_PAGES) -> None:
        self.max_pages = max_pages
        self.boots: dict[int, Boot] = {}
        self.counts: list[int] = []  # the boots, sorted
        self.named: dict[bytes | None, int] = {}  # what first tokens name -> their boot
        self.declared: dict[int, Ranges] = {}
        self.floor: Number | None = None  # nothing up to here is remembered
        self.foreign: dict[Number, bytes] = {}  # the branch that lost: tokens called clone
        self.cloned = False

    def judge(self, number: Number, digest: bytes, prev: bytes | None, lost: Iterable[Lost] = ()) -> Outcome:
        """Take in one verified token and say what it is.

        `digest` is the SHA-256 of the compact token, `prev` the digest it names (both cut to 8 bytes here),
        `lost` the losses it declares as (bootcount, first, last).
        """
        digest, prev = digest[:SIZE], prev[:SIZE] if prev else None
        known = self._known(number, digest)
        if known:
            return known
        code = self._conflict(number, digest, prev)
        if code:
            self._remember_foreign(number, digest)
            return Outcome(code)
        highest = self.highest
        # Only now: a lower number is late whatever else is true of it.
        declared = number[1] in self.declared.get(number[0], ())
        news = self._declare(lost, number)
        outcome = self._place(number, prev, highest, declared, news)
        self._record(number, digest, prev)
        if outcome.code != "in-order" or number[1] % PER_PAGE == 0:
            self._forget()
        return outcome

    @property
    def highest(self) -> Number | None:
        """The highest number received."""
        return (self.counts[-1], self.boots[self.counts[-1]].seen.last) if self.counts else None

    def missing(self) -> list[Missing]:
        """Every range that was neither received nor declared lost, from the lowest number received on."""
        found: list[Missing] = []
        for at, count in enumerate(self.counts):
            boot = self.boots[count]
            start = boot.seen.first if at == 0 else 0
            for first, last in boot.seen.absent(start, boot.seen.last):
                found += [(count, low, high) for low, high in self._undeclared(count, first, last)]
            following = self.boots[self.counts[at + 1]] if at + 1 < len(self.counts) else None
            if following and following.named and following.root is None:
                tail = (count, boot.seen.last)
                if not self._declared_between(tail, (self.counts[at + 1], 0)):
                    found.append((count, boot.seen.last + 1, None))
        return found

    # What is this token to what is known? Each step is one rule of docs/wire.md, section 9.

    def _known(self, number: Number, digest: bytes) -> Outcome | None:
        if self.foreign.get(number) == digest:
            return Outcome("same-bytes")
        boot = self.boots.get(number[0])
        if boot and number[1] in boot.seen:
            held = boot.digests.get(number[1])
            if held is None:
                return Outcome("number-seen")
            if held == digest:
                return Outcome("same-bytes")
            self._remember_foreign(number, digest)
            return Outcome("same-number")
        if self.floor and number <= self.floor:
            return Outcome("too-old")
        return None

    def _conflict(self, number: Number, digest: bytes, prev: bytes | None) -> str | None:
        count, seq = number
        boot = self.boots.get(count)
        if boot:
            expected = boot.digests.get(seq)
            if expected and expected != digest:
                return "forked-prev"  # the token after it names another
            before = boot.digests.get(seq - 1) if seq else None
            if before and before != prev:
                return "forked-prev"
        following = self._next_boot(count)
        if following is not None:
            root = self.boots[following].root
            if root and root < number:
                return "forked-prev"  # that boot's first token says nothing came after its root
        if prev in self.named:
            return "forked-prev"  # two tokens name the same predecessor
        named_by = self.named.get(digest)
        if named_by is not None and (following != named_by or (boot and seq < boot.seen.last)):
            return "forked-prev"  # named as the last before that boot, and it is not
        if seq == 0 and prev:
            root = self._number_of(prev)
            if root and (root > number or root != self._last_before(number)):
                return "forked-prev"
        if self.foreign and self._continues_foreign(number, prev):
            return "clone-branch"
        return None

    def _continues_foreign(self, number: Number, prev: bytes | None) -> bool:
        if prev and prev in self.foreign.values():
            return True
        return number[0] not in self.boots and any(count == number[0] for count, _ in self.foreign)

    def _place(
        self, number: Number, prev: bytes | None, highest: Number | None, declared: bool, news: list[Missing]
    ) -> Outcome:
        if highest is None:
            return Outcome("gap-declared", tuple(news)) if news else Outcome("first-seen")
        if number < highest:
            lowest = (self.counts[0], self.boots[self.counts[0]].seen.first)
            if number < lowest:
                return Outcome("before-first-seen")
            return Outcome("declared-but-came" if declared else "fills-gap")
        count, seq = number
        if count == highest[0]:
            gap: Missing | None = (count, highest[1] + 1, seq - 1) if seq > highest[1] + 1 else None
        elif seq:
            gap = (count, 0, seq - 1)
        elif prev is None:
            return Outcome("chain-restarted", ((highest[0], highest[1] + 1, None),))
        elif self._number_of(prev) == highest:
            gap = None
        else:
            gap = (highest[0], highest[1] + 1, None)
        if gap is None:
            return Outcome("gap-declared", tuple(news)) if news else Outcome("in-order")
        if gap[2] is None:
            still_open = not self._declared_between(highest, number)
        else:
            still_open = bool(self._undeclared(count, gap[1], gap[2]))
        return Outcome("gap-open" if still_open else "gap-declared", (gap,))

    # Bookkeeping.

    def _record(self, number: Number, digest: bytes, prev: bytes | None) -> None:
        count, seq = number
        boot = self.boots.get(count)
        if boot is None:
            boot = self.boots[count] = Boot()
            insort(self.counts, count)
        boot.seen.add(seq)
        boot.digests.set(seq, digest)
        if seq and prev:
            boot.digests.set(seq - 1, prev)
        elif prev:
            boot.named, boot.root = prev, self._number_of(prev)
            self.named[prev] = count
        following = self._next_boot(count)
        if following is not None and self.boots[following].named == digest:
            self.boots[following].root = number

    def _declare(self, lost: Iterable[Lost], number: Number) -> list[Missing]:
        """Note declared losses; returns the parts that are new and were not received."""
        news: list[Missing] = []
        for count, first, last in lost:
            if (count, last) >= number or last < first:
                continue
            for low, high in self._undeclared(count, first, last):
                seen = self.boots[count].seen if count in self.boots else Ranges()
                news += [(count, *part) for part in seen.absent(low, high)]
            ranges = self.declared.setdefault(count, Ranges())
            ranges.add(first, last)
            if len(ranges) > MAX_RANGES:
                ranges.drop_first()
        while len(self.declared) > MAX_BOOTS:
            del self.declared[min(self.declared)]
        return news

    def _remember_foreign(self, number: Number, digest: bytes) -> None:
        self.cloned = True
        self.foreign[number] = digest
        if len(self.foreign) > MAX_FOREIGN:
            del self.foreign[next(iter(self.foreign))]

    def _forget(self) -> None:
        """Keep within the limits: the lowest numbers go first, and the floor says so."""
        ranges = sum(len(boot.seen) for boot in self.boots.values())
        while len(self.counts) > MAX_BOOTS or ranges > MAX_RANGES:
            count = self.counts[0]
            boot = self.boots[count]
            self.floor = (count, boot.seen.drop_first()[1])
            ranges -= 1
            if not boot.seen:
                self.named.pop(boot.named, None)
                del self.boots[self.counts.pop(0)]
        pages = sum(len(boot.digests) for boot in self.boots.values())
        while pages > self.max_pages:
            next(boot for count in self.counts if (boot := self.boots[count]).digests).digests.drop_first()
            pages -= 1

    def _next_boot(self, count: int) -> int | None:
        at = bisect_right(self.counts, count)
        return self.counts[at] if at < len(self.counts) else None

    def _last_before(self, number: Number) -> Number | None:
        """The highest number received in a boot before that of `number`."""
        at = bisect_left(self.counts, number[0])
        return (self.counts[at - 1], self.boots[self.counts[at - 1]].seen.last) if at else None

    def _number_of(self, digest: bytes) -> Number | None:
        # The last token of the newest boot is nearly always the one.
        for count in reversed(self.counts):
            boot = self.boots[count]
            if boot.digests.get(boot.seen.last) == digest:
                return count, boot.seen.last
        for count in reversed(self.counts):
            seq = self.boots[count].digests.find(digest)
            if seq is not None:
                return count, seq
        return None

    def _undeclared(self, count: int, first: int, last: int) -> list[tuple[int, int]]:
        ranges = self.declared.get(count)
        return ranges.absent(first, last) if ranges else [(first, last)]

    def _declared_between(self, low: Number, high: Number) -> bool:
        """Whether any loss between two numbers is declared."""
        return any(
            low < (count, last) and (count, first) < high
            for count, ranges in self.declared.items()
            for first, last in ranges
        )

    # A state file.

    def to_state(self) -> dict[str, Any]:
        """Everything, JSON-ready."""
        return {
            "boots": {
                str(count): {
                    "seen": [list(part) for part in boot.seen],
                    "digests": {str(index): encode(page) for index, page in boot.digests.pages()},
                    "named": encode(boot.named) if boot.named else None,
                    "root": boot.root,
                }
                for count, boot in self.boots.items()
            },
            "declared": {
                str(count): [list(part) for part in parts] for count, parts in self.declared.items()
            },
            "floor": self.floor,
            "foreign": [[*number, encode(digest)] for number, digest in self.foreign.items()],
            "cloned": self.cloned,
        }

    @classmethod
    def from_state(cls, state: dict[str, Any], max_pages: int = MAX_PAGES) -> "Order":
        """What `to_state` gave. Raises KeyError, TypeError or ValueError when it is something else."""
        order = cls(max_pages)
        for count, held in state["boots"].items():
            boot = Boot(Ranges((first, last) for first, last in held["seen"]))
            for index, page in held["digests"].items():
                boot.digests.restore(int(index), decode(page))
            boot.named = decode(held["named"]) if held["named"] else None
            boot.root = (held["root"][0], held["root"][1]) if held["root"] else None
            if not boot.seen:
                raise ValueError("a boot without tokens")
            order.boots[int(count)] = boot
            if boot.named:
                order.named[boot.named] = int(count)
        order.counts = sorted(order.boots)
        order.declared = {int(count): Ranges(map(tuple, parts)) for count, parts in state["declared"].items()}
        order.floor = (state["floor"][0], state["floor"][1]) if state["floor"] else None
        order.foreign = {(count, seq): decode(digest) for count, seq, digest in state["foreign"]}
        order.cloned = bool(state["cloned"])
        return order
