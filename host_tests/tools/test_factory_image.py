"""The flash image: the same bytes everywhere, the layout chips expect, and nothing of the machine that built it."""

from __future__ import annotations

import ast
import hashlib
import json
import os
import re
import shutil
import struct
import subprocess
import sys
import zipfile
from pathlib import Path
from types import SimpleNamespace

import pytest

from host_tests.tools.file_partition import PARTITION
from nameplate.cli import main, output
from nameplate.errors import NameplateError
from nameplate.factory import comb, device_model, image, littlefs_image, partitions, profile, sources
from nameplate.factory.code import Code
from nameplate.factory.compile import MPY_HEADER, compile_module
from nameplate.factory.littlefs_image import FileSystem

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    out = tmp_path_factory.mktemp("built") / "kf320.bin"
    return image.build_image("kf320", out), out.read_bytes()


@pytest.fixture(scope="module")
def files(built) -> dict[str, bytes]:
    system = FileSystem(built[1][partitions.VFS.offset :])
    return {path: system.read(path) for path, _ in system.files()}


def build_elsewhere(out: Path, cwd: Path, python_path: Path, **environment: str) -> str:
    """Build the image in a fresh process and return its SHA-256."""
    code = (
        f"import os; os.umask(0o{environment.pop('UMASK', '022')})\n"
        f"from nameplate.cli.main import main; main(['factory', 'image', '--model', 'kf320', '--out', {str(out)!r}])"
    )
    subprocess.run(
        [sys.executable, "-c", code],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(python_path), **environment},
        check=True,
        capture_output=True,
        timeout=60,
    )
    return hashlib.sha256(out.read_bytes()).hexdigest()


def test_the_same_input_gives_the_same_bytes(tmp_path, built):
    far = tmp_path / "a far place"
    far.mkdir()
    first = build_elsewhere(
        tmp_path / "1.bin", ROOT, ROOT / "tools", TZ="UTC", PYTHONHASHSEED="1", UMASK="022"
    )
    second = build_elsewhere(
        far / "2.bin",
        far,
        ROOT / "tools",
        TZ="Asia/Kolkata",
        LC_ALL="tr_TR.UTF-8",
        PYTHONHASHSEED="77",
        UMASK="077",
        HOME=str(far),
        SOURCE_DATE_EPOCH="1",
    )
    assert first == second == built[0].sha256


def test_a_copy_of_the_sources_with_other_times_and_order_gives_the_same_bytes(tmp_path, built, monkeypatch):
    copy = tmp_path / "copy"
    copy.mkdir()
    for name in reversed(["boot.py", "main.py", "firmware", "lib", "models"]):
        copier = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copier(ROOT / name, copy / name)
    for path in copy.rglob("*"):
        os.utime(path, (1, 1))
    (copy / "firmware" / "__pycache__").mkdir(exist_ok=True)
    (copy / "firmware" / "__pycache__" / "app.py").write_text("left over")
    (copy / "firmware" / "notes.txt").write_text("not code")
    monkeypatch.setattr(image, "device_root", lambda: copy)
    assert image.build_image("kf320", tmp_path / "copy.bin").sha256 == built[0].sha256


def test_the_partition_table_is_the_stock_one(built):
    table = built[1][0x8000:0x8C00]
    # Magic, data, nvs, 0x9000, 0x6000, label, no flags: written by hand from ESP-IDF's documentation.
    assert table[:32] == bytes.fromhex("aa500102 00900000 00600000") + b"nvs".ljust(16, b"\0") + bytes(4)
    assert table[64:96] == bytes.fromhex("aa500000 00000100 00001f00") + b"factory".ljust(16, b"\0") + bytes(
        4
    )
    assert table[96:128] == bytes.fromhex("aa500181 00002000 00002000") + b"vfs".ljust(16, b"\0") + bytes(4)
    assert table[128:160] == b"\xeb\xeb" + b"\xff" * 14 + hashlib.md5(table[:128]).digest()
    assert set(table[160:]) == {0xFF}
    assert partitions.read_table(table) == partitions.LAYOUT


