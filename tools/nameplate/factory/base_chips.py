"""The chips that ESP images name in their header, and where on flash each chip's boot ROM looks for the bootloader."""

from __future__ import annotations

from dataclasses import dataclass

TABLE_ADDRESS = 0x8000
MEBIBYTE = 1 << 20
# What the header's flash size nibble means; larger flash is on no board that MicroPython is built for.
FLASH_SIZES = tuple(MEBIBYTE << nibble for nibble in range(6))


@dataclass(frozen=True)
class Chip:
    """`id` is the header's chip_id, `address` where on flash its image begins, `board` MicroPython's plain build for it."""

    id: int
    name: str
    address: int
    board: str


CHIPS = {
    chip.id: chip
    for chip in (
        Chip(0x00, "esp32", 0x1000, "ESP32_GENERIC"),
        Chip(0x02, "esp32s2", 0x1000, "ESP32_GENERIC_S2"),
        Chip(0x05, "esp32c3", 0x0, "ESP32_GENERIC_C3"),
        Chip(0x09, "esp32s3", 0x0, "ESP32_GENERIC_S3"),
        Chip(0x0C, "esp32c2", 0x0, "ESP32_GENERIC_C2"),
        Chip(0x0D, "esp32c6", 0x0, "ESP32_GENERIC_C6"),
    )
}
BY_NAME = {chip.name: chip for chip in CHIPS.values()}


def megabytes(size: int) -> str:
    """A flash size as it is printed on modules and asked for by `--flash-size`: 4MB."""
    return f"{size // MEBIBYTE}MB"
