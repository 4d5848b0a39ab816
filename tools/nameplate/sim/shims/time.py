# time as the ESP32 port has it: epoch 2000, whole seconds, ticks that wrap at 2**30; all of it simulated.
from micropython import const
import _core
import _real_time

_PERIOD = const(1 << 30)
_HALF = const(1 << 29)
_EPOCH = const(946684800)  # 2000-01-01 in Unix seconds

_clock = _core.clock
_boot_us = _core.boot_us
_rtc = [_core.hello["rtc_us"]]  # what the clock shows at simulated time 0, in microseconds since 2000


def ticks_ms():
    return (_clock.us() - _boot_us) // 1000 & _PERIOD - 1


def ticks_us():
    return _clock.us() - _boot_us & _PERIOD - 1


def ticks_cpu():
    return (_clock.us() - _boot_us) * 160 & _PERIOD - 1


def ticks_diff(_ticks1, _ticks2):
    return (_ticks1 - _ticks2 + _HALF & _PERIOD - 1) - _HALF


def ticks_add(_ticks, _delta):
    if not -_HALF < _delta < _HALF:
        raise OverflowError("ticks interval overflow")
    return _ticks + _delta & _PERIOD - 1


def _sleep_us(us):
    until = _clock.us() + us
    while True:
        _core.rest(until)
        if _clock.us() >= until:
            return


def sleep(_seconds):
    _sleep_us(int(_seconds * 1000000))


def sleep_ms(_ms):
    _sleep_us(max(0, _ms) * 1000)


def sleep_us(_us):
    _sleep_us(max(0, _us))


def _now_us():
    return _rtc[0] + _clock.us()


def time():
    return _now_us() // 1000000


def time_ns():
    return _now_us() * 1000


def gmtime(_secs=None):
    return _real_time.gmtime((time() if _secs is None else int(_secs)) + _EPOCH)[:8]


def localtime(_secs=None):
    return gmtime(_secs)


def mktime(_local_time):
    if not 8 <= len(_local_time) <= 9:
        raise TypeError("mktime needs a tuple of length 8 or 9 (%d given)" % len(_local_time))
    year, month, day, hour, minute, second = _local_time[:6]
    # Count months from March, so that the leap day ends the year and one formula gives the days before a month.
    year += (month - 3) // 12
    month = (month - 3) % 12
    days = year * 365 + year // 4 - year // 100 + year // 400 + (153 * month + 2) // 5 + day - 1
    return (days - 730425) * 86400 + hour * 3600 + minute * 60 + second


del const
