"""An image over a MicroPython build on the virtual board: its own NVS and files, at the addresses of its own table."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from host_tests.factory_fixtures import UNIT
from host_tests.tools.base_builds import C3, ESP32, OTA_NEW, S3
from nameplate.errors import NameplateError
from nameplate.factory.image import ImageReport, build_image
from nameplate.factory.provision import Unit, provision
from nameplate.factory.request import ProvisionRequest
from nameplate.sim.board import VirtualBoard
from nameplate.sim.flash import Flash


@pytest.fixture
def over(tmp_path):
    """Build an image over a build; returns the report, and the build's bytes."""

    def make(build) -> tuple[ImageReport, bytes]:
        path = tmp_path / "build.bin"
        path.write_bytes(build.file())
        return build_image("kf320", tmp_path / "image.bin", base_file=path), path.read_bytes()

    return make


def _unit(report: ImageReport, manufacturer, folder: Path) -> Unit:
    return provision(
        ProvisionRequest(serial="4F7-220918", **{**UNIT, "wifi_ssid": "", "wifi_psk": None}),
        image=Path(report.path),
        out=folder / "unit.bin",
        keys=manufacturer.directory,
        registry=folder / "registry.sqlite",
    )


@pytest.mark.parametrize(("build", "chip"), [(ESP32, "esp32"), (C3, "esp32c3"), (OTA_NEW, "esp32")])
def test_the_virtual_board_boots_it_and_leaves_the_build_alone(build, chip, over, tmp_path, manufacturer):
    report, published = over(build)
    unit = _unit(report, manufacturer, tmp_path)
    with VirtualBoard(unit.path, speed=None, stepped=True, register=False) as board:
        assert (board.chip, board.model) == (chip, "KF-320")
        board.run(5_000)
        board.send(b"id\n")
        assert board.wait(lambda board: unit.serial in board.transcript, 10_000), board.transcript[-500:]
        assert {event.detail for event in board.events if event.kind == "boot"} == {"power"}
    after = unit.path.read_bytes()
    code = 0x10000 - report.address
    assert len(after) == report.size and after[code : len(published)] == published[code:]
    assert after[: 0x8000 - report.address] == published[: 0x8000 - report.address]


def test_the_flash_of_a_file_that_begins_behind_address_0(tmp_path):
    path = tmp_path / "flash.bin"
    path.write_bytes(bytes(0x1000) + b"\xff" * 0x2000)
    flash = Flash(path, random.Random(0), 0x1000)
    assert flash.size == 0x4000
    assert flash.read(0xFF0, 0x20) == b"\xff" * 16 + bytes(16)
    assert flash.peek(0x1FF0, 0x20) == bytes(16) + b"\xff" * 16
    flash.program(0x2000, b"here")
    flash.erase(0x1000, 0x1000)
    assert path.read_bytes() == b"\xff" * 0x1000 + b"here".ljust(0x2000, b"\xff")
    for address in (0, 0xFFF, 0x3FFF):
        with pytest.raises(ValueError, match="no flash"):
            flash.program(address, b"no")
    flash.close()
    assert path.stat().st_size == 0x3000


def test_the_virtual_board_is_no_other_chip_than_the_base(over):
    report, _ = over(C3)
    with pytest.raises(NameplateError, match="made for the esp32c3, not the esp32"):
        VirtualBoard(report.path, chip="esp32", register=False)


def test_a_chip_that_is_not_simulated_is_told(over):
    report, _ = over(S3)
    with pytest.raises(NameplateError, match="there is no virtual 'esp32s3'"):
        VirtualBoard(report.path, register=False)
