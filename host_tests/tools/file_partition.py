"""For the device interpreter: a partition of a flash that is a file, for `vfs.mount` as the esp32 port does it."""

PARTITION = """
import vfs


class Partition:
    def __init__(self, path, start, blocks):
        self.file, self.start, self.blocks = open(path, "r+b"), start, blocks

    def readblocks(self, block, buffer, offset=0):
        self.file.seek(self.start + block * 4096 + offset)
        self.file.readinto(buffer)

    def writeblocks(self, block, buffer, offset=0):
        self.file.seek(self.start + block * 4096 + offset)
        self.file.write(buffer)

    def ioctl(self, request, argument):
        if request == 3:
            self.file.flush()
        if request == 6:
            self.file.seek(self.start + argument * 4096)
            self.file.write(b"\\xff" * 4096)
        return {4: self.blocks, 5: 4096}.get(request, 0)
"""
