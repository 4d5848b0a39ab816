"""NVS on IDF's own pages: it reads what ESP-IDF's generator writes, survives a cut at any operation, and cleans up."""

import csv
import random
from pathlib import Path

import pytest
from esp_idf_nvs_partition_gen import nvs_partition_gen
from hypothesis import given, settings
from hypothesis import strategies as st

from nameplate.sim.flash import Flash, PowerCut
from nameplate.sim.nvs_pages import PAGE, NvsError, Storage

SIZE = 0x6000


class MemoryFlash:
    """Flash in memory that can fail at an operation and counts them; programming only clears bits."""

    def __init__(self, content: bytes = b"\xff" * SIZE) -> None:
        self.content = bytearray(content)
        self.operations = 0
        self.erases = 0
        self.cut_at: int | None = None
        self.part = 0.5

    def read(self, address: int, size: int) -> bytes:
        return bytes(self.content[address : address + size])

    def _count(self) -> bool:
        self.operations += 1
        return self.operations == self.cut_at

    def program(self, address: int, data: bytes) -> None:
        cut = self._count()
        if cut:
            data = data[: int(len(data) * self.part)]
        for at, byte in enumerate(data, address):
            self.content[at] &= byte
        if cut:
            raise PowerCut

    def erase(self, address: int, size: int) -> None:
        for start in range(address, address + size, PAGE):
            cut = self._count()
            self.erases += 1
            done = int(PAGE * self.part) if cut else PAGE
            self.content[start : start + done] = b"\xff" * done
            if cut:
                raise PowerCut


def generated(tmp_path: Path, rows: list[tuple[str, str, str, str]]) -> bytes:
    """A partition as ESP-IDF's own tool writes it."""
    source, target = tmp_path / "nvs.csv", tmp_path / "nvs.bin"
    with source.open("w", newline="") as file:
        csv.writer(file).writerows([("key", "type", "encoding", "value"), *rows])
    arguments = type("Arguments", (), {})()
    arguments.input, arguments.output, arguments.size = str(source), str(target), hex(SIZE)
    arguments.version, arguments.outdir = 2, str(tmp_path)
    nvs_partition_gen.generate(arguments)
    return target.read_bytes()


def test_what_idf_generates_is_read(tmp_path: Path) -> None:
    long = random.Random(1).randbytes(9000)
    blob = tmp_path / "blob.bin"
    blob.write_bytes(long)
    image = generated(
        tmp_path,
        [
            ("nameplate", "namespace", "", ""),
            ("unit", "data", "hex2bin", "00ff10"),
            ("long", "file", "binary", str(blob)),
            ("bootcount", "data", "i32", "-7"),
            ("other", "namespace", "", ""),
            ("unit", "data", "hex2bin", "aa"),
        ],
    )
    assert Storage(MemoryFlash(image), 0, SIZE).contents() == {
        "nameplate": {"unit": b"\x00\xff\x10", "long": long, "bootcount": -7},
        "other": {"unit": b"\xaa"},
    }


def test_what_we_write_has_the_same_bytes_as_idf_generates(tmp_path: Path) -> None:
    image = generated(
        tmp_path,
        [
            ("nameplate", "namespace", "", ""),
            ("bootcount", "data", "i32", "5"),
            ("unit", "data", "hex2bin", "00112233" * 20),
        ],
    )
    flash = MemoryFlash()
    storage = Storage(flash, 0, SIZE)
    number = storage.open("nameplate")
    storage.set_i32(number, "bootcount", 5)
    storage.set_blob(number, "unit", bytes.fromhex("00112233" * 20))
    assert bytes(flash.content) == image


def test_errors_are_those_of_idf() -> None:
    storage = Storage(MemoryFlash(), 0, SIZE)
    number = storage.open("nameplate")
    for attempt, code in (
        (lambda: storage.get_i32(number, "absent"), 0x1102),
        (lambda: storage.get_blob(number, "absent"), 0x1102),
        (lambda: storage.erase_key(number, "absent"), 0x1102),
        (lambda: storage.set_i32(number, "sixteen_letters_", 1), 0x1109),
        (lambda: storage.set_blob(number, "huge", bytes(20001)), 0x110E),
    ):
        with pytest.raises(NvsError) as caught:
            attempt()
        assert caught.value.code == code