def test_a_damaged_partition_table_is_refused(built):
    table = bytearray(built[1][0x8000:0x8C00])
    table[12] ^= 1
    with pytest.raises(ValueError, match="MD5"):
        partitions.read_table(bytes(table))
    with pytest.raises(ValueError, match="no partition table"):
        partitions.read_table(b"\xff" * 0xC00)


def test_what_a_base_or_provisioning_fills_later_is_erased(built):
    report, data = built
    assert len(data) == report.size == 4 * 1024 * 1024
    for start, end in ((0, 0x8000), (0x8C00, partitions.VFS.offset)):
        assert data.count(0xFF, start, end) == end - start
    assert "erased" in report.base


def test_the_disk_version_is_one_that_micropython_1_23_mounts(built):
    superblock = built[1][partitions.VFS.offset :][:4096]
    at = superblock.index(b"littlefs") + 8
    version, block_size, block_count = struct.unpack_from("<III", superblock, at + 4)
    assert (version, block_size, block_count) == (0x00020000, 4096, 512)


def test_both_slots_are_alike_and_entry_files_stay_source(files):
    slots = {
        letter: {path[2:]: data for path, data in files.items() if path.startswith(f"/{letter}/")}
        for letter in "ab"
    }
    assert slots["a"] == slots["b"]
    assert set(files) == {f"/{s}{path}" for s in slots for path in slots[s]} | {
        "/boot.py",
        "/main.py",
        "/p256_comb.bin",
    }
    assert files["/boot.py"] == (ROOT / "boot.py").read_bytes()
    assert files["/main.py"] == (ROOT / "main.py").read_bytes()
    assert files["/p256_comb.bin"] == comb.table()
    model = {f"/{path}": data for path, data in device_model.files(profile.load(ROOT, "kf320"))}
    assert {path: slots["a"][path] for path in model} == model
    bundles = {f"/{name.replace('.', '/')}.mpy" for name in Code(ROOT).modules()}
    assert set(slots["a"]) == bundles | set(model)


def test_all_code_is_bytecode_for_any_32_bit_chip(files):
    modules = {path: data for path, data in files.items() if path.endswith(".mpy")}
    assert len(modules) > 8
    assert {path for path, data in modules.items() if data[:4] != b"M\x06\x00\x1f"} == set()
    assert MPY_HEADER == b"M\x06\x00\x1f"


def test_no_path_of_this_machine_is_in_the_image(files):
    for path, data in files.items():
        for place in (str(ROOT), str(Path.home()), "/tmp", "site-packages"):
            assert place.encode() not in data, path
        if path.endswith(".mpy"):
            assert path[3:-4].replace("/", ".").encode() in data  # only its own name


def test_device_code_has_no_assert_for_the_compiler_to_drop():
    """Asserts are compiled away: a check that matters may not be one."""
    found = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for package in ("firmware", "lib")
        for path in (ROOT / package).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_bytes()))
        if isinstance(node, ast.Assert)
    ]
    assert found == []


def test_asserts_are_dropped_and_line_numbers_kept(tmp_path, micropython):
    source = b"def check():\n    assert False\n    return 'went on'\n\n\ndef fail():\n    return [][0]\n"
    (tmp_path / "probe.mpy").write_bytes(compile_module(source, "probe"))
    said = micropython(
        f"import io\nsys.path.insert(0, {str(tmp_path)!r})\nimport probe\nprint(probe.check())\n"
        "try:\n    probe.fail()\nexcept IndexError as error:\n    text = io.StringIO()\n"
        "    sys.print_exception(error, text)\n    print(text.getvalue())\n"
    )
    assert "went on" in said
    assert 'File "probe", line 7, in fail' in said


MOUNT = f"""
{PARTITION}
partition = Partition(sys.argv[1], 0x200000, 512)
vfs.mount(vfs.VfsLfs2(partition), "/flash")  # the defaults of the esp32 port
"""


