# The flash chip: reads go to the file, erases and programs to the supervisor, which counts them and may cut the power.
# Both keep the processor, code runs from this flash; the times are typical of the chips on ESP32 modules.
from micropython import const
import _core
import struct

_PROGRAM_US = const(350)  # for each 256 bytes begun

_file = open(_core.hello["flash"], "rb")
_start = _core.hello["flash_start"]  # a file over a base begins where the chip looks for its bootloader


def read(address, buffer):
    _core.reads += 1
    _file.seek(address - _start)
    _file.readinto(buffer)


def program(address, data):
    at = 0
    view = memoryview(data)
    while at < len(data):
        part = min(4096, len(data) - at)
        _core.request(_core.PROGRAM, struct.pack("<I", address + at) + view[at : at + part])
        at += part
    _core.spend((len(data) + 255) // 256 * _PROGRAM_US)


def erase(address, size):
    us = struct.unpack("<I", _core.request(_core.ERASE, struct.pack("<II", address, size)))[0]
    _core.spend(size // 4096 * us)
