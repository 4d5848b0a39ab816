"""The base of an image: a MicroPython build as its project publishes it for a first installation.

It is bootloader, partition table and program in one file that starts where the chip looks for the bootloader. It is
checked through and through before anything is built on it, and refused in words that name what to download instead.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path

from nameplate.factory import base_image, base_python, partitions
from nameplate.factory.base_chips import BY_NAME, FLASH_SIZES, Chip, megabytes
from nameplate.factory.base_image import EspImage, NotAnImage
from nameplate.factory.base_python import MicroPython
from nameplate.factory.partitions import Partition
from nameplate.factory.refused import Refused

OLDEST = (1, 23)
MPY = (6, 3)
_RECORDS = {(partitions.DATA, partitions.OTA_DATA), (partitions.DATA, partitions.NVS_DATA)}
_KINDS = (
    (b"UF2\n", "a UF2 file, for boards with a UF2 bootloader"),
    (b"\x7fELF", "an ELF file, for debuggers"),
    (b"PK\x03\x04", "a zip archive"),
    (b"\x1f\x8b", "a gzip archive"),
    (b":", "an Intel HEX file"),
    (b"<", "a web page: what was downloaded is not the build"),
)


@dataclass(frozen=True)
class Base:
    """A checked build. `data` begins at the chip's flash address and holds no unit's records; `rows` is its table.

    `to_the_end` says that its table leaves the file system's place to the flash's real size, `flash_size`.
    """

    path: Path
    chip: Chip
    flash_size: int
    header_flash_size: int
    rows: tuple[Partition, ...]
    to_the_end: bool
    python: MicroPython
    sha256: str
    data: bytes = field(repr=False)

    @property
    def vfs(self) -> Partition | None:
        """Where MicroPython will look for the file system; None where this flash leaves no room behind the program."""
        rows = partitions.with_vfs(self.rows, self.flash_size)
        return next((row for row in rows if row.name == "vfs"), None)

    def words(self) -> str:
        """What it is, for people, with how its .mpy version is known."""
        board = self.python.board or self.python.machine or "a board it does not name"
        mpy = "" if self.python.mpy else " (by its release: the build does not tell)"
        return f"MicroPython {self.python.version} of {self.python.date} for {board}, .mpy {MPY[0]}.{MPY[1]}{mpy}"


def load(path: Path, chips: Collection[str], flash_size: int | None = None) -> Base:
    """Read and check the build in `path` for a model with pins for `chips`.

    `flash_size` in bytes is the board's (default: what the build's header says). Raises Refused with what to
    download instead, and OSError when the file cannot be read.
    """
    if path.stat().st_size > FLASH_SIZES[-1]:
        raise Refused(f"{path} has {path.stat().st_size} bytes, more than any flash", _download(chips))
    try:
        return _checked(path, path.read_bytes(), chips, flash_size)
    except NotAnImage as error:
        raise Refused(f"{path} is no MicroPython build: {error}", _download(chips)) from error


def _download(chips: Collection[str]) -> str:
    names = [BY_NAME[name].board for name in BY_NAME if name in chips]
    return (
        f"download the .bin for a first installation of MicroPython 1.23 or newer: {' or '.join(names)}"
        if names
        else "the model's profile has pins for no chip that MicroPython is built for"
    )


def _checked(path: Path, data: bytes, chips: Collection[str], flash_size: int | None) -> Base:
    for magic, kind in _KINDS:
        if data.startswith(magic):
            raise NotAnImage(f"it is {kind}")
    header = base_image.read_header(data)
    chip = header.chip
    if chip is None:
        raise NotAnImage(f"it is for a chip with the unknown number {header.chip_id:#x}")
    if chip.name not in chips:
        raise Refused(
            f"{path} is for the {chip.name}; the model has pins for {', '.join(chips)}", _download(chips)
        )
    here = [chip.name]
    if base_image.is_app(data):
        raise Refused(
            f"{path} is the program alone (.app-bin), without bootloader and partition table", _download(here)
        )
    try:
        _part("bootloader", data[: partitions.TABLE_OFFSET - chip.address])
        rows = _table(data[partitions.TABLE_OFFSET - chip.address :][: partitions.TABLE_SIZE])
        program = _program(data, chip, rows)
    except NotAnImage as error:
        raise Refused(f"{path} is no whole build for the {chip.name}: {error}", _download(here)) from error
    size = _flash_size(path, header.flash_size, flash_size, rows)
    if len(data) > size - chip.address:
        raise Refused(
            f"{path} has {len(data)} bytes, more than a flash of {megabytes(size)} takes", _download(here)
        )
    return Base(
        path=path,
        chip=chip,
        flash_size=size,
        header_flash_size=header.flash_size,
        rows=rows,
        to_the_end=not partitions.has_vfs(rows),
        python=_python(path, program, here),
        sha256=hashlib.sha256(data).hexdigest(),
        data=_without_records(data, chip, rows),
    )


def _part(name: str, data: bytes) -> EspImage:
    try:
        return base_image.read_image(data)
    except NotAnImage as error:
        raise NotAnImage(f"its {name} is not whole: {error}") from error


def _table(table: bytes) -> tuple[Partition, ...]:
    if len(table) < partitions.TABLE_SIZE:
        raise NotAnImage("the file ends before its partition table")
    try:
        rows = partitions.read_table(table)
        partitions.check_table(rows, FLASH_SIZES[-1])
    except ValueError as error:
        raise NotAnImage(str(error)) from error
    if any(row.name == "ffat" for row in rows):
        raise NotAnImage("it keeps its files on FAT (partition ffat), which a power cut can damage")
    return rows


def _program(data: bytes, chip: Chip, rows: tuple[Partition, ...]) -> EspImage:
    """The program that starts first, whole and for the same chip."""
    # Nothing has been chosen yet: the factory program (subtype 0) starts, else the first of the OTA ones.
    programs = sorted((row for row in rows if row.type == partitions.APP), key=lambda row: row.subtype)
    if not programs:
        raise NotAnImage("its partition table has no room for a program")
    first = programs[0]
    content = data[first.offset - chip.address : first.end - chip.address]
    if not content:
        raise NotAnImage(f"the file ends before its program at {first.offset:#x}: it is truncated")
    program = _part("program", content)
    if not program.is_app or program.header.chip != chip:
        raise NotAnImage("what it starts is no program for its chip")
    return program


def _flash_size(path: Path, header: int, given: int | None, rows: tuple[Partition, ...]) -> int:
    size = header if given is None else given
    if size < header:
        raise Refused(
            f"{path} is built for a flash of {megabytes(header)} and does not start on {megabytes(size)}",
            f"use a board with {megabytes(header)}, or download a build for {megabytes(size)}",
        )
    try:
        partitions.check_table(rows, size)
    except ValueError as error:
        raise Refused(f"{path}: {error}", "say the board's real flash size with --flash-size") from error
    return size


def _python(path: Path, program: EspImage, here: Collection[str]) -> MicroPython:
    python = base_python.find(program)
    if python is None:
        raise Refused(f"no MicroPython is found in {path}: its program has no banner of one", _download(here))
    if python.release[:2] < OLDEST:
        raise Refused(f"{path} is MicroPython {python.version}: older than 1.23", _download(here))
    if python.mpy is not None and python.mpy != MPY:
        raise Refused(
            f"{path} (MicroPython {python.version}) runs .mpy {python.mpy[0]}.{python.mpy[1]}, not {MPY[0]}.{MPY[1]}",
            _download(here),
        )
    if not python.umqtt:
        raise Refused(
            f"{path} (MicroPython {python.version}) has no umqtt.simple built in, which the agent speaks MQTT with",
            _download(here),
        )
    return python


def _without_records(data: bytes, chip: Chip, rows: tuple[Partition, ...]) -> bytes:
    """The build with what a board would have put there erased, in case the file was read back from one."""
    clean = bytearray(data)
    for row in rows:
        if row.name == "vfs" or (row.type, row.subtype) in _RECORDS:
            area = slice(row.offset - chip.address, min(row.end - chip.address, len(clean)))
            clean[area] = b"\xff" * len(clean[area])
    return bytes(clean)
