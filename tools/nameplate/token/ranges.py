"""A set of whole numbers kept as sorted ranges, so that millions in a row cost as much as one."""

from bisect import bisect_right
from collections.abc import Iterable, Iterator


class Ranges:
    """Sorted, disjoint, never touching ranges [first, last], both ends in the set."""

    __slots__ = ("_firsts", "_lasts")

    def __init__(self, ranges: Iterable[tuple[int, int]] = ()) -> None:
        self._firsts: list[int] = []
        self._lasts: list[int] = []
        for first, last in ranges:
            self.add(first, last)

    def __contains__(self, number: int) -> bool:
        at = bisect_right(self._firsts, number) - 1
        return at >= 0 and number <= self._lasts[at]

    def __iter__(self) -> Iterator[tuple[int, int]]:
        return zip(self._firsts, self._lasts, strict=True)

    def __len__(self) -> int:
        return len(self._firsts)

    @property
    def first(self) -> int:
        """The smallest number; IndexError when empty."""
        return self._firsts[0]

    @property
    def last(self) -> int:
        """The largest number; IndexError when empty."""
        return self._lasts[-1]

    def add(self, first: int, last: int | None = None) -> None:
        """Put in one number, or all from `first` to `last`."""
        end = first if last is None else last
        if self._lasts and first == self._lasts[-1] + 1:  # the usual case: the next in a row
            self._lasts[-1] = end
            return
        low = bisect_right(self._firsts, first) - 1
        if low < 0 or self._lasts[low] < first - 1:
            low += 1
        high = bisect_right(self._firsts, end + 1)
        if low < high:
            first, end = min(first, self._firsts[low]), max(end, self._lasts[high - 1])
        self._firsts[low:high], self._lasts[low:high] = [first], [end]

    def absent(self, first: int, last: int) -> list[tuple[int, int]]:
        """The parts of [first, last] that are not in the set."""
        gaps = []
        for low, high in self:
            if high < first:
                continue
            if low > last:
                break
            if low > first:
                gaps.append((first, low - 1))
            first = high + 1
        if first <= last:
            gaps.append((first, last))
        return gaps

    def drop_first(self) -> tuple[int, int]:
        """Take out the lowest range and return it."""
        return self._firsts.pop(0), self._lasts.pop(0)
