"""Where on flash an image file goes and what lies where in it: read from the file itself, whatever made it.

A plain image begins at flash address 0 and has no program of the chip. One over a base begins where the base's chip
looks for its bootloader, which the ESP image header at its start says. Both end with the flash.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from nameplate.factory import partitions
from nameplate.factory.base_chips import FLASH_SIZES, megabytes
from nameplate.factory.base_image import HEADER_SIZE, MAGIC, NotAnImage, read_header, read_image
from nameplate.factory.partitions import Partition
from nameplate.factory.refused import Refused

HINT = "give a file made by `nameplate factory image` or `nameplate factory provision`"
_LITTLEFS = b"littlefs"


@dataclass(frozen=True)
class Region:
    """One part of the flash. `used` is how many of its bytes hold something, where that can be told; 0: erased."""

    name: str
    what: str
    address: int
    size: int
    used: int | None = None

    @property
    def end(self) -> int:
        return self.address + self.size


@dataclass(frozen=True)
class Layout:
    """An image file of `size` bytes is to be written at flash `address`, as it is, to a `chip` with that much flash.

    `chip` is None for an image without a base: nothing in it would start on a chip. `to_the_end` says that MicroPython
    finds the file system by the flash chip's real size, which must then be `flash_size` exactly; otherwise a larger
    flash serves too.
    """

    chip: str | None
    address: int
    size: int
    flash_size: int
    to_the_end: bool
    partitions: tuple[Partition, ...]
    regions: tuple[Region, ...]

    def span(self, name: str) -> slice:
        """Where the bytes of a partition are in the file. Raises ValueError when the table has no such one."""
        for row in self.partitions:
            if row.name == name:
                return slice(row.offset - self.address, row.end - self.address)
        raise ValueError(f"the partition table has no {name}")


def read(path: Path) -> Layout:
    """The layout of an image or a unit file. Raises Refused when it is none, and OSError when it cannot be read."""
    try:
        if path.stat().st_size > FLASH_SIZES[-1]:
            raise ValueError(f"it has {path.stat().st_size} bytes, more than any flash")
        return of(path.read_bytes())
    except ValueError as error:
        raise Refused(f"{path} is not a Nameplate image: {error}", HINT) from error


def start(head: bytes) -> tuple[str | None, int]:
    """The chip (None without a base) and the flash address of a file that begins with `head`. Raises ValueError."""
    if head[:1] != bytes([MAGIC]):
        return None, 0
    header = read_header(head[:HEADER_SIZE])
    if header.chip is None:
        raise NotAnImage(f"its program is for an unknown chip, number {header.chip_id:#x}")
    return header.chip.name, header.chip.address


def of(data: bytes, files_bytes: int | None = None) -> Layout:
    """The layout of an image file's bytes; `files_bytes` is what its files take, where the caller knows it.

    Raises ValueError, in words, when it is no image of ours.
    """
    chip, address = start(data)
    flash_size = address + len(data)
    if flash_size not in FLASH_SIZES:
        raise ValueError(f"it has {len(data)} bytes, an image ends with the flash")
    table = data[partitions.TABLE_OFFSET - address :][: partitions.TABLE_SIZE]
    rows = partitions.read_table(table)
    partitions.check_table(rows, flash_size)
    if chip is None and rows != partitions.LAYOUT:
        raise ValueError("its partition table is not ours")
    to_the_end = not partitions.has_vfs(rows)
    rows = partitions.with_vfs(rows, flash_size)
    made = Layout(chip, address, len(data), flash_size, to_the_end, rows, ())
    files = data[made.span("vfs")]
    if _LITTLEFS not in (files[8:16], files[partitions.SECTOR + 8 : partitions.SECTOR + 16]):
        raise ValueError("it has no file system")
    return replace(made, regions=tuple(_regions(made, data, files_bytes)))


def _regions(made: Layout, data: bytes, files_bytes: int | None) -> list[Region]:
    boot = partitions.TABLE_OFFSET - made.address
    size = made.flash_size
    found = [
        Region("bootloader", "starts MicroPython", made.address, boot, _image_bytes(data[:boot])),
        Region(
            "table", f"partitions of a {megabytes(size)} flash", partitions.TABLE_OFFSET, partitions.SECTOR
        ),
    ]
    for row in sorted(made.partitions, key=lambda row: row.offset):
        content = data[made.span(row.name)]
        used: int | None = _sectors(content)
        if row.type == partitions.APP:
            used = _image_bytes(content)
        elif row.name == "vfs":
            used = files_bytes
        found.append(Region(row.name, _what(row, made.to_the_end), row.offset, row.size, used))
    return found


def _what(row: Partition, to_the_end: bool) -> str:
    if row.type == partitions.APP:
        return "MicroPython" if row.subtype in (0x00, 0x10) else "room for another program"
    if row.name == "vfs":
        return "the agent, twice, and its data (littlefs)" + (", to the flash's end" if to_the_end else "")
    words = {
        "nvs": "identity, key, settings",
        "otadata": "which program starts",
        "phy_init": "the radio's data",
    }
    return words.get(row.name, "the base's own data")


def _image_bytes(content: bytes) -> int | None:
    """The length of the program at the start of a region; 0 where it is erased, None where it is something else."""
    if _sectors(content) == 0:
        return 0
    try:
        return len(read_image(content).data)
    except NotAnImage:
        return None


def _sectors(content: bytes) -> int:
    """The bytes in sectors that are not erased."""
    step = partitions.SECTOR
    blank = b"\xff" * step
    return sum(
        step for at in range(0, len(content), step) if content[at : at + step] != blank[: len(content) - at]
    )
