"""An image over a MicroPython build: everything lies where that build looks for it, and the build itself is untouched."""

from __future__ import annotations

import json
import random
import struct
from pathlib import Path

import pytest

from host_tests.factory_fixtures import UNIT
from host_tests.tools import base_builds
from host_tests.tools.base_builds import (
    C3,
    ESP32,
    FACTORY,
    MIB,
    NVS,
    OTA_NEW,
    OTA_OLD,
    PHY,
    S3,
    S3_OLD,
    SMALL,
)
from host_tests.tools.file_partition import PARTITION
from nameplate.cli import main
from nameplate.errors import NameplateError
from nameplate.factory import broker_tls, image, layout
from nameplate.factory.image import ImageReport, build_image, read_image
from nameplate.factory.littlefs_image import FileSystem
from nameplate.factory.nvs_image import write_nvs
from nameplate.factory.partitions import Partition
from nameplate.factory.provision import provision
from nameplate.factory.request import ProvisionRequest
from nameplate.sim.flash import Flash
from nameplate.sim.nvs_pages import Storage

# Build, --flash-size, then where its MicroPython finds things: address, flash, nvs (offset, size), vfs (offset, size).
PLACES = {
    "esp32 1.23": (ESP32, None, 0x1000, 4 * MIB, (0x9000, 0x6000), (0x200000, 0x200000)),
    "c3 1.27": (C3, None, 0x0, 4 * MIB, (0x9000, 0x6000), (0x200000, 0x200000)),
    "c3 1.27 on 8MB": (C3, 8 * MIB, 0x0, 8 * MIB, (0x9000, 0x6000), (0x200000, 0x600000)),
    "s3 1.23 8MB": (S3_OLD, None, 0x0, 8 * MIB, (0x9000, 0x6000), (0x200000, 0x600000)),
    "s3 1.27": (S3, None, 0x0, 4 * MIB, (0x9000, 0x6000), (0x200000, 0x200000)),
    "esp32 1.23 on 16MB": (ESP32, 16 * MIB, 0x1000, 16 * MIB, (0x9000, 0x6000), (0x200000, 0x200000)),
    "ota with vfs": (OTA_OLD, None, 0x1000, 4 * MIB, (0x9000, 0x4000), (0x310000, 0xF0000)),
    "ota without vfs": (OTA_NEW, None, 0x1000, 4 * MIB, (0x9000, 0x4000), (0x310000, 0xF0000)),
}


@pytest.fixture(scope="module")
def slot() -> list[tuple[str, bytes]]:
    """The compiled files of a slot, made once for all images here."""
    root = image.device_root()
    return image.slot_files(root, image.profile.load(root, "kf320"), lambda step: None)


@pytest.fixture
def over(tmp_path, monkeypatch, slot):
    """Build an image over a build; returns the report, and the build's bytes."""
    monkeypatch.setattr(image, "slot_files", lambda *given: slot)

    def make(build: base_builds.Build, flash_size: int | None = None) -> tuple[ImageReport, bytes]:
        path = tmp_path / "build.bin"
        path.write_bytes(build.file())
        report = build_image("kf320", tmp_path / "image.bin", base_file=path, flash_size=flash_size)
        return report, path.read_bytes()

    return make


def provisioned(image_file: Path, manufacturer, out: Path, **changes):
    return provision(
        ProvisionRequest(serial="4F7-220918", **{**UNIT, **changes}),
        image=image_file,
        out=out,
        keys=manufacturer.directory,
        registry=out.with_suffix(".sqlite"),
    )


