"""MicroPython builds as their project publishes them, made for tests: headers, tables, descriptors, strings and sizes of real
ones, and no program that would run."""

from __future__ import annotations

import hashlib
import struct
from dataclasses import dataclass, field, replace
from functools import reduce
from operator import xor

from nameplate.factory.partitions import Partition, write_table

MIB = 1 << 20
_DROM = 0x3F400020  # where an ESP32's program sees its constants
_APP_DESCRIPTOR = struct.Struct("<IIII32s32s16s16s32s32s80s")
_TUPLE, _STR = 0x3FFB1234, 0x3FFB5678  # the types of objects; any addresses

NVS = Partition("nvs", 1, 2, 0x9000, 0x6000)
PHY = Partition("phy_init", 1, 1, 0xF000, 0x1000)
FACTORY = Partition("factory", 0, 0, 0x10000, 0x1F0000)
VFS_4M = Partition("vfs", 1, 0x81, 0x200000, 0x200000)
VFS_8M = Partition("vfs", 1, 0x81, 0x200000, 0x600000)
OTA = (
    Partition("nvs", 1, 2, 0x9000, 0x4000),
    Partition("otadata", 1, 0, 0xD000, 0x2000),
    PHY,
    Partition("ota_0", 0, 0x10, 0x10000, 0x180000),
    Partition("ota_1", 0, 0x11, 0x190000, 0x180000),
)
VFS_OTA = Partition("vfs", 1, 0x81, 0x310000, 0xF0000)


def esp_image(
    chip_id: int, segments: list[tuple[int, bytes]], flash_size: int = 4 * MIB, hashed: bool = True
) -> bytes:
    """An ESP image with its checksum, and its SHA-256 unless `hashed` is off."""
    sizes = (flash_size // MIB).bit_length() - 1
    header = struct.pack("<4BI", 0xE9, len(segments), 2, sizes << 4, 0x40080000)
    header += struct.pack("<BBBBHBHH4xB", 0xEE, 0, 0, 0, chip_id, 0, 0, 0, hashed)
    body = b"".join(struct.pack("<II", address, len(content)) + content for address, content in segments)
    checksum = reduce(xor, (reduce(xor, content, 0) for _, content in segments), 0xEF)
    whole = header + body
    whole += bytes(15 - len(whole) % 16) + bytes([checksum])
    return whole + hashlib.sha256(whole).digest() if hashed else whole


@dataclass(frozen=True)
class Build:
    """One build; `program_size` is about what the real one's has."""

    chip_id: int = 0
    address: int = 0x1000
    rows: tuple[Partition, ...] = (NVS, PHY, FACTORY, VFS_4M)
    release: tuple[int, int, int] = (1, 23, 0)
    suffix: str = ""
    date: str = "2024-06-02"
    machine: str = "Generic ESP32 module with ESP32"
    board: str | None = None
    mpy: tuple[int, int] = (6, 3)
    umqtt: bool = True
    banner: bool = True
    implementation: bool = True
    flash_size: int = 4 * MIB
    program_size: int = 1_672_800
    program_chip: int | None = None
    extra: bytes = field(default=b"", repr=False)

    def but(self, **changes: object) -> Build:
        return replace(self, **changes)  # type: ignore[arg-type]

    def bootloader(self) -> bytes:
        return esp_image(
            self.chip_id, [(0x3FFF0030, bytes(16000)), (0x40078000, bytes(7000))], self.flash_size
        )

    def program(self) -> bytes:
        """The application: descriptor, strings and sys.implementation first, then what stands for code."""
        constants = self._constants()
        code = bytes(self.program_size - len(constants) - 96)
        segments = [(_DROM, constants), (0x400D0020, code)]
        chip = self.chip_id if self.program_chip is None else self.program_chip
        return esp_image(chip, segments, self.flash_size)

    def file(self) -> bytes:
        """The file that is published for a first installation."""
        whole = self.bootloader().ljust(0x8000 - self.address, b"\xff") + write_table(self.rows)
        start = min(row.offset for row in self.rows if row.type == 0)
        return whole.ljust(start - self.address, b"\xff") + self.program()

    def _constants(self) -> bytes:
        major, minor, micro = self.release
        version = f"v{major}.{minor}.{micro}{self.suffix}"
        data = bytearray(
            _APP_DESCRIPTOR.pack(
                0xABCD5432, 0, 0, 0, b"", b"", b"06:51:35", b"Jun  2 2024", b"v5.0.4", bytes(32), bytes(80)
            )
        )

        def add(content: bytes) -> int:
            data.extend(bytes(-len(data) % 4))
            data.extend(content)
            return _DROM + len(data) - len(content)

        def text(words: str) -> int:
            where = add(words.encode() + b"\0")
            return add(struct.pack("<4I", _STR, 0x1234, len(words), where))

        if self.banner:
            banner = f"MicroPython {version} on {self.date}"
            add(f"3.4.0; {banner}\0".encode())
            add(f"{banner}; {self.machine}\0".encode())
        add(b"umqtt/robust.py\0" + (b"umqtt/simple.py\0" if self.umqtt else b""))
        if self.implementation:
            numbers = [2 * number + 1 for number in self.release]
            release = add(struct.pack("<6I", _TUPLE, 4, *numbers, 0x0A))
            mpy = self.mpy[0] | (self.mpy[1] | 10 << 2) << 8
            items = [0x1F2, release, text(self.machine), 2 * mpy + 1]
            if self.board:
                items.append(text(self.board))
            add(struct.pack(f"<{2 + len(items)}I", _TUPLE, len(items), *items))
        add(self.extra)
        data.extend(bytes(-len(data) % 16))
        return bytes(data)


ESP32 = Build()
C3 = Build(
    chip_id=5,
    address=0,
    rows=(NVS, PHY, FACTORY),
    release=(1, 27, 0),
    date="2025-12-09",
    machine="ESP32C3 module with ESP32C3",
    board="ESP32_GENERIC_C3",
    program_size=1_659_184,
)
S3_OLD = Build(
    chip_id=9,
    address=0,
    rows=(NVS, PHY, FACTORY, VFS_8M),
    machine="Generic ESP32S3 module with ESP32S3",
    flash_size=8 * MIB,
    program_size=1_580_000,
)
S3 = C3.but(chip_id=9, machine="Generic ESP32S3 module with ESP32S3", board="ESP32_GENERIC_S3")
OTA_OLD = ESP32.but(rows=(*OTA, VFS_OTA), program_size=1_560_000)
OTA_NEW = ESP32.but(rows=OTA, release=(1, 27, 0), board="ESP32_GENERIC-OTA", program_size=1_560_000)
SMALL = C3.but(
    rows=(NVS, PHY, Partition("factory", 0, 0, 0x10000, 0x160000)), flash_size=2 * MIB, program_size=1_300_000
)
