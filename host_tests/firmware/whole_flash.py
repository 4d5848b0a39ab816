"""A chip's flash for device code on CPython: real NVS pages and real littlefs, on one simulated chip that can lose power.

`Chip.powered(...)` is one boot: firmware modules see its files and its NVS. A cut in the n-th flash operation, whoever
makes it, ends the boot: Cut is no Exception, so that device code cannot go on after it.
"""

import contextlib
import random
import shutil

import pytest
from littlefs import LittleFS, LittleFSError

from firmware import losses, mirror, outbox, segments, segments_recovery
from nameplate.sim.flash import BLOCK, Flash, PowerCut
from nameplate.sim.nvs_pages import NvsError, Storage

NVS = 0x6000
BLOCKS = 40
FILES = (losses, mirror, outbox, segments, segments_recovery)


class Cut(BaseException):
    """The supply failed."""


class Chip:
    """`path`: the file that holds the flash. `nvs_fails`, `files_fail`: one of them takes no more writes."""

    def __init__(self, path, seed=0):
        if not path.exists():
            path.write_bytes(b"\xff" * (NVS + BLOCKS * BLOCK))
            self.path = path
            with self._mounted(Flash(path, random.Random(0)), make=True) as files:
                files.mkdir("/data")
        self.path = path
        self.random = random.Random(seed)
        self.nvs_fails = self.files_fail = False
        self.operations = 0

    def copy(self, path):
        """The same flash in another file."""
        shutil.copy(self.path, path)
        return Chip(path)

    @contextlib.contextmanager
    def powered(self, cut=None):
        """One boot; yields its Nvs. `operations` counts what it did to the flash."""
        flash = Flash(self.path, self.random)
        flash.cut_in = cut
        try:
            files = self._files(flash)
            try:
                nvs = Nvs(self, Storage.at_boot(flash, 0, NVS))
            except PowerCut as error:
                raise Cut from error
            with pytest.MonkeyPatch.context() as patch:
                for module in FILES:
                    patch.setattr(module, "open", files.open, raising=False)
                    if hasattr(module, "os"):
                        patch.setattr(module, "os", files)
                yield nvs
        finally:
            self.operations = flash.programs + flash.erases
            flash.close()

    @contextlib.contextmanager
    def _mounted(self, flash, make=False):
        yield self._files(flash, make)
        flash.close()

    def _files(self, flash, make=False):
        context = Context(self, flash)
        options = {
            "block_size": BLOCK,
            "block_count": BLOCKS,
            "read_size": 32,
            "prog_size": 32,
            "cache_size": 128,
        }
        system = LittleFS(context=context, mount=False, **options)
        if make:
            self.files_fail = False
            system.format()
        system.mount()
        return Files(system, context)

    # What happens to a unit between two boots

    def nvs_contents(self):
        flash = Flash(self.path, self.random)
        try:
            return Storage.at_boot(flash, 0, NVS).contents()["nameplate"]
        finally:
            flash.close()

    def erase_nvs(self):
        self._put(0, b"\xff" * NVS)

    def nvs_image(self):
        return self.path.read_bytes()[:NVS]

    def restore_nvs(self, image):
        self._put(0, image)

    def damage_nvs(self, page, choose):
        """Some bytes of a page go wrong."""
        with open(self.path, "r+b") as file:
            for _ in range(choose.randrange(1, 40)):
                file.seek(page * BLOCK + choose.randrange(BLOCK))
                file.write(bytes([choose.randrange(256)]))

    def spoil_free_nvs(self, size):
        """Some bytes that NVS will write to can no longer hold anything but 0; where it begins shows nothing."""
        flash = Flash(self.path, self.random)
        page = Storage.at_boot(flash, 0, NVS)._pages[-1]
        flash.close()
        self._put(page._address + 64 + page.next_free * 32 + 64, bytes(size))

    def change_files(self, change):
        """`change(files)`, as from outside: no power is lost, nothing fails."""
        fails, self.files_fail = self.files_fail, False
        with self._mounted(Flash(self.path, random.Random(0))) as files:
            change(files)
        self.files_fail = fails

    def _put(self, at, data):
        with open(self.path, "r+b") as file:
            file.seek(at)
            file.write(data)


