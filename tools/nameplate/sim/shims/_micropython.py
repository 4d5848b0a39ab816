# micropython as the ESP32 port has it.
from _real_micropython import (
    const,
    heap_lock,
    heap_unlock,
    mem_info,
    opt_level,
    qstr_info,
    schedule,
    stack_use,
)
import _core

__name__ = "micropython"


def kbd_intr(chr):
    _core.call("kbd_intr", chr)


def alloc_emergency_exception_buf(_size):
    pass