def test_the_interpreter_mounts_it_as_the_chip_does_and_runs_its_code(tmp_path, built, micropython):
    path = tmp_path / "flash.bin"
    path.write_bytes(built[1])
    said = micropython(
        MOUNT
        + "sys.path[:] = ['/flash/b', '.frozen']\nfrom lib import trouble\n"
        + f"print(trouble.__file__, trouble.{Code(ROOT).exported('lib.trouble', 'describe')}(ValueError(3)))\n"
        + "with open('/flash/data/note', 'w') as note:\n    note.write('kept')\nvfs.umount('/flash')\npartition.file.close()\n",
        str(path),
    )
    assert said.split() == ["/flash/b/lib/trouble.mpy", "ValueError(3,)"]
    assert FileSystem(path.read_bytes()[partitions.VFS.offset :]).read("/data/note") == b"kept"


def test_every_module_of_the_image_loads_as_bytecode(tmp_path, built, micropython):
    """Loads, not runs: `.mpy` of the wrong version or word size is refused by the loader itself."""
    path = tmp_path / "flash.bin"
    path.write_bytes(built[1])
    said = micropython(
        MOUNT
        + "sys.path[:] = ['/flash/a', '.frozen']\nwrong = []\n"
        + "for name in sys.argv[2:]:\n    try:\n        __import__(name)\n"
        + "    except ValueError as error:\n        wrong.append((name, str(error)))\n"
        + "    except (ImportError, OSError):\n        pass  # modules of the chip are not here\n"
        + "print(wrong)\n",
        str(path),
        *[p[3:-4].replace("/", ".") for p in built[0].files if re.match(r"/a/lib/.*\.mpy", p)],
        heap="1m",
    )
    assert said.strip() == "[]"


def test_sizes_are_whole_blocks_and_within_their_limits(built):
    report, data = built
    assert report.slot_bytes % 4096 == report.total_bytes % 4096 == 0
    assert 0 < report.slot_bytes <= report.slot_limit == 450 * 1024
    assert 2 * report.slot_bytes + 64 * 1024 < report.total_bytes <= report.total_limit == 900 * 1024
    held = sum(size for path, size in report.files.items() if path.startswith("/a/"))
    assert held < report.slot_bytes
    system = FileSystem(data[partitions.VFS.offset :])
    assert system.used_bytes == report.total_bytes


@pytest.mark.parametrize(
    ("limit", "what"), [("SLOT_LIMIT", "slot a takes"), ("TOTAL_LIMIT", "the file system takes")]
)
def test_too_much_is_refused_with_the_numbers_and_the_old_image_stays(
    tmp_path, monkeypatch, built, limit, what
):
    out = tmp_path / "kf320.bin"
    out.write_bytes(b"old")
    monkeypatch.setattr(image, limit, 4096)
    with pytest.raises(NameplateError, match=rf"{what} \d+ bytes on flash, the limit is 4096"):
        image.build_image("kf320", out)
    assert [(p.name, p.read_bytes()) for p in tmp_path.iterdir()] == [("kf320.bin", b"old")]


def test_more_than_the_flash_holds_is_refused(tmp_path):
    with pytest.raises(NameplateError, match="the file system is full at /a/big"):
        FileSystem().write("/a/big", bytes(3 * 1024 * 1024))


@pytest.fixture
def changed_sources(tmp_path, monkeypatch):
    """A copy of the device sources that a test may spoil."""
    root = tmp_path / "sources"
    shutil.copytree(ROOT / "firmware", root / "firmware")
    shutil.copytree(ROOT / "lib", root / "lib")
    shutil.copytree(ROOT / "models", root / "models")
    for name in ("boot.py", "main.py"):
        shutil.copy(ROOT / name, root / name)
    monkeypatch.setattr(image, "device_root", lambda: root)
    return root


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("x = 1\ny = = 2\n", r"firmware/alarm.py line 2 does not compile: SyntaxError"),
        ('a = f"{1}" f"{2}"\n', r"firmware/alarm.py line 1 does not compile"),
        ("import micropython\n@micropython.native\ndef f():\n    pass\n", r"firmware/alarm.py"),
    ],
)
def test_code_that_no_chip_would_load_is_refused_with_its_place(changed_sources, tmp_path, source, said):
    (changed_sources / "firmware/alarm.py").write_text(source)
    with pytest.raises(NameplateError, match=said):
        image.build_image("kf320", tmp_path / "x.bin")
    assert not (tmp_path / "x.bin").exists()


