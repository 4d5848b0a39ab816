"""What is no base: refused before anything is built, in words that name what to download instead."""

from __future__ import annotations

import re
import struct
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from host_tests.tools import base_builds
from host_tests.tools.base_builds import (
    C3,
    ESP32,
    FACTORY,
    MIB,
    NVS,
    OTA,
    PHY,
    S3_OLD,
    VFS_4M,
    VFS_8M,
    esp_image,
)
from nameplate.cli import main
from nameplate.factory import base, base_image, base_python, layout, partitions
from nameplate.factory.image import build_image
from nameplate.factory.partitions import Partition
from nameplate.factory.refused import Refused

CHIPS = ["esp32", "esp32c3", "esp32s3"]
LEAN = ESP32.but(program_size=20_000)
C3_LEAN = C3.but(program_size=20_000)
ANY = "ESP32_GENERIC or ESP32_GENERIC_C3 or ESP32_GENERIC_S3"


def load(tmp_path: Path, data: bytes, flash_size: int | None = None) -> base.Base:
    path = tmp_path / "build.bin"
    path.write_bytes(data)
    return base.load(path, CHIPS, flash_size)


def flipped(data: bytes, at: int) -> bytes:
    return data[:at] + bytes([data[at] ^ 0x10]) + data[at + 1 :]


def with_rows(*rows: Partition) -> bytes:
    return LEAN.but(rows=rows).file()