@pytest.mark.parametrize("name", PLACES)
def test_everything_lies_where_that_build_looks_for_it(name, over, tmp_path):
    build, flash_size, address, flash, nvs, vfs = PLACES[name]
    report, published = over(build, flash_size)
    data = (tmp_path / "image.bin").read_bytes()
    assert (report.address, report.size, report.flash_size) == (address, flash - address, flash)
    assert data[: len(published)] == published  # no byte of the build is changed
    end = vfs[0] + vfs[1]
    assert data[end - address :].count(0xFF) == flash - end
    files = data[vfs[0] - address : end - address]
    at = files.index(b"littlefs", 0, 4096) + 12
    assert struct.unpack_from("<III", files, at) == (0x00020000, 4096, vfs[1] // 4096)
    assert FileSystem(files).read("/boot.py").startswith(b"# Runs first")
    assert data[nvs[0] - address : nvs[0] + nvs[1] - address].count(0xFF) == nvs[1]
    found = layout.read(tmp_path / "image.bin")
    assert (found.address, found.size, found.flash_size) == (address, len(data), flash)
    assert found.to_the_end is not any(row.name == "vfs" for row in build.rows)
    places = {region.name: (region.address, region.size) for region in found.regions}
    assert (places["nvs"], places["vfs"]) == (nvs, vfs)
    assert found.regions[0].address == address and found.regions[-1].end <= flash
    used = {region.name: region.used for region in found.regions}
    program = "factory" if "factory" in used else "ota_0"
    assert (used["bootloader"], used[program]) == (len(build.bootloader()), len(build.program()))
    assert used.get("ota_1", 0) == 0


def test_the_same_input_gives_the_same_bytes(over):
    assert over(C3)[0].sha256 == over(C3)[0].sha256


MOUNT = f"""
{PARTITION}
start, blocks = int(sys.argv[2]), int(sys.argv[3])
try:
    vfs.mount(Partition(sys.argv[1], start, blocks), "/flash")
    with open("/flash/main.py") as file:
        print(file.readline()[:15], open("/flash/data/x", "w").write("kept"))
except OSError as error:
    print(type(error).__name__)
"""


@pytest.mark.parametrize("name", ["c3 1.27 on 8MB", "ota without vfs"])
def test_micropython_mounts_it_at_exactly_that_size(name, over, tmp_path, micropython):
    """A chip with another size of flash than was said would not mount it: hence `to_the_end`."""
    build, flash_size, address, _, _, (offset, size) = PLACES[name]
    report, _ = over(build, flash_size)
    place = str(offset - address)
    assert report.to_the_end
    mounted = micropython(MOUNT, report.path, place, str(size // 4096))
    assert mounted.strip() == "# Runs the agen 4"
    assert micropython(MOUNT, report.path, place, str(size // 4096 + 256)).strip() == "OSError"


@pytest.mark.parametrize("name", ["esp32 1.23", "c3 1.27", "ota with vfs"])
def test_a_unit_is_provisioned_where_the_build_keeps_nvs(name, over, tmp_path, manufacturer):
    build, flash_size, address, _, (offset, size), _ = PLACES[name]
    report, _ = over(build, flash_size)
    unit = provisioned(Path(report.path), manufacturer, tmp_path / "unit.bin")
    before, after = (Path(p).read_bytes() for p in (report.path, unit.path))
    start = offset - address
    assert after[:start] == before[:start]
    chip = Flash(unit.path, random.Random(0), address)
    records = Storage(chip, offset, size).contents()["nameplate"]
    chip.close()
    assert json.loads(records["unit"][7:])["ueid"] == unit.ueid
    assert {"binding", "identity", "anchors", "settings", "bootcount"} <= set(records)
    made = read_image(unit.path)
    assert made.provisioned and (made.layout.address, made.model) == (address, "KF-320")
    with pytest.raises(NameplateError, match="already has an identity"):
        provisioned(unit.path, manufacturer, tmp_path / "again.bin")


def test_all_records_fit_an_ota_builds_nvs_and_leave_two_pages(over, tmp_path, manufacturer):
    """One page is NVS's own, to tidy up with; one is for what the radio keeps there."""
    report, _ = over(OTA_NEW)
    authority = tmp_path / "authority"
    broker_tls.Authority.make(authority, "Acme brokers")
    unit = provisioned(
        Path(report.path),
        manufacturer,
        tmp_path / "unit.bin",
        broker_url="mqtts://broker.example",
        broker_ca=str(authority / broker_tls.CA_FILE),
        client_ca=str(authority),
        wifi_ssid="x" * 32,
        wifi_psk="y" * 63,
    )
    nvs = unit.path.read_bytes()[0x9000 - 0x1000 : 0xD000 - 0x1000]
    written = [page for page in range(4) if nvs[page * 4096 :][:4096].count(0xFF) < 4096]
    assert written == [0, 1]
    chip = Flash(unit.path, random.Random(0), 0x1000)
    assert {"broker_ca", "broker_cert", "broker_key"} <= set(
        Storage(chip, 0x9000, 0x4000).contents()["nameplate"]
    )
    chip.close()


def test_records_that_do_not_fit_are_refused_with_the_numbers():
    blobs = {f"blob{number}": bytes(3000) for number in range(3)}
    with pytest.raises(NameplateError, match="do not fit 16384 bytes of NVS, of which 8192 are for them"):
        write_nvs(blobs, {}, 0x4000)
    assert len(write_nvs(blobs, {})) == 0x6000


def test_a_file_read_back_from_a_board_gives_nothing_of_that_board(over, tmp_path, monkeypatch):
    """Its NVS, its files and which of two programs it ran are not the build's."""
    clean = over(OTA_NEW)[0].sha256
    data = bytearray(OTA_NEW.file().ljust(4 * MIB - 0x1000, b"\xff"))
    for offset in (0x9000, 0xD000, 0x3F0000):
        data[offset - 0x1000 : offset - 0x1000 + 16] = b"secret of a unit"
    monkeypatch.setattr(base_builds.Build, "file", lambda self: bytes(data[: 4 * MIB - 0x1000]))
    report, published = over(OTA_NEW)
    assert b"secret of a unit" in published
    assert report.sha256 == clean
    assert b"secret of a unit" not in Path(report.path).read_bytes()


def test_what_does_not_fit_is_refused_with_the_numbers(over, tmp_path):
    report, _ = over(C3)
    needed = (report.total_bytes + image.RECORDS_ROOM) // 1024
    (tmp_path / "image.bin").write_bytes(b"old")
    tight = SMALL.but(rows=(NVS, PHY, Partition("factory", 0, 0, 0x10000, 0x1B0000)))
    words = rf"needs {needed} KiB of file system .*, this base leaves 256 KiB on a flash of 2MB"
    with pytest.raises(NameplateError, match=words) as refusal:
        over(tight)
    assert "--flash-size if the board has more than 2MB" in refusal.value.hint
    assert (tmp_path / "image.bin").read_bytes() == b"old"
    assert over(tight, 4 * MIB)[0].flash_size == 4 * MIB


def test_a_flash_without_room_behind_the_program_is_refused(over):
    full = SMALL.but(rows=(NVS, PHY, FACTORY))
    with pytest.raises(NameplateError, match="this base leaves 0 KiB on a flash of 2MB"):
        over(full)


def test_the_report_and_the_map(over, tmp_path, capsys):
    over(C3)
    capsys.readouterr()
    command = ["factory", "image", "--model", "kf320", "--out", str(tmp_path / "x.bin")]
    command += ["--base", str(tmp_path / "build.bin")]
    assert main.run([*command, "--explain"]) == 0
    text = capsys.readouterr().out
    assert "base: MicroPython v1.27.0 of 2025-12-09 for ESP32_GENERIC_C3, .mpy 6.3\n" in text
    assert "one file for an esp32c3 with 4MB of flash, to be written at 0x0\n" in text
    assert "the board's must have 4MB, not more or less" in text
    rows = [line.split()[:2] for line in text.splitlines() if line.lstrip().startswith("0x")]
    assert rows == [
        ["0x0", "0x8000"],
        ["0x8000", "0x9000"],
        ["0x9000", "0xf000"],
        ["0xf000", "0x10000"],
        ["0x10000", "0x200000"],
        ["0x200000", "0x400000"],
    ]
    assert main.run([*command, "--flash-size", "8MB", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["chip"], told["address"], told["flash_size"]) == ("esp32c3", 0, 8 * MIB)
    assert told["micropython"]["board"] == "ESP32_GENERIC_C3" and told["micropython"]["mpy"] == [6, 3]
    assert told["map"][-1] == {
        "name": "vfs",
        "what": "the agent, twice, and its data (littlefs), to the flash's end",
        "address": 0x200000,
        "size": 0x600000,
        "used": told["total_bytes"],
    }


def test_a_flash_size_without_a_base_is_refused(tmp_path, capsys):
    out = tmp_path / "x.bin"
    assert main.run(["factory", "image", "--model", "kf320", "--out", str(out), "--flash-size", "8MB"]) == 2
    assert "--flash-size is for an image over a base" in capsys.readouterr().err
    assert not out.exists()
