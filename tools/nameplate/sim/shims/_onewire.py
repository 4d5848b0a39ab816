# _onewire as the ESP32 port has it in C: slots on a 1-Wire bus, bit-banged with interrupts off, so that the program is held.
from micropython import const
import _core

_RESET = const(0)
_WRITE = const(1)
_READ = const(2)
_RESET_US = const(960)  # 480 low, 70 until it looks, 410 to the end
_SLOT_US = const(70)


def _ask(pin, action, value, count, us):
    answer = _core.request(_core.ONEWIRE, bytes((pin._id, action, value, count)))[0]
    _core.spend(us)
    return answer


def reset(_pin):
    return bool(_ask(_pin, _RESET, 0, 0, _RESET_US))


def readbit(_pin):
    return _ask(_pin, _READ, 0, 1, _SLOT_US)


def readbyte(_pin):
    return _ask(_pin, _READ, 0, 8, 8 * _SLOT_US)


def writebit(_pin, _value):
    _ask(_pin, _WRITE, _value & 1, 1, _SLOT_US)


def writebyte(_pin, _value):
    _ask(_pin, _WRITE, _value & 255, 8, 8 * _SLOT_US)


def crc8(_data):
    crc = 0
    for byte in _data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x8C if crc & 1 else 0)
    return crc


del const
