"""One page of ESP-IDF's non-volatile storage: header, map of entry states, 126 entries of 32 bytes.

The header holds state, sequence number, format version and a CRC; the map has two bits for each entry. An item is one
entry, or one and the data that follow it. `nvs_pages` makes a storage of the pages.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from typing import Protocol

PAGE = 4096
ENTRY = 32
ENTRIES = 126
_HEAD = 64  # header and the map of entry states

UNUSED, ACTIVE, FULL, FREEING = 0xFFFFFFFF, 0xFFFFFFFE, 0xFFFFFFFC, 0xFFFFFFF8
_VERSION = 0xFE
_EMPTY, _WRITTEN, _ERASED = 0b11, 0b10, 0b00
ANY_CHUNK = 0xFF  # of an item that is no part of a blob

ERRORS = {
    "ESP_ERR_NVS_NOT_FOUND": 0x1102,
    "ESP_ERR_NVS_NOT_ENOUGH_SPACE": 0x1105,
    "ESP_ERR_NVS_INVALID_NAME": 0x1106,
    "ESP_ERR_NVS_KEY_TOO_LONG": 0x1109,
    "ESP_ERR_NVS_INVALID_LENGTH": 0x110C,
    "ESP_ERR_NVS_NO_FREE_PAGES": 0x110D,
    "ESP_ERR_NVS_VALUE_TOO_LONG": 0x110E,
    "ESP_ERR_NVS_NEW_VERSION_FOUND": 0x1110,
}


class NvsError(Exception):
    """An IDF error by its name; `code` is what esp_err_t would be."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name
        self.code = ERRORS[name]


class FlashLike(Protocol):
    """What the storage needs of a flash chip; addresses and sizes in bytes."""

    def read(self, address: int, size: int) -> bytes: ...

    def program(self, address: int, data: bytes) -> None: ...

    def erase(self, address: int, size: int) -> None: ...


def crc(data: bytes) -> int:
    return zlib.crc32(data, 0xFFFFFFFF)


@dataclass(frozen=True)
class Item:
    namespace: int
    type: int
    span: int
    chunk: int
    key: bytes
    data: bytes  # the entry's own 8 bytes

    def packed(self) -> bytes:
        head = bytes((self.namespace, self.type, self.span, self.chunk))
        rest = self.key.ljust(16, b"\0") + self.data
        return head + struct.pack("<I", crc(head + rest)) + rest

    def same(self, namespace: int, kind: int, key: bytes, chunk: int) -> bool:
        return (self.namespace, self.type, self.key, self.chunk) == (namespace, kind, key, chunk)


def _parse(raw: bytes) -> Item | None:
    """The item in an entry, or None when its CRC is wrong."""
    if struct.unpack_from("<I", raw, 4)[0] != crc(raw[:4] + raw[8:]):
        return None
    item = Item(raw[0], raw[1], raw[2], raw[3], raw[8:24].rstrip(b"\0"), raw[24:])
    return item if 1 <= item.span <= ENTRIES else None


