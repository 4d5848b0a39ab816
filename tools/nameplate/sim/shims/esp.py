# esp as the ESP32 port has it.
import _core
import _flash

LOG_NONE = 0
LOG_ERROR = 1
LOG_WARNING = 2
LOG_INFO = 3
LOG_DEBUG = 4
LOG_VERBOSE = 5


def osdebug(_uart_no, _level=LOG_INFO):
    pass


def flash_size():
    return _core.hello["flash_size"]


def flash_user_start():
    return _core.hello["vfs"][0]


def flash_read(_byte_offset, _buffer):
    _flash.read(_byte_offset, _buffer)


def flash_write(_byte_offset, _bytes):
    _flash.program(_byte_offset, _bytes)


def flash_erase(_sector_no):
    _flash.erase(_sector_no * 4096, 4096)