FILE = LEAN.file()
REFUSED = {
    "nothing": (b"", "too short for an ESP image", ANY),
    "the first bytes": (FILE[:20], "too short for an ESP image", ANY),
    "a UF2 file": (b"UF2\n" + bytes(508), "it is a UF2 file", ANY),
    "an ELF file": (b"\x7fELF" + bytes(100), "it is an ELF file", ANY),
    "a zip": (b"PK\x03\x04" + bytes(100), "it is a zip archive", ANY),
    "a gzip": (b"\x1f\x8b" + bytes(100), "it is a gzip archive", ANY),
    "a page": (b"<!doctype html><title>404", "it is a web page", ANY),
    "another file": (bytes(4096), r"does not start as an ESP image \(0xE9\) but with 0x00", ANY),
    "unknown chip": (LEAN.but(chip_id=0x77).file(), "chip with the unknown number 0x77", ANY),
    "chip without pins": (
        LEAN.but(chip_id=2).file(),
        "is for the esp32s2; the model has pins for esp32, esp32c3, esp32s3",
        ANY,
    ),
    "c6": (C3_LEAN.but(chip_id=13).file(), "is for the esp32c6; the model has pins", ANY),
    "program alone": (LEAN.program(), r"the program alone \(\.app-bin\)", "newer: ESP32_GENERIC$"),
    "program alone, c3": (C3_LEAN.program(), r"the program alone \(\.app-bin\)", "newer: ESP32_GENERIC_C3$"),
    "half a bootloader": (FILE[:9000], "its bootloader is not whole: a segment", "ESP32_GENERIC$"),
    "no table": (FILE[:0x7000], "the file ends before its partition table", "ESP32_GENERIC$"),
    "no program": (FILE[:0xF000], "ends before its program at 0x10000: it is truncated", "ESP32_GENERIC$"),
    "half a program": (FILE[:-9000], r"its program is not whole: a segment .* ends behind", "ESP32_GENERIC$"),
    "last byte lost": (FILE[:-1], "its program is not whole: it ends before its SHA-256", "ESP32_GENERIC$"),
    "damaged bootloader": (flipped(FILE, 5000), "bootloader is not whole: its checksum", "ESP32_GENERIC$"),
    "damaged program": (flipped(FILE, 0xF000 + 9000), "program is not whole: its checksum", "ESP32_GENERIC$"),
    "damaged hash": (flipped(FILE, len(FILE) - 1), "its SHA-256 does not match", "ESP32_GENERIC$"),
    "damaged table": (flipped(FILE, 0x7000 + 8), "partition table's MD5 does not match", "ESP32_GENERIC$"),
    "table elsewhere": (
        FILE[:0x7000] + b"\xff" * 0x1000 + FILE[0x8000:],
        "no partition table with an MD5 row",
        "ESP32_GENERIC$",
    ),
    "bootloader twice": (
        LEAN.file()[:0xF000] + LEAN.bootloader(),
        "what it starts is no program for its chip",
        "ESP32_GENERIC$",
    ),
    "another chip's program": (LEAN.but(program_chip=5).file(), "no program for its chip", "ESP32_GENERIC$"),
    "older": (LEAN.but(release=(1, 22, 2)).file(), r"is MicroPython v1\.22\.2: older than 1\.23", "ESP32_GENERIC$"),
    "older, c3": (C3_LEAN.but(release=(1, 20, 0)).file(), "older than 1.23", "ESP32_GENERIC_C3$"),
    "mpy 6.2": (LEAN.but(mpy=(6, 2)).file(), r"runs \.mpy 6\.2, not 6\.3", "ESP32_GENERIC$"),
    "mpy 7.3": (LEAN.but(release=(2, 0, 0), mpy=(7, 3)).file(), r"runs \.mpy 7\.3, not 6\.3", "ESP32_GENERIC$"),
    "no umqtt": (LEAN.but(umqtt=False).file(), r"has no umqtt\.simple built in", "ESP32_GENERIC$"),
    "no MicroPython": (LEAN.but(banner=False).file(), "no MicroPython is found", "ESP32_GENERIC$"),
    "two releases": (
        LEAN.but(extra=b"MicroPython v1.29.0 on 2026-08-01\0").file(),
        "no MicroPython is found",
        "ESP32_GENERIC$",
    ),
    "files on FAT": (with_rows(NVS, PHY, FACTORY, replace(VFS_4M, name="ffat")), "files on FAT", "ESP32_GENERIC$"),
    "no nvs": (with_rows(PHY, FACTORY, VFS_4M), "no nvs of 16 KiB for a unit's identity", "ESP32_GENERIC$"),
    "little nvs": (with_rows(replace(NVS, size=0x3000), FACTORY), "no nvs of 16 KiB", "ESP32_GENERIC$"),
    "nvs that is none": (with_rows(replace(NVS, subtype=1), FACTORY), "no nvs of 16 KiB", "ESP32_GENERIC$"),
    "two nvs": (with_rows(NVS, FACTORY, replace(NVS, offset=0x3F0000)), "has nvs twice", "ESP32_GENERIC$"),
    "overlap": (with_rows(NVS, FACTORY, replace(VFS_4M, offset=0x1FF000)), "vfs overlaps", "ESP32_GENERIC$"),
    "on the table": (with_rows(replace(NVS, offset=0x8000), FACTORY), "nvs overlaps", "ESP32_GENERIC$"),
    "odd": (with_rows(NVS, FACTORY, replace(VFS_4M, size=0x1FF800)), "vfs is not made of whole", "ESP32_GENERIC$"),
    "behind any flash": (with_rows(NVS, FACTORY, replace(VFS_4M, offset=0xFFFF0000)), "ends at", "ESP32_GENERIC$"),
    "behind its flash": (with_rows(NVS, FACTORY, VFS_8M), "vfs ends at 0x800000, a flash of 4096 KiB", "--flash-size"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_it_is_refused_with_what_to_download(name, tmp_path):
    data, said, hint = REFUSED[name]
    with pytest.raises(Refused, match=said) as refusal:
        load(tmp_path, data)
    assert re.search(hint, refusal.value.hint)
    assert refusal.value.exit_code == 2


def test_a_table_without_a_program_is_refused(tmp_path):
    data = FILE[: 0x8000 - 0x1000] + partitions.write_table((NVS, PHY, VFS_4M))
    with pytest.raises(Refused, match="no room for a program"):
        load(tmp_path, data)


def test_more_bytes_than_any_flash_are_not_even_read(tmp_path):
    path = tmp_path / "build.bin"
    with path.open("wb") as file:
        file.truncate(33 * MIB)
    with pytest.raises(Refused, match="more than any flash"):
        base.load(path, CHIPS)
    with pytest.raises(Refused, match="more than any flash"):
        layout.read(path)


def test_a_flash_smaller_than_the_build_is_for_is_refused(tmp_path):
    data = S3_OLD.but(program_size=20_000).file()
    with pytest.raises(Refused, match="is built for a flash of 8MB and does not start on 4MB"):
        load(tmp_path, data, 4 * MIB)
    assert load(tmp_path, data, 16 * MIB).flash_size == 16 * MIB
    with pytest.raises(Refused, match="bytes, more than a flash of 4MB takes"):
        load(tmp_path, FILE.ljust(4 * MIB, b"\xff"))


def test_a_table_for_more_flash_than_the_header_says_needs_to_be_told(tmp_path):
    data = with_rows(NVS, FACTORY, VFS_8M)
    assert load(tmp_path, data, 8 * MIB).vfs == VFS_8M


@pytest.mark.parametrize(
    ("build", "words"),
    [
        (LEAN, "v1.23.0 of 2024-06-02 for Generic ESP32 module with ESP32, .mpy 6.3"),
        (C3_LEAN, "v1.27.0 of 2025-12-09 for ESP32_GENERIC_C3, .mpy 6.3"),
        (
            LEAN.but(implementation=False),
            "v1.23.0 of 2024-06-02 for a board it does not name, .mpy 6.3 (by its release: the build does not tell)",
        ),
        (
            C3_LEAN.but(release=(1, 29, 0), suffix="-preview.12.gabcdef0123", date="2026-08-01"),
            "v1.29.0-preview.12.gabcdef0123 of 2026-08-01 for ESP32_GENERIC_C3, .mpy 6.3",
        ),
        (LEAN.but(board="ESP32_GENERIC-SPIRAM"), "v1.23.0 of 2024-06-02 for ESP32_GENERIC-SPIRAM, .mpy 6.3"),
        (LEAN.but(rows=OTA), "v1.23.0 of 2024-06-02 for Generic ESP32 module with ESP32, .mpy 6.3"),
    ],
)
def test_what_is_found_in_a_build(build, words, tmp_path):
    assert load(tmp_path, build.file()).words() == f"MicroPython {words}"


def test_a_build_without_a_hash_is_held_to_its_checksum(tmp_path, monkeypatch):
    monkeypatch.setattr(base_builds, "esp_image", lambda *given: esp_image(*given, hashed=False))
    data = LEAN.file()
    assert load(tmp_path, data).python.version == "v1.23.0"
    with pytest.raises(Refused, match="its checksum does not match"):
        load(tmp_path, flipped(data, len(data) - 500))


def test_the_program_that_is_checked_is_the_one_that_starts(tmp_path):
    """With no choice made yet that is the factory one, wherever it lies."""
    rows = (NVS, Partition("ota_0", 0, 0x10, 0x10000, 0x10000), Partition("factory", 0, 0, 0x20000, 0x1E0000))
    whole = LEAN.but(rows=rows).file().ljust(0x1F000, b"\xff")
    with pytest.raises(Refused, match="its program is not whole"):
        load(tmp_path, whole + LEAN.program()[:-1])
    assert load(tmp_path, whole + LEAN.program()).python.umqtt
    with pytest.raises(Refused, match="ends before its program at 0x20000"):
        load(tmp_path, whole)


def test_the_build_is_not_overwritten(tmp_path):
    path = tmp_path / "build.bin"
    path.write_bytes(FILE)
    with pytest.raises(Refused, match="is the base itself"):
        build_image("kf320", path, base_file=path)
    assert path.read_bytes() == FILE


def test_no_image_is_made_and_the_old_one_stays(tmp_path, capsys):
    out, build = tmp_path / "kf320.bin", tmp_path / "build.bin"
    out.write_bytes(b"old")
    build.write_bytes(LEAN.program())
    command = ["factory", "image", "--model", "kf320", "--out", str(out), "--base", str(build)]
    assert main.run(command) == 2
    told = capsys.readouterr().err
    assert "the program alone" in told and "ESP32_GENERIC" in told
    build.unlink()
    assert main.run(command) != 0
    assert str(build) in capsys.readouterr().err
    assert out.read_bytes() == b"old"


# Hostile and damaged files: whatever is in them, the answer is a refusal in words or a base that holds what it says.

QUICK = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
SMALL = LEAN.but(program_size=3000).file()
PLACES = st.one_of(
    st.integers(0, 60),
    st.integers(0x7000, 0x70C0),
    st.integers(0xF000, 0xF040),
    st.integers(0, len(SMALL) - 1),
)


@QUICK
@given(
    changes=st.lists(st.tuples(PLACES, st.binary(min_size=1, max_size=8)), max_size=4),
    end=st.one_of(st.none(), st.integers(0, len(SMALL))),
    extra=st.binary(max_size=40),
)
def test_a_damaged_build_is_refused_in_words(tmp_path, changes, end, extra):
    data = bytearray(SMALL)
    for at, content in changes:
        data[at : at + len(content)] = content
    changed = bytes(data[:end]) + extra
    try:
        found = load(tmp_path, changed)
    except Refused as refusal:
        assert refusal.message and refusal.hint
    else:
        assert found.data[0xF000:] == changed[0xF000:]
        assert found.vfs is None or found.vfs.end <= found.flash_size


@QUICK
@given(st.binary(max_size=200))
def test_garbage_is_never_an_image_of_either_kind(garbage):
    for data in (garbage, b"\xe9" + garbage):
        with pytest.raises(base_image.NotAnImage):
            base_image.read_image(data)
        with pytest.raises(ValueError, match="."):
            layout.of(data)


_U32 = st.one_of(
    st.integers(0, 0x40), st.integers(0, 0xFFFFFFFF), st.sampled_from([0x8000, 0x200000, 0x400000])
)
_ROWS = st.lists(
    st.builds(
        Partition,
        st.sampled_from(["nvs", "vfs", "factory", "x"]),
        st.integers(0, 1),
        st.integers(0, 0xFF),
        _U32,
        _U32,
    ),
    max_size=5,
)


@QUICK
@given(_ROWS)
def test_a_hostile_table_gives_no_place_outside_the_flash(rows):
    found = partitions.read_table(partitions.write_table(tuple(rows)))
    assert list(found) == rows
    try:
        partitions.check_table(found, 4 * MIB)
    except ValueError:
        return
    places = sorted((row.offset, row.end) for row in partitions.with_vfs(found, 4 * MIB))
    assert places[0][0] >= 0x9000 and places[-1][1] <= 4 * MIB
    assert all(end <= start for (_, end), (start, _) in zip(places, places[1:], strict=False))


@QUICK
@given(st.lists(st.one_of(_U32, st.integers(0x3F400000, 0x3F400100)), max_size=30))
def test_pointers_that_lead_nowhere_are_followed_nowhere(words):
    start = 0x3F400000
    content = struct.pack("<6I", 1, 4, 3, 47, 1, 10) + struct.pack("<4I", 1, 4, 2, start)
    content += struct.pack(f"<{len(words)}I", *words) + b"MicroPython v1.23.0 on 2024-06-02\0"
    program = base_image.read_image(esp_image(0, [(start, content)]))
    found = base_python.find(program)
    assert found is not None and found.release == (1, 23, 0)
    assert found.mpy is None or found.machine is not None


def test_a_program_full_of_candidates_is_not_searched_for_ever():
    start = 0x3F400000
    version = struct.pack("<6I", 1, 4, 3, 47, 1, 10)
    content = b"MicroPython v1.23.0 on 2024-06-02\0\0\0" + version * 20_000
    content += struct.pack("<I", start + 36) * 50_000
    program = base_image.read_image(esp_image(0, [(start, content)]))
    found = base_python.find(program)
    assert found is not None and found.mpy is None


def test_a_banner_is_not_backtracked_for_ever():
    content = b"MicroPython v1.23.0" + b"-" * 1_000_000
    program = base_image.read_image(esp_image(0, [(0x3F400000, content * 2)]))
    assert base_python.find(program) is None