class Nvs:
    """As firmware.board.Nvs, on real pages."""

    def __init__(self, chip, storage):
        self._chip = chip
        self._storage = storage
        self._namespace = storage.open("nameplate")

    def get_blob(self, key, limit):
        try:
            data = self._storage.get_blob(self._namespace, key)
        except NvsError:
            return None
        return data if len(data) <= limit else None

    def get_i32(self, key):
        try:
            return self._storage.get_i32(self._namespace, key)
        except NvsError:
            return None

    def set_blob(self, key, value):
        self._write(self._storage.set_blob, key, bytes(value))

    def set_i32(self, key, value):
        self._write(self._storage.set_i32, key, value)

    def commit(self):
        pass

    def _write(self, write, key, value):
        if self._chip.nvs_fails:
            raise OSError(-0x110B)
        try:
            write(self._namespace, key, value)
        except NvsError as error:
            raise OSError(-error.code) from error
        except PowerCut as error:
            raise Cut from error


class Context:
    """The block device under littlefs. What littlefs is told of a cut it may swallow: see Files."""

    def __init__(self, chip, flash):
        self.chip = chip
        self._flash = flash
        self.cut = False

    def read(self, cfg, block, offset, size):
        return bytearray(self._flash.read(NVS + block * BLOCK + offset, size))

    def prog(self, cfg, block, offset, data):
        return self._do(lambda: self._flash.program(NVS + block * BLOCK + offset, bytes(data)))

    def erase(self, cfg, block):
        return self._do(lambda: self._flash.erase(NVS + block * BLOCK, BLOCK))

    def sync(self, cfg):
        return 0

    def _do(self, operation):
        if self.cut:
            return -5
        try:
            operation()
            return 0
        except PowerCut:
            self.cut = True
            return -5


class Files:
    """open() and the part of `os` that device code uses, on littlefs."""

    def __init__(self, system, context):
        self._system = system
        self._context = context

    def _call(self, method, *args, **options):
        try:
            found = method(*args, **options)
        except FileNotFoundError:
            raise
        except LittleFSError as error:
            if self._context.cut:
                raise Cut from error
            raise OSError(-error.code, "littlefs") from error
        except OSError:
            if self._context.cut:
                raise Cut from None
            raise
        if self._context.cut:
            raise Cut
        return found

    def _writing(self):
        # Not from below, as an error of the flash: littlefs keeps its cache then, and aborts at the next write.
        if self._context.chip.files_fail:
            raise OSError(30, "read-only")

    def open(self, path, mode):
        if mode != "rb":
            self._writing()
        return File(self, self._call(self._system.open, path, mode, buffering=0))

    def mkdir(self, path):
        self._writing()
        self._call(self._system.mkdir, path)

    def remove(self, path):
        self._writing()
        self._call(self._system.remove, path)

    def rename(self, old, new):
        self._writing()
        self._call(self._system.rename, old, new)

    def listdir(self, path):
        return self._call(self._system.listdir, path)

    def stat(self, path):
        return (0,) * 6 + (self._call(self._system.stat, path).size,)

    def fill(self):
        """Leave no block free."""
        for count in range(BLOCKS, 0, -1):
            with contextlib.suppress(OSError), self.open("/filler", "wb") as file:
                file.write(bytes(count * BLOCK))
                return

    def room(self):
        with contextlib.suppress(FileNotFoundError):
            self.remove("/filler")


class File:
    def __init__(self, files, file):
        self._files = files
        self._file = file

    def __enter__(self):
        return self

    def __exit__(self, *_):
        try:
            self._files._call(self._file.close)
        finally:
            setattr(
                self._file, "__IOBase_closed", True
            )  # or it is closed again when collected, and littlefs aborts

    def write(self, data):
        return self._files._call(self._file.write, bytes(data))

    def read(self, size=-1):
        return self._files._call(self._file.read, size)

    def readinto(self, buffer):
        return self._files._call(self._file.readinto, buffer)

    def seek(self, *where):
        return self._files._call(self._file.seek, *where)
