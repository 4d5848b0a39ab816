"""The flash under the board: what a power cut leaves, what a program costs, and one NVS for the factory and the chip."""

import csv
import random
from pathlib import Path
from types import SimpleNamespace

import pytest
from esp_idf_nvs_partition_gen import nvs_partition_gen

from host_tests.tools.flash_images import read_files
from host_tests.tools.sim_board import kinds, printed, running
from nameplate.sim.flash import Flash
from nameplate.sim.nvs_pages import Storage

WRITER = """
import os
with open("/data.new", "w") as file: file.write("new " * 100)
os.rename("/data.new", "/data")
with open("/after", "w") as file: file.write("x")
print("done")
import time
time.sleep(1000)
"""
OLD, NEW = b"old " * 100, b"new " * 100


def operations(folder: Path) -> int:
    with running(folder, WRITER, files={"/data": OLD}) as board:
        assert board.wait(lambda board: printed(board) == ["done"], 5000)
        return board.flash_counts()["operations"]


@pytest.mark.parametrize("torn", ["on", "off"])
def test_a_power_cut_at_any_operation_leaves_the_old_file_or_the_new(tmp_path: Path, torn: str) -> None:
    count = operations(tmp_path)
    assert 4 <= count <= 30
    seen = set()
    for cut_at in range(1, count + 1):
        world = {"power_cut_at": cut_at, "torn": torn}
        with running(tmp_path, WRITER, files={"/data": OLD}, world=world, seed=cut_at) as board:
            assert board.wait(lambda board: not board.powered, 5000)
            assert any(event.kind == "power cut" for event in board.events)
            assert board.get("power") == "off"
            image = board.flash_path
        content = read_files(image)["/data"]
        assert content in (OLD, NEW), cut_at
        seen.add(content)
    assert seen == {OLD, NEW}


def test_a_board_that_lost_power_starts_again_with_what_it_has(tmp_path: Path) -> None:
    with running(tmp_path, WRITER, files={"/data": OLD}, world={"power_cut_at": 3}) as board:
        assert board.wait(lambda board: not board.powered, 5000)
        board.set("power", "on")
        assert board.wait(lambda board: printed(board) == ["done"], 5000)
        assert kinds(board).count("boot power") == 2
    assert read_files(tmp_path / "unit.bin")["/data"] == NEW


def test_nvs_operations_count_towards_a_cut(tmp_path: Path) -> None:
    main = "import esp32\nnvs = esp32.NVS('n')\nfor i in range(100): nvs.set_i32('i', i)\n"
    with running(tmp_path, main, world={"power_cut_at": 50}) as board:
        assert board.wait(lambda board: not board.powered, 5000)
        assert board.flash_counts()["operations"] == 50
        storage = Storage(board.engine.flash, 0x9000, 0x6000)
        assert 5 <= int(storage.contents()["n"]["i"]) <= 30


def test_reads_programs_and_erases_are_counted_by_block(tmp_path: Path) -> None:
    main = "for i in range(20):\n with open('/log', 'a') as file: file.write('x' * 64)\nprint('done')\n"
    with running(tmp_path, main, speed=100.0) as board:
        before = board.flash_counts()
        assert board.wait(lambda board: "prompt" in kinds(board), 60_000)
        after = board.flash_counts()
        assert 15 <= after["erases"] - before["erases"] <= 30
        assert after["programmed_bytes"] > 20 * 64
        assert after["reads"] > before["reads"]
        assert sum(board.engine.flash.erased_blocks.values()) == after["erases"]
        assert min(board.engine.flash.erased_blocks) >= 0x200000 // 4096


