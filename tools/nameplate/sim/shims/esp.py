# esp as the ESP32 port has it.
import _core
import _flash

LOG_NONE = 0
LOG_ERROR = 1
LOG_WARNING = 2
LOG_INFO = 3
LOG_DEBUG = 4
LOG_VERBOSE = 5


def osdebug(uart_no, level=LOG_INFO):
    pass


def flash_size():
    return _core.hello["flash_size"]


def flash_user_start():
    return _core.hello["vfs"][0]


def flash_read(byte_offset, length_or_buffer):
    _flash.read(byte_offset, length_or_buffer)


def flash_write(byte_offset, bytes):
    _flash.program(byte_offset, bytes)


def flash_erase(sector_no):
    _flash.erase(sector_no * 4096, 4096)
