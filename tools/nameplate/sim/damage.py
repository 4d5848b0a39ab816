"""What `nvs=`, `mirror=` and `profile=` do to a unit's flash at the next start: it changes from outside.

Nothing of it counts as wear, or can be cut by a failing supply. Once done, the key is `ok` again.
"""

from __future__ import annotations

import random

from nameplate.factory.littlefs_image import FileSystem
from nameplate.factory.mirror_image import FOLDER
from nameplate.factory.partitions import Partition
from nameplate.sim.flash import Flash
from nameplate.sim.nvs_page import PAGE
from nameplate.sim.wiring import PROFILES
from nameplate.sim.world import World

_NVS_BYTES = 24  # spoilt on each page that is in use
_PROFILE_BYTES = 24


def befall(
    world: World, flash: Flash, nvs: Partition | None, files: Partition | None, rng: random.Random
) -> None:
    """Do what the world has in store. A file system that cannot be read stays as it is."""
    if nvs is not None and world["nvs"] in ("erased", "damaged"):
        _nvs(flash, nvs, world["nvs"], rng)
        world.set("nvs", "ok")
    if files is not None and world["mirror"] != "ok":
        _mirror(flash, files, world["mirror"], rng)
        world.set("mirror", "ok")
    if files is not None and world["profile"] != "ok":
        _profile(flash, files, world["profile"], rng)
        world.set("profile", "ok")


def _nvs(flash: Flash, place: Partition, how: str, rng: random.Random) -> None:
    if how == "erased":
        flash.poke(place.offset, b"\xff" * place.size)
        return
    for page in range(place.offset, place.end, PAGE):
        data = bytearray(flash.peek(page, PAGE))
        used = len(data.rstrip(b"\xff"))
        for _ in range(_NVS_BYTES if used else 0):
            data[rng.randrange(used)] ^= rng.randrange(1, 256)
        flash.poke(page, bytes(data))


def _mirror(flash: Flash, place: Partition, how: str, rng: random.Random) -> None:
    _files(flash, place, how, rng, f"{FOLDER}/", 1)


def _profile(flash: Flash, place: Partition, how: str, rng: random.Random) -> None:
    for path in PROFILES:
        _files(flash, place, how, rng, path, _PROFILE_BYTES)


def _files(flash: Flash, place: Partition, how: str, rng: random.Random, start: str, most: int) -> None:
    """Remove the files whose paths begin so, or spoil up to `most` bytes of each."""
    try:
        system = FileSystem(flash.peek(place.offset, place.size))
    except ValueError:
        return
    for path, size in list(system.files()):
        if not path.startswith(start):
            continue
        if how == "erased":
            system.remove(path)
        elif size:
            data = bytearray(system.read(path))
            for _ in range(most):
                data[rng.randrange(size)] ^= rng.randrange(1, 256)
            system.write(path, bytes(data))
    flash.poke(place.offset, system.image())