def test_nvs_from_the_generator_is_read_by_the_program_and_back(tmp_path: Path) -> None:
    source, target = tmp_path / "nvs.csv", tmp_path / "nvs.bin"
    with source.open("w", newline="") as file:
        rows = [
            ("nameplate", "namespace", "", ""),
            ("unit", "data", "hex2bin", "0102ff"),
            ("dev", "data", "i32", "1"),
        ]
        csv.writer(file).writerows([("key", "type", "encoding", "value"), *rows])
    nvs_partition_gen.generate(
        SimpleNamespace(input=str(source), output=str(target), size="0x6000", version=2, outdir=str(tmp_path))
    )
    main = """
import esp32
nvs = esp32.NVS("nameplate")
buffer = bytearray(10)
print(nvs.get_blob("unit", buffer), buffer, nvs.get_i32("dev"))
for attempt in (
    lambda: nvs.get_i32("absent"),
    lambda: nvs.get_blob("unit", bytearray(2)),
    lambda: nvs.set_i32("a_name_too_long_", 1),
):
    try: attempt()
    except OSError as error: print(error.args)
nvs.set_blob("token", bytes(range(256)) * 15)
nvs.set_i32("bootcount", -3)
nvs.erase_key("dev")
nvs.commit()
"""
    with running(tmp_path, main, nvs=target.read_bytes()) as board:
        assert board.wait(lambda board: "prompt" in kinds(board), 5000)
        assert printed(board)[:4] == [
            "3 bytearray(b'\\x01\\x02\\xff\\x00\\x00\\x00\\x00\\x00\\x00\\x00') 1",
            "(-4354, 'ESP_ERR_NVS_NOT_FOUND')",
            "(-4364, 'ESP_ERR_NVS_INVALID_LENGTH')",
            "(-4361, 'ESP_ERR_NVS_KEY_TOO_LONG')",
        ]
        contents = Storage(board.engine.flash, 0x9000, 0x6000).contents()
    assert contents == {
        "nameplate": {"unit": b"\x01\x02\xff", "token": bytes(range(256)) * 15, "bootcount": -3}
    }


def test_partitions_are_those_of_the_table(tmp_path: Path) -> None:
    main = """
from esp32 import Partition
print([row.info() for row in Partition.find(Partition.TYPE_DATA)])
vfs = Partition.find(Partition.TYPE_DATA, label="vfs")[0]
print(vfs.ioctl(4, 0), vfs.ioctl(5, 0))
app = Partition("factory")
app.writeblocks(1, b"\\x55" * 4096)
app.writeblocks(1, b"\\x0f" * 16, 32)
buffer = bytearray(48)
app.readblocks(1, buffer)
print(buffer[30:34])
app.ioctl(6, 1)
app.readblocks(1, buffer)
print(buffer == b"\\xff" * 48)
try: app.readblocks(0x1f0, buffer)
except OSError as error: print(error.args[1])
"""
    with running(tmp_path, main) as board:
        assert board.wait(lambda board: "prompt" in kinds(board), 5000)
        assert printed(board)[:5] == [
            "[(1, 2, 36864, 24576, 'nvs', False), (1, 1, 61440, 4096, 'phy_init', False), "
            "(1, 129, 2097152, 2097152, 'vfs', False)]",
            "512 4096",
            "bytearray(b'UU\\x05\\x05')",
            "True",
            "ESP_ERR_INVALID_ARG",
        ]


@pytest.mark.parametrize("erase_ms", [40, 100])
def test_erasing_takes_the_time_it_takes_on_a_chip(tmp_path: Path, erase_ms: int) -> None:
    """An interrupt waits for the end of the erase that goes on, and NVS costs what its own erases and programs cost."""
    main = """
import time
from esp32 import NVS, Partition
from machine import Pin
vfs = Partition.find(Partition.TYPE_DATA, label="vfs")[0]
seen = []
Pin(4, Pin.IN, Pin.PULL_UP).irq(lambda pin: seen.append(time.ticks_ms()))
time.sleep_ms(1000 - time.ticks_ms())
started = time.ticks_ms()
vfs.ioctl(6, 400)
vfs.ioctl(6, 401)
time.sleep_ms(1)
print((time.ticks_diff(time.ticks_ms(), started) + 5) // 10 * 10, (time.ticks_diff(seen[0], started) + 5) // 10 * 10)
nvs = NVS("n")
worst = 0
for number in range(900):
    started = time.ticks_ms()
    nvs.set_i32("counter", number)
    worst = max(worst, time.ticks_diff(time.ticks_ms(), started))
print(worst // 10 * 10)
"""
    world = {} if erase_ms == 40 else {"flash_erase_ms": erase_ms}
    with running(tmp_path, main, world=world) as board:
        board.at(1_010, "button", "pressed")
        assert board.wait(lambda board: len(printed(board)) >= 2, 20_000)
        assert printed(board)[:2] == [f"{2 * erase_ms} {erase_ms}", str(erase_ms)]


def test_a_flash_may_only_clear_bits_and_erase_whole_blocks(tmp_path: Path) -> None:
    path = tmp_path / "flash.bin"
    path.write_bytes(b"\xff" * 0x4000)
    flash = Flash(path, random.Random(1))
    flash.program(0x1000, b"\x0f\xff")
    flash.program(0x1000, b"\xf0\x55")
    assert flash.read(0x1000, 2) == b"\x00\x55"
    with pytest.raises(ValueError, match="whole blocks"):
        flash.erase(0x1001, 0x1000)
    with pytest.raises(ValueError, match="no flash"):
        flash.program(0x3FFF, b"ab")
    flash.close()