def test_a_wrong_profile_is_refused_with_its_line(changed_sources, tmp_path):
    path = changed_sources / "models/kf320/profile.json"
    path.write_text(path.read_text().replace('"pan": 34', '"pan": 12'))
    with pytest.raises(NameplateError, match=r"models/kf320/profile.json line 6: .*strapping"):
        image.build_image("kf320", tmp_path / "x.bin")


@pytest.mark.parametrize("folder", profile.models(ROOT))
def test_an_image_of_every_model_fits(folder, tmp_path):
    report = image.build_image(folder, tmp_path / "x.bin")
    assert (
        report.total_bytes + image.RECORDS_ROOM <= 0xF0000
    )  # what a partition table with two programs leaves
    assert image.read_image(tmp_path / "x.bin").model == report.model


def test_a_wrong_catalogue_is_refused_with_its_line(changed_sources, tmp_path):
    path = changed_sources / "models/kf320/words.de.json"
    path.write_text(path.read_text().replace("{hours} lang", "{hour} lang", 1))
    with pytest.raises(
        NameplateError, match=r"models/kf320/words.de.json line \d+: T01.owner: {hour} is no number"
    ):
        image.build_image("kf320", tmp_path / "x.bin")


def test_a_write_that_fails_leaves_the_old_image_and_nothing_else(tmp_path, monkeypatch):
    out = tmp_path / "kf320.bin"
    out.write_bytes(b"old")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device", str(out))

    monkeypatch.setattr(os, "replace", full)
    assert main.run(["factory", "image", "--model", "kf320", "--out", str(out)]) == 2
    assert [(p.name, p.read_bytes()) for p in tmp_path.iterdir()] == [("kf320.bin", b"old")]


def test_a_file_that_is_no_image_is_refused(tmp_path, built):
    data = built[1]
    cases = {
        "short": data[:-1],
        "empty": b"",
        "other": bytes(len(data)),
        "table": data[:0x8000] + partitions.write_table((partitions.NVS,)) + data[0x8C00:],
        "files": data[: partitions.VFS.offset] + b"\xff" * partitions.VFS.size,
    }
    for name, content in cases.items():
        path = tmp_path / name
        path.write_bytes(content)
        with pytest.raises(NameplateError, match="is not a Nameplate image"):
            image.read_image(path)


