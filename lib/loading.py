"""Loads modules from flash in a twentieth of the reads.

An import asks for a folder, a .py and a .mpy, and for each littlefs walks the logs of three directories in reads of 128
bytes: 15,000 to 20,000 for the whole agent, about a second on a chip. `with Quick():` mounts the flash a second time, to
read only, over a small cache of flash lines, and looks for modules there. "/" stays as it is: whatever fails, and on a
build without flashbdev, the imports go the plain way.

The mount itself costs about as much as one module does without it. Between the two mounts nothing is kept in step. So the block only imports: it writes nothing and awaits nothing.
"""

import sys

_PLACE = "/quick"
_READ = 256
_BLOCK = 4096
_LINE = 512


class Quick:
    """A context manager; `mounted` tells whether the short way is open.

    `lines` of 512 bytes are kept: 8 are enough for the directories on the way to a few modules and a file, 20 for all.
    """

    def __init__(self, lines=8):
        self._lines = lines
        self.mounted = False

    def __enter__(self):
        try:
            import flashbdev
            import vfs

            vfs.mount(vfs.VfsLfs2(_Cache(flashbdev.bdev, self._lines), readsize=_READ), _PLACE, readonly=True)
        except Exception:  # noqa: BLE001 - no room, no flash, another build: the plain way is still there
            return self
        self.mounted = True
        _move("", _PLACE)
        return self

    def __exit__(self, *_):
        if self.mounted:
            import vfs

            self.mounted = False
            _move(_PLACE, "")
            vfs.umount(_PLACE)


def _move(old, new):
    """Look for modules under `new` instead of `old`: in the path, and in the packages that are loaded."""
    sys.path[0] = new + sys.path[0][len(old) :]
    for module in sys.modules.values():
        place = getattr(module, "__path__", "")
        if isinstance(place, str) and place.startswith(old + "/"):
            module.__path__ = new + place[len(old) :]


class _Cache:
    """A block device of which the lines read last are kept in memory, in a ring."""

    def __init__(self, device, lines):
        self._device = device
        self._lines = [memoryview(bytearray(_LINE)) for _ in range(lines)]
        self._at = [-1] * lines
        self._next = 0

    def readblocks(self, block, buffer, offset=0):
        # Called thousands of times, nearly always for bytes of one line.
        size = len(buffer)
        skip = offset % _LINE
        if skip + size <= _LINE:
            buffer[:] = self._line(block, offset - skip)[skip : skip + size]
            return
        done = 0
        while done < size:
            part = min(_LINE - skip, size - done)
            buffer[done : done + part] = self._line(block, offset - skip)[skip : skip + part]
            done += part
            offset += part
            skip = 0

    def _line(self, block, offset):
        start = block * _BLOCK + offset
        try:
            return self._lines[self._at.index(start)]
        except ValueError:
            pass
        index = self._next
        self._next = (index + 1) % len(self._at)
        self._at[index] = -1
        self._device.readblocks(block, self._lines[index], offset)
        self._at[index] = start
        return self._lines[index]

    def writeblocks(self, block, buffer, offset=0):
        raise OSError(30)  # a read-only file system

    def ioctl(self, request, argument):
        return self._device.ioctl(request, argument)
