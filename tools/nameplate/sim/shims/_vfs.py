# vfs as the ESP32 port has it.
from _real_vfs import VfsFat, VfsLfs2, mount, umount

__name__ = "vfs"