def test_the_verb_tells_what_it_built(tmp_path, capsys, built, monkeypatch):
    monkeypatch.setattr(output, "time", SimpleNamespace(monotonic=lambda: 0.0))
    out = tmp_path / "kf320.bin"
    assert main.run(["factory", "image", "--model", "kf320", "--out", str(out)]) == 0
    text, progress = capsys.readouterr()
    assert {line.split(" ")[0] for line in progress.splitlines()} <= {
        "compiling",
        "writing",
    }  # when it is slow
    assert built[0].sha256 in text
    assert "of 450 KiB" in text and "of 900 KiB" in text
    assert "bootloader and application areas are erased" in text
    assert main.run(["factory", "image", "--model", "kf320", "--out", str(out), "--explain"]) == 0
    explained = capsys.readouterr().out
    assert re.search(r"^0x200000  0x400000 +2048 KiB +\d+ KiB \d\d % +vfs: ", explained, re.MULTILINE)
    assert re.search(r"^     0x0    0x8000 +32 KiB +erased +bootloader: ", explained, re.MULTILINE)
    assert re.search(r"^ +65536  /p256_comb.bin$", explained, re.MULTILINE)
    for name in ("profile.json", "rules.bin", "catalogue_de.jsonl", "catalogue_en.jsonl"):
        assert re.search(rf"^ +\d+  /a/models/{name}$", explained, re.MULTILINE), name
    assert re.search(r"^  firmware/app\.mpy \(stays\): .*\bfirmware\.app$", explained, re.MULTILINE)
    assert re.search(r"^  lib/trouble\.mpy \(dropped after use\): lib\.trouble$", explained, re.MULTILINE)
    assert main.run(["factory", "image", "--model", "kf320", "--out", str(out), "--explain", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    bundles = told["bundles"]
    assert [bundle["file"] for bundle in bundles[:2]] == ["firmware/app.mpy", "firmware/agent.mpy"]
    assert [bundle["stays"] for bundle in bundles] == [True, True] + [False] * (len(bundles) - 2)
    assert {bundle["file"]: bundle["modules"] for bundle in bundles} == {
        f"{name.replace('.', '/')}.mpy": list(modules) for name, modules in Code(ROOT).modules().items()
    }
    assert (told["sha256"], told["model"], told["base"]) == (built[0].sha256, "KF-320", image.BASE_MISSING)


def test_progress_is_told_only_by_slow_builds(tmp_path, capsys, monkeypatch):
    from nameplate.cli import factory

    clock = iter(range(0, 10_000, 1))
    monkeypatch.setattr(factory.time, "monotonic", lambda: next(clock))
    assert main.run(["factory", "image", "--model", "kf320", "--out", str(tmp_path / "x.bin")]) == 0
    lines = capsys.readouterr().err.splitlines()
    assert re.fullmatch(r"compiling firmware/\w+\.py \(3 s\)", lines[0])
    assert lines[-1].startswith("writing the")


def test_an_unknown_model_and_a_missing_folder_are_refused(tmp_path, capsys):
    assert main.run(["factory", "image", "--model", "toaster", "--out", str(tmp_path / "x.bin")]) == 2
    assert "models with a profile: gs45, kf320, wm90" in capsys.readouterr().err
    assert main.run(["factory", "image", "--model", "kf320", "--out", str(tmp_path / "no" / "x.bin")]) == 2
    assert "no folder" in capsys.readouterr().err


def test_an_installed_wheel_builds_the_same_image_away_from_the_checkout(tmp_path, built):
    """The wheel carries the device sources; installed without dependencies, which this environment has."""
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet"]

    def run(*command: str, **environment: str) -> str:
        done = subprocess.run(
            command,
            cwd=tmp_path,
            env={**os.environ, **environment},
            check=True,
            capture_output=True,
            text=True,
            timeout=100,
        )
        return done.stdout

    run(*pip, "wheel", "--no-build-isolation", "--no-deps", "--wheel-dir", str(tmp_path), str(ROOT))
    (wheel,) = tmp_path.glob("nameplate-*.whl")
    assert not [name for name in zipfile.ZipFile(wheel).namelist() if "__pycache__" in name]
    installed = tmp_path / "installed"
    run(*pip, "install", "--no-deps", "--no-index", "--no-compile", "--target", str(installed), str(wheel))
    code = "from nameplate.factory.sources import device_root; print(device_root())"
    found = run(sys.executable, "-c", code, PYTHONPATH=str(installed))
    assert Path(found.strip()) == installed / "nameplate" / "_device"
    assert build_elsewhere(tmp_path / "x.bin", tmp_path, installed) == built[0].sha256


def test_an_installation_without_device_sources_says_so(monkeypatch, tmp_path):
    monkeypatch.setattr(sources, "_PACKAGE", tmp_path / "site" / "tools" / "nameplate")
    with pytest.raises(NameplateError, match="device sources"):
        sources.device_root()


def test_the_geometry_is_the_ports():
    assert littlefs_image.BLOCK_SIZE * littlefs_image.BLOCK_COUNT == partitions.VFS.size
    assert profile.models(ROOT)
