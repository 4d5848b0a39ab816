"""ESP-IDF's image format, as bootloader and application have it: header, segments, checksum, SHA-256.

Everything here reads bytes that somebody downloaded: every length is checked before it is used.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field

from nameplate.factory.base_chips import CHIPS, FLASH_SIZES, Chip

MAGIC = 0xE9
HEADER_SIZE = 24
APP_MAGIC = b"\x32\x54\xcd\xab"
_APP_DESCRIPTOR = 32  # behind the header and the first segment's own header
_SEGMENT = struct.Struct("<II")
_SEGMENTS_MOST = 16
_CHECKSUM_START = 0xEF


class NotAnImage(ValueError):
    """The bytes are no ESP image, or a part or a damaged copy of one; the text says which."""


@dataclass(frozen=True)
class Header:
    """What an image's header says. `chip` is None for a number that is not in the table."""

    chip_id: int
    chip: Chip | None
    segments: int
    flash_size: int
    hashed: bool


@dataclass(frozen=True)
class EspImage:
    """One whole image: its bytes, its length with checksum and hash, and its segments as (load address, bytes)."""

    header: Header
    data: bytes = field(repr=False)
    segments: tuple[tuple[int, bytes], ...] = field(repr=False)

    @property
    def is_app(self) -> bool:
        return is_app(self.data)

    def at(self, address: int, size: int) -> bytes:
        """`size` bytes as the program sees them at `address`; fewer where its segment ends, none where there is none."""
        for start, content in self.segments:
            if start <= address < start + len(content):
                return content[address - start : address - start + size]
        return b""

    def find(self, wanted: bytes) -> Iterator[int]:
        """The addresses at which the program has `wanted`."""
        for start, content in self.segments:
            at = content.find(wanted)
            while at >= 0:
                yield start + at
                at = content.find(wanted, at + 1)


def is_app(data: bytes) -> bool:
    """Whether an image is an application: the first thing in one is its descriptor."""
    return data[_APP_DESCRIPTOR : _APP_DESCRIPTOR + 4] == APP_MAGIC


def read_header(data: bytes) -> Header:
    """The header at the start of `data`. Raises NotAnImage."""
    if len(data) < HEADER_SIZE:
        raise NotAnImage("it is too short for an ESP image")
    if data[0] != MAGIC:
        raise NotAnImage(f"it does not start as an ESP image (0xE9) but with 0x{data[0]:02X}")
    segments, sizes = data[1], data[3] >> 4
    if not 0 < segments <= _SEGMENTS_MOST:
        raise NotAnImage(f"its header counts {segments} segments")
    if sizes >= len(FLASH_SIZES):
        raise NotAnImage(f"its header has the unknown flash size {sizes}")
    (chip_id,) = struct.unpack_from("<H", data, 12)
    return Header(chip_id, CHIPS.get(chip_id), segments, FLASH_SIZES[sizes], data[23] == 1)


def read_image(data: bytes) -> EspImage:
    """The image at the start of `data`, whose checksum and SHA-256 hold. Raises NotAnImage."""
    header = read_header(data)
    at = HEADER_SIZE
    checksum = _CHECKSUM_START
    segments = []
    for _ in range(header.segments):
        if at + _SEGMENT.size > len(data):
            raise NotAnImage("it ends before its last segment")
        address, size = _SEGMENT.unpack_from(data, at)
        at += _SEGMENT.size
        if size > len(data) - at:
            raise NotAnImage(f"a segment of {size} bytes ends behind the file's {len(data)}")
        content = data[at : at + size]
        at += size
        checksum ^= _xor(content)
        segments.append((address, content))
    at = (at + 16) & ~15  # the checksum is the last byte of a block of 16
    if at > len(data):
        raise NotAnImage("it ends before its checksum")
    if data[at - 1] != checksum:
        raise NotAnImage("its checksum does not match")
    if header.hashed:
        if at + 32 > len(data):
            raise NotAnImage("it ends before its SHA-256")
        if hashlib.sha256(data[:at]).digest() != data[at : at + 32]:
            raise NotAnImage("its SHA-256 does not match")
        at += 32
    return EspImage(header, data[:at], tuple(segments))


def _xor(content: bytes) -> int:
    """All bytes combined by exclusive or, halving a large integer instead of walking the bytes."""
    size = len(content)
    value = int.from_bytes(content, "big")
    while size > 1:
        half = (size + 1) // 2
        value = (value >> half * 8) ^ (value & ((1 << half * 8) - 1))
        size = half
    return value
