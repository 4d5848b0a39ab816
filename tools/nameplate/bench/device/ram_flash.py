"""NOR flash in RAM, for MicroPython: littlefs runs on it, its wear is counted, and each operation can be kept.

An operation is one erase of a block or one program of a run of bytes. Programming only clears bits, as on the chip.
"""

import vfs

BLOCK = 4096


class RamFlash:
    """A block device of `blocks` blocks of 4096 bytes. `log`: (offset, bytes), or (offset, None) for an erase."""

    def __init__(self, blocks, data=None):
        self.blocks = blocks
        self.data = bytearray(b"\xff" * (blocks * BLOCK)) if data is None else data
        self.log = None
        self.erases = 0
        self.programs = 0
        self.programmed = 0
        self.wear = [0] * blocks

    def readblocks(self, block, buffer, offset=0):
        at = block * BLOCK + offset
        buffer[:] = self.data[at : at + len(buffer)]

    def writeblocks(self, block, buffer, offset=0):
        self.programs += 1
        self.programmed += len(buffer)
        at = block * BLOCK + offset
        if self.log is not None:
            self.log.append((at, bytes(buffer)))
        program(self.data, at, buffer)

    def ioctl(self, request, argument):
        if request == 4:
            return self.blocks
        if request == 5:
            return BLOCK
        if request == 6:
            self.erases += 1
            self.wear[argument] += 1
            if self.log is not None:
                self.log.append((argument * BLOCK, None))
            erase(self.data, argument * BLOCK, BLOCK)
        return 0

    def mount(self, path, make=False):
        """Mount littlefs with the ESP32 port's own sizes."""
        if make:
            vfs.VfsLfs2.mkfs(self, readsize=32, progsize=32, lookahead=32)
        vfs.mount(vfs.VfsLfs2(self, readsize=32, progsize=32, lookahead=32), path)


def program(data, at, new):
    """Clear the bits that are clear in `new`."""
    old = data[at : at + len(new)]
    if old == b"\xff" * len(new):
        data[at : at + len(new)] = new
    else:
        bits = int.from_bytes(old, "little") & int.from_bytes(new, "little")
        data[at : at + len(new)] = bits.to_bytes(len(new), "little")


def erase(data, at, size):
    """Set all bits."""
    data[at : at + size] = b"\xff" * size