class Page:
    """One page: a picture of it in memory, written through to the flash."""

    def __init__(self, flash: FlashLike, address: int) -> None:
        self._flash = flash
        self._address = address
        self._raw = bytearray(flash.read(address, PAGE))
        self.items: dict[int, Item] = {}  # entry number -> item
        self.next_free = ENTRIES
        self.state, self.number, version = struct.unpack_from("<IIB", self._raw)
        if self.state == UNUSED and self._raw.count(0xFF) == PAGE:
            self.next_free = 0
        elif self.state not in (ACTIVE, FULL, FREEING) or crc(bytes(self._raw[4:28])) != self._head_crc():
            self.state = None  # corrupt: erased when a free page is wanted
        elif version < _VERSION:  # versions count down
            raise NvsError("ESP_ERR_NVS_NEW_VERSION_FOUND")
        else:
            self._load()

    def _head_crc(self) -> int:
        return int(struct.unpack_from("<I", self._raw, 28)[0])

    def _program(self, offset: int, data: bytes) -> None:
        self._flash.program(self._address + offset, data)
        old = int.from_bytes(self._raw[offset : offset + len(data)])
        self._raw[offset : offset + len(data)] = (old & int.from_bytes(data)).to_bytes(len(data))

    def entry_state(self, entry: int) -> int:
        return self._raw[32 + entry // 4] >> entry % 4 * 2 & 3

    def _mark(self, first: int, count: int, state: int) -> None:
        """Set entry states, one program for each 32-bit word of the map, as IDF does."""
        for word in range(first // 16, (first + count - 1) // 16 + 1):
            value = int(struct.unpack_from("<I", self._raw, 32 + word * 4)[0])
            for entry in range(max(first, word * 16), min(first + count, word * 16 + 16)):
                value &= ~(3 << entry % 16 * 2) | state << entry % 16 * 2
            self._program(32 + word * 4, struct.pack("<I", value))

    def _entry(self, number: int) -> bytes:
        return bytes(self._raw[_HEAD + number * ENTRY : _HEAD + (number + 1) * ENTRY])

    def _load(self) -> None:
        """Read the items; what a power cut left half written is marked erased."""
        self.next_free = ENTRIES
        for entry in range(ENTRIES):
            if self.entry_state(entry) == _EMPTY:
                self.next_free = entry
                break
        while self.next_free < ENTRIES and self._entry(self.next_free) != b"\xff" * ENTRY:
            self._mark(self.next_free, 1, _ERASED)  # written, but power failed before the map said so
            self.next_free += 1
        entry = 0
        while entry < self.next_free:
            if self.entry_state(entry) != _WRITTEN:
                entry += 1
                continue
            item = _parse(self._entry(entry))
            if item is None:
                self._mark(entry, 1, _ERASED)
                entry += 1
                continue
            whole = entry + item.span <= self.next_free and all(
                self.entry_state(part) == _WRITTEN for part in range(entry, entry + item.span)
            )
            if not whole:
                self._mark(entry, min(item.span, self.next_free - entry), _ERASED)
                entry += min(item.span, self.next_free - entry)
                continue
            older = self.find(item.namespace, item.type, item.key, item.chunk)
            if older is not None:
                self.forget(older)
            self.items[entry] = item
            entry += item.span

    def activate(self, number: int) -> None:
        head = struct.pack("<IB", number, _VERSION) + b"\xff" * 19
        self._program(0, struct.pack("<I", ACTIVE) + head + struct.pack("<I", crc(head)))
        self.state, self.number, self.next_free = ACTIVE, number, 0

    def set_state(self, state: int) -> None:
        self._program(0, struct.pack("<I", state))
        self.state = state

    def erase(self) -> None:
        self._flash.erase(self._address, PAGE)
        self._raw = bytearray(b"\xff" * PAGE)
        self.items = {}
        self.state, self.next_free = UNUSED, 0

    @property
    def erased_entries(self) -> int:
        return self.next_free - sum(item.span for item in self.items.values())

    @property
    def room_for_data(self) -> int:
        """Bytes of variable length data that one item can still take on this page."""
        return max(0, (ENTRIES - self.next_free - 1) * ENTRY) if self.state == ACTIVE else 0

    def find(self, namespace: int, kind: int, key: bytes, chunk: int) -> int | None:
        return next((at for at, item in self.items.items() if item.same(namespace, kind, key, chunk)), None)

    def value(self, entry: int) -> bytes | None:
        """The data of a chunk, or None when its CRC is wrong."""
        size, _, wanted = struct.unpack("<HHI", self.items[entry].data)
        start = _HEAD + (entry + 1) * ENTRY
        data = bytes(self._raw[start : start + size])
        return data if crc(data) == wanted else None

    def write(self, item: Item, data: bytes = b"") -> None:
        """Append an item and its data; the caller has seen that there is room."""
        at = self.next_free
        self._append(item.packed())
        whole = len(data) // ENTRY * ENTRY
        if whole:
            self._append(data[:whole])
        if len(data) > whole:
            self._append(data[whole:].ljust(ENTRY, b"\xff"))
        self.items[at] = item

    def _append(self, raw: bytes) -> None:
        self._program(_HEAD + self.next_free * ENTRY, raw)
        self._mark(self.next_free, len(raw) // ENTRY, _WRITTEN)
        self.next_free += len(raw) // ENTRY

    def forget(self, entry: int) -> None:
        item = self.items.pop(entry)
        self._mark(entry, item.span, _ERASED)

    def copy(self, entry: int, to: Page) -> None:
        item = self.items[entry]
        start = _HEAD + (entry + 1) * ENTRY
        raw = bytes(self._raw[start : start + (item.span - 1) * ENTRY])
        to.write(item, raw)
