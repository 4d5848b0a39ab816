"""The digests of one boot's tokens by number: 8 bytes a token, in pages, so that weeks fit in memory.

Eight of the twelve bytes that travel are kept. Two different tokens share them once in 2**64, and then a clone is
missed, never an honest unit accused.
"""

from collections.abc import Iterator

SIZE = 8
PER_PAGE = 128
_EMPTY = bytes(SIZE)


class Digests:
    """What is known of the digest of each number: from the token itself, or from the token that names it."""

    __slots__ = ("_pages",)

    def __init__(self) -> None:
        self._pages: dict[int, bytearray] = {}

    def get(self, seq: int) -> bytes | None:
        """The digest of `seq`, or None when it is not known (any more)."""
        page = self._pages.get(seq // PER_PAGE)
        if page is None:
            return None
        at = seq % PER_PAGE * SIZE
        found = bytes(page[at : at + SIZE])
        return None if found == _EMPTY else found

    def set(self, seq: int, digest: bytes) -> None:
        """Remember the digest of `seq`."""
        page = self._pages.get(seq // PER_PAGE)
        if page is None:
            page = self._pages[seq // PER_PAGE] = bytearray(PER_PAGE * SIZE)
        at = seq % PER_PAGE * SIZE
        page[at : at + SIZE] = digest

    def find(self, digest: bytes) -> int | None:
        """The number that has this digest, or None."""
        for index, page in self._pages.items():
            at = page.find(digest)
            while at >= 0:
                if at % SIZE == 0:
                    return index * PER_PAGE + at // SIZE
                at = page.find(digest, at + 1)
        return None

    def __len__(self) -> int:
        """How many pages are held."""
        return len(self._pages)

    def drop_first(self) -> None:
        """Forget the page of the lowest numbers."""
        if self._pages:
            del self._pages[min(self._pages)]

    def pages(self) -> Iterator[tuple[int, bytes]]:
        """(page index, bytes) of every page, for a state file."""
        for index, page in self._pages.items():
            yield index, bytes(page)

    def restore(self, index: int, data: bytes) -> None:
        """Put back a page that `pages` gave. Raises ValueError when it has another size."""
        if len(data) != PER_PAGE * SIZE:
            raise ValueError("a page of digests of another size")
        self._pages[index] = bytearray(data)