def test_a_full_partition_says_so_and_keeps_what_it_has() -> None:
    flash = MemoryFlash()
    storage = Storage(flash, 0, SIZE)
    number = storage.open("nameplate")
    stored = {}
    with pytest.raises(NvsError, match="NOT_ENOUGH_SPACE"):
        for index in range(100):
            storage.set_blob(number, f"key{index}", bytes([index]) * 1000)
            stored[f"key{index}"] = bytes([index]) * 1000
    assert len(stored) > 15
    assert Storage(flash, 0, SIZE).contents() == {"nameplate": stored}
    storage.set_blob(number, "key1", b"short")  # room for this there is
    assert Storage(flash, 0, SIZE).get_blob(number, "key1") == b"short"


def test_a_counter_wears_all_pages_alike() -> None:
    flash = MemoryFlash()
    storage = Storage(flash, 0, SIZE)
    number = storage.open("nameplate")
    for value in range(5000):
        storage.set_i32(number, "bootcount", value)
    assert Storage(flash, 0, SIZE).contents() == {"nameplate": {"bootcount": 4999}}
    assert 35 <= flash.erases <= 42  # 5000 writes, 126 to a page


def test_a_partition_with_no_free_page_is_wiped_at_boot_as_the_port_does() -> None:
    flash = MemoryFlash()
    storage = Storage(flash, 0, SIZE)
    number = storage.open("nameplate")
    storage.set_i32(number, "one", 1)
    page = flash.content[:PAGE]
    for start in range(PAGE, SIZE, PAGE):
        flash.content[start : start + PAGE] = page
    with pytest.raises(NvsError, match="NO_FREE_PAGES"):
        Storage(flash, 0, SIZE)
    assert Storage.at_boot(flash, 0, SIZE).contents() == {}


def _history(storage: Storage, seed: int) -> list[dict[str, int | bytes]]:
    """Write a fixed random history; the states the storage goes through are yielded by the caller's retry."""
    rng = random.Random(seed)
    number = storage.open("n")
    state: dict[str, int | bytes] = {}
    states = [dict(state)]
    for step in range(30):
        key = f"k{rng.randrange(4)}"
        if rng.random() < 0.3:
            storage.set_i32(number, "i" + key, step)
            state["i" + key] = step
        else:
            value = rng.randbytes(rng.choice((0, 5, 31, 32, 33, 700, 2500)))
            storage.set_blob(number, key, value)
            state[key] = value
        states.append(dict(state))
    return states


@pytest.mark.parametrize("part", [0, 0.5, 1])
def test_power_cut_at_every_operation_leaves_the_old_or_the_new(part: float) -> None:
    whole = MemoryFlash()
    states = _history(Storage(whole, 0, SIZE), seed=3)
    for cut_at in range(1, whole.operations + 1, 1 if part == 0.5 else 3):
        flash = MemoryFlash()
        flash.part = part
        flash.cut_at = cut_at
        with pytest.raises(PowerCut):
            _history(Storage(flash, 0, SIZE), seed=3)
        flash.cut_at = None
        after = Storage(flash, 0, SIZE)
        assert after.contents().get("n", {}) in states, cut_at
        number = after.open("n")
        after.set_i32(number, "again", 1)
        assert Storage(flash, 0, SIZE).contents()["n"]["again"] == 1


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from("abc"), st.one_of(st.integers(-(2**31), 2**31 - 1), st.binary(max_size=3000))
        )
    )
)
def test_reads_back_what_was_written(writes: list[tuple[str, int | bytes]]) -> None:
    flash = MemoryFlash()
    storage = Storage(flash, 0, SIZE)
    number = storage.open("n")
    expected: dict[str, int | bytes] = {}
    for key, value in writes:
        if isinstance(value, int):
            storage.set_i32(number, "i" + key, value)
            expected["i" + key] = value
        else:
            storage.set_blob(number, key, value)
            expected[key] = value
    assert Storage(flash, 0, SIZE).contents() == {"n": expected}


def test_the_flash_counts_and_cuts(tmp_path: Path) -> None:
    path = tmp_path / "flash.bin"
    path.write_bytes(b"\xff" * 0x10000)
    flash = Flash(path, random.Random(1))
    flash.program(0x9000, b"\x0f")
    flash.program(0x9000, b"\xf0")
    assert flash.read(0x9000, 1) == b"\0"  # bits are only cleared
    flash.cut_in = 1
    with pytest.raises(PowerCut):
        flash.erase(0x9000, PAGE)
    assert flash.counts()["operations"] == 3
    flash.close()
