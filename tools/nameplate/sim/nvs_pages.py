"""ESP-IDF's non-volatile storage, on its real pages (format version 2), as far as MicroPython uses it: i32 and blob.

A partition is a log of pages. A value is written anew and the old one marked erased after it, so a power cut leaves the
old or the new; a blob is a run of data chunks and one index entry that makes them valid. When pages run out, the page
with most erased entries is copied to the one that is always kept free, and erased.

Every program and erase goes through `Storage`'s flash, so it is counted and may be the one at which power fails.
"""

from __future__ import annotations

import struct

from nameplate.sim.nvs_page import (
    ACTIVE,
    ANY_CHUNK,
    ENTRIES,
    ENTRY,
    FREEING,
    FULL,
    PAGE,
    UNUSED,
    FlashLike,
    Item,
    NvsError,
    Page,
    crc,
)

__all__ = ["PAGE", "NvsError", "Storage"]

KEY_MOST = 15
_CHUNK_MOST = ENTRY * (ENTRIES - 1)
_U8, _I32, _BLOB_DATA, _BLOB_INDEX = 0x01, 0x14, 0x42, 0x48
_SECOND_RUN = 0x80  # a blob's chunks are numbered from 0, and from 0x80 when it is next written, in turn


class Storage:
    """The values of one partition. Raises NvsError with IDF's names, and whatever the flash raises."""

    def __init__(self, flash: FlashLike, offset: int, size: int) -> None:
        self._flash = flash
        self._offset = offset
        self._size = size
        self._load()

    @classmethod
    def at_boot(cls, flash: FlashLike, offset: int, size: int) -> Storage:
        """As MicroPython's start-up does it: a partition without a free page, or of a later format, is wiped."""
        try:
            return cls(flash, offset, size)
        except NvsError:
            flash.erase(offset, size)
            return cls(flash, offset, size)

    def _load(self) -> None:
        pages = [Page(self._flash, self._offset + start) for start in range(0, self._size, PAGE)]
        self._pages = sorted(
            (page for page in pages if page.state in (ACTIVE, FULL, FREEING)), key=lambda page: page.number
        )
        self._free = [page for page in pages if page not in self._pages]
        self._drop_older_of_last()
        freeing = next((page for page in self._pages if page.state == FREEING), None)
        if freeing is not None:  # power failed while this page was being copied: do it again
            if self._pages[-1].state == ACTIVE:
                half = self._pages.pop()
                half.erase()
                self._free.append(half)
            self._activate()
            self._move(freeing)
        if not self._free:
            raise NvsError("ESP_ERR_NVS_NO_FREE_PAGES")
        if not self._pages:
            self._activate()
        self._namespaces = {
            item.key.decode("latin-1"): item.data[0]
            for page in self._pages
            for item in page.items.values()
            if item.namespace == 0 and item.type == _U8
        }
        self._drop_orphans()

    def _drop_older_of_last(self) -> None:
        """The newest item may have been written without its older self being marked erased yet."""
        if not self._pages or not self._pages[-1].items:
            return
        newest = self._pages[-1].items[max(self._pages[-1].items)]
        for page in self._pages[:-1]:
            if page.state != FREEING:
                entry = page.find(newest.namespace, newest.type, newest.key, newest.chunk)
                if entry is not None:
                    page.forget(entry)
                    return

    def _drop_orphans(self) -> None:
        """Chunks without a valid index are what is left of a blob whose writing was cut."""
        wanted = set()
        for page in self._pages:
            for item in page.items.values():
                if item.type == _BLOB_INDEX:
                    count, start = item.data[4], item.data[5]
                    wanted |= {(item.namespace, item.key, start + part) for part in range(count)}
        for page in self._pages:
            for entry, item in list(page.items.items()):
                if item.type == _BLOB_DATA and (item.namespace, item.key, item.chunk) not in wanted:
                    page.forget(entry)

    def _activate(self) -> None:
        page = self._free.pop(0)
        if page.state != UNUSED:
            page.erase()
        page.activate(self._pages[-1].number + 1 if self._pages else 0)
        self._pages.append(page)

    def _next_page(self) -> None:
        """A new page to write on; one stays free for the next clean-up."""
        if len(self._free) >= 2:
            self._activate()
            return
        worst = max(self._pages, key=lambda page: page.erased_entries)
        if worst.erased_entries == 0:
            raise NvsError("ESP_ERR_NVS_NOT_ENOUGH_SPACE")
        self._activate()
        worst.set_state(FREEING)
        self._move(worst)

    def _move(self, page: Page) -> None:
        for entry in sorted(page.items):
            page.copy(entry, self._pages[-1])
        page.erase()
        self._pages.remove(page)
        self._free.append(page)

    def _close_page(self) -> None:
        if self._pages[-1].state == ACTIVE:
            self._pages[-1].set_state(FULL)
        self._next_page()

    def _find(self, namespace: int, kind: int, key: bytes, chunk: int = ANY_CHUNK) -> tuple[Page, int] | None:
        for page in self._pages:
            entry = page.find(namespace, kind, key, chunk)
            if entry is not None:
                return page, entry
        return None

    def _write(self, item: Item, data: bytes = b"") -> None:
        if self._pages[-1].state != ACTIVE or self._pages[-1].next_free + item.span > ENTRIES:
            self._close_page()
        if self._pages[-1].next_free + item.span > ENTRIES:
            raise NvsError("ESP_ERR_NVS_NOT_ENOUGH_SPACE")
        self._pages[-1].write(item, data)

    @staticmethod
    def _name(text: str) -> bytes:
        raw = text.encode()
        if len(raw) > KEY_MOST:
            raise NvsError("ESP_ERR_NVS_KEY_TOO_LONG")
        return raw

    def open(self, namespace: str) -> int:
        """The number of a namespace, which is made when it is new."""
        name = self._name(namespace)
        if not name:
            raise NvsError("ESP_ERR_NVS_INVALID_NAME")
        if namespace not in self._namespaces:
            number = next(free for free in range(1, 255) if free not in self._namespaces.values())
            data = bytes((number,)) + b"\xff" * 7
            self._write(Item(0, _U8, 1, ANY_CHUNK, name, data))
            self._namespaces[namespace] = number
        return self._namespaces[namespace]

    def get_i32(self, namespace: int, key: str) -> int:
        found = self._find(namespace, _I32, self._name(key))
        if found is None:
            raise NvsError("ESP_ERR_NVS_NOT_FOUND")
        return int(struct.unpack_from("<i", found[0].items[found[1]].data)[0])

    def set_i32(self, namespace: int, key: str, value: int) -> None:
        name = self._name(key)
        data = struct.pack("<i", value) + b"\xff" * 4
        old = self._find(namespace, _I32, name)
        if old is not None and old[0].items[old[1]].data == data:
            return
        self._write(Item(namespace, _I32, 1, ANY_CHUNK, name, data))
        self._forget_older(namespace, _I32, name)

    def _forget_older(self, namespace: int, kind: int, key: bytes) -> None:
        """Mark all but the newest of an item erased."""
        found = [
            (page, entry)
            for page in self._pages
            for entry, item in page.items.items()
            if item.same(namespace, kind, key, ANY_CHUNK)
        ]
        for page, entry in sorted(found, key=lambda at: (at[0].number, at[1]))[:-1]:
            page.forget(entry)

    def get_blob(self, namespace: int, key: str) -> bytes:
        name = self._name(key)
        found = self._find(namespace, _BLOB_INDEX, name)
        if found is None:
            raise NvsError("ESP_ERR_NVS_NOT_FOUND")
        size, count, start = struct.unpack_from("<IBB", found[0].items[found[1]].data)
        data = b""
        for part in range(count):
            at = self._find(namespace, _BLOB_DATA, name, start + part)
            chunk = at[0].value(at[1]) if at else None
            if chunk is None:
                raise NvsError("ESP_ERR_NVS_NOT_FOUND")
            data += chunk
        if len(data) != size:
            raise NvsError("ESP_ERR_NVS_NOT_FOUND")
        return data

    def set_blob(self, namespace: int, key: str, value: bytes) -> None:
        name = self._name(key)
        if len(value) > (self._size // PAGE - 1) * _CHUNK_MOST:
            raise NvsError("ESP_ERR_NVS_VALUE_TOO_LONG")
        old = self._find(namespace, _BLOB_INDEX, name)
        start = 0
        if old is not None:
            try:
                if self.get_blob(namespace, key) == value:
                    return
            except NvsError:
                pass  # damaged: to be replaced
            old_start = old[0].items[old[1]].data[5]
            start = 0 if old_start else _SECOND_RUN
        try:
            count = self._write_chunks(namespace, name, value, start)
            index = struct.pack("<IBB", len(value), count, start) + b"\xff\xff"
            self._write(Item(namespace, _BLOB_INDEX, 1, ANY_CHUNK, name, index))
        except NvsError:
            self._forget_chunks(namespace, name, start)
            raise
        if old is not None:
            self._forget_older(namespace, _BLOB_INDEX, name)
            self._forget_chunks(namespace, name, _SECOND_RUN - start)

    def _write_chunks(self, namespace: int, key: bytes, value: bytes, start: int) -> int:
        count = 0
        rest = value
        while True:
            room = self._pages[-1].room_for_data
            if count == 0 and room < len(rest) and room < _CHUNK_MOST // 10:
                self._close_page()  # not worth a splinter
                room = self._pages[-1].room_for_data
            if not room and rest:
                raise NvsError("ESP_ERR_NVS_NOT_ENOUGH_SPACE")
            chunk, rest = rest[:room], rest[room:]
            data = struct.pack("<HHI", len(chunk), 0xFFFF, crc(chunk))
            span = 1 + (len(chunk) + ENTRY - 1) // ENTRY
            self._write(Item(namespace, _BLOB_DATA, span, start + count, key, data), chunk)
            count += 1
            if rest or room - len(chunk) < ENTRY:
                self._close_page()
            if not rest:
                return count

    def _forget_chunks(self, namespace: int, key: bytes, start: int) -> None:
        for page in self._pages:
            for entry, item in list(page.items.items()):
                if (item.namespace, item.type, item.key) == (namespace, _BLOB_DATA, key) and (
                    item.chunk & _SECOND_RUN
                ) == start:
                    page.forget(entry)

    def erase_key(self, namespace: int, key: str) -> None:
        name = self._name(key)
        index = self._find(namespace, _BLOB_INDEX, name)
        number = self._find(namespace, _I32, name)
        if index is None and number is None:
            raise NvsError("ESP_ERR_NVS_NOT_FOUND")
        for found in (index, number):
            if found is not None:
                found[0].forget(found[1])
        if index is not None:
            self._forget_chunks(namespace, name, 0)
            self._forget_chunks(namespace, name, _SECOND_RUN)

    def contents(self) -> dict[str, dict[str, int | bytes]]:
        """Every i32 and blob by namespace and key."""
        names = {number: name for name, number in self._namespaces.items()}
        found: dict[str, dict[str, int | bytes]] = {name: {} for name in self._namespaces}
        for page in self._pages:
            for item in page.items.values():
                key = item.key.decode("latin-1")
                if item.namespace in names and item.type == _I32:
                    found[names[item.namespace]][key] = int(struct.unpack_from("<i", item.data)[0])
                elif item.namespace in names and item.type == _BLOB_INDEX:
                    found[names[item.namespace]][key] = self.get_blob(item.namespace, key)
        return found
