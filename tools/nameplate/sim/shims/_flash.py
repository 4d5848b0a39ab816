# The flash chip: reads go to the file, erases and programs to the supervisor, which counts them and may cut the power.
import _core
import struct

_file = open(_core.hello["flash"], "rb")


def read(address, buffer):
    _core.reads += 1
    _file.seek(address)
    _file.readinto(buffer)


def program(address, data):
    _core.request(_core.PROGRAM, struct.pack("<I", address) + data)


def erase(address, size):
    _core.request(_core.ERASE, struct.pack("<II", address, size))


class Blocks:
    def __init__(self, offset, size, block_size=4096):
        self.offset = offset
        self.size = size
        self.block_size = block_size

    def readblocks(self, block_num, buf, offset=0):
        read(self.offset + block_num * self.block_size + offset, buf)

    def writeblocks(self, block_num, buf, offset=None):
        address = self.offset + block_num * self.block_size
        if offset is None:
            erase(address, (len(buf) + 4095) // 4096 * 4096)
            offset = 0
        program(address + offset, buf)

    def ioctl(self, op, arg):
        if op in (1, 2, 3):
            return 0
        if op == 4:
            return self.size // self.block_size
        if op == 5:
            return self.block_size
        if op == 6:
            erase(self.offset + arg * self.block_size, self.block_size)
            return 0
