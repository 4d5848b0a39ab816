# platform as the ESP32 port has it.
import _core


def platform():
    return _core.hello["platform"]


def python_compiler():
    return "GCC 14.2.0"


def libc_ver():
    return ("newlib", "4.3.0")
