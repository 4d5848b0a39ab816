# machine as the ESP32 port has it: what an agent uses of it, each call answered by the physics behind the pins.
# Arguments that the chip takes by position only have names nobody would use.
from micropython import const
import _core
import struct as _struct
import time as _time

PWRON_RESET = 1
HARD_RESET = 2
WDT_RESET = 3
DEEPSLEEP_RESET = 4
SOFT_RESET = 5

_ABSENT = _core.ABSENT
_IRQ_BOTH = const(3)
_ATTN_11DB = const(3)


def _end(name, *args):
    _core.call(name, *args)
    while True:  # the supervisor ends this process
        _core.rest(None)


def reset():
    _end("reset")


def soft_reset():
    _end("soft_reset")


def deepsleep(_time_ms=0):
    _end("deepsleep", _time_ms)


def lightsleep(_time_ms=0):
    _time.sleep_ms(_time_ms)


def reset_cause():
    return _core.hello["reset_cause"]


def wake_reason():
    return 4 if _core.hello["reset_cause"] == DEEPSLEEP_RESET else 0


def unique_id():
    return bytes(_core.hello["unique_id"])


def freq(_hz=_ABSENT):
    if _hz is _ABSENT:
        return _core.hello["freq"]
    if _hz not in _core.hello["freqs"]:
        raise ValueError("unsupported frequency")
    _core.hello["freq"] = _hz
    return None


def idle():
    _core.rest(_core.clock.us() + 1000)


def disable_irq():
    return _core.mask(True)


def enable_irq(_state):
    _core.mask(_state)


class Pin:
    IN = 1
    OUT = 3
    OPEN_DRAIN = 7
    PULL_DOWN = 1
    PULL_UP = 2
    IRQ_RISING = 1
    IRQ_FALLING = 2
    WAKE_LOW = 4
    WAKE_HIGH = 5
    DRIVE_0 = 0
    DRIVE_1 = 1
    DRIVE_2 = 2
    DRIVE_3 = 3

    _made = {}

    def __new__(cls, _id, mode=None, pull=-1, *, value=_ABSENT, drive=None):
        if isinstance(_id, Pin):
            return _id
        pin = cls._made.get(_id)
        if pin is None:
            _core.call("pin", _id)  # ValueError: this chip has no such pin
            pin = object.__new__(cls)
            pin._id = _id
            pin._handler = None
            cls._made[_id] = pin
        return pin

    def __init__(self, _id, mode=None, pull=-1, *, value=_ABSENT, drive=None):
        if mode is not None or pull != -1 or value is not _ABSENT:
            self.init(mode, pull, value=value, drive=drive)

    def init(self, mode=None, pull=-1, *, value=_ABSENT, drive=None):
        level = None if value is _ABSENT else bool(value)
        _core.call("pin_init", self._id, None if mode == -1 else mode, pull, level)

    def value(self, _x=_ABSENT):
        if _x is _ABSENT:
            return _core.request(_core.PIN_READ, bytes((self._id,)))[0]
        _core.request(_core.PIN_WRITE, bytes((self._id, 1 if _x else 0)))
        return None

    def __call__(self, _x=_ABSENT):
        return self.value(_x)

    def on(self):
        self.value(1)

    def off(self):
        self.value(0)

    def irq(self, handler=None, trigger=_IRQ_BOTH, *, wake=None):
        self._handler = handler
        _core.handlers[(_core.EDGE, self._id)] = self._fire if handler else None
        _core.call("pin_irq", self._id, trigger if handler else 0)
        return _Irq(self, trigger)

    def _fire(self, _):
        if self._handler:
            self._handler(self)

    def __repr__(self):
        return "Pin(%d)" % self._id


class _Irq:
    def __init__(self, pin, trigger):
        self._pin = pin
        self._trigger = trigger

    def __call__(self):
        self._pin._fire(0)

    def trigger(self, _trigger=_ABSENT):
        old = self._trigger
        if _trigger is not _ABSENT:
            self._trigger = _trigger
            _core.call("pin_irq", self._pin._id, _trigger)
        return old


class ADC:
    ATTN_0DB = 0
    ATTN_2_5DB = 1
    ATTN_6DB = 2
    ATTN_11DB = 3

    def __init__(self, id, *, atten=_ATTN_11DB):
        self._pin = Pin(id)
        self.init(atten=atten)

    def init(self, *, atten=_ATTN_11DB):
        _core.call("adc", self._pin._id, atten)
        self._ask = bytes((self._pin._id, atten))

    def atten(self, atten):
        self.init(atten=atten)

    def _sample(self):
        # The converter's raw 12 bits and the calibrated microvolts.
        _core.spend(60)
        return _struct.unpack("<HI", _core.request(_core.ADC, self._ask))

    def read(self):
        return self._sample()[0]

    def read_u16(self):
        raw = self._sample()[0]
        return raw << 4 | raw >> 8

    def read_uv(self):
        return self._sample()[1]


class Timer:
    ONE_SHOT = 0
    PERIODIC = 1

    def __init__(self, _id, *, mode=PERIODIC, freq=None, period=None, callback=None, hard=None):
        if not -1 <= _id < _core.hello["timers"]:
            raise ValueError("invalid Timer number")
        self._id = _id & 255
        self._callback = None
        if freq is not None or period is not None or callback:
            self.init(mode=mode, freq=freq, period=period, callback=callback, hard=hard)

    def init(self, *, mode=PERIODIC, freq=None, period=None, callback=None, hard=None):
        if hard:
            raise ValueError("hard Timers are not implemented")
        if period is None and freq is None:
            raise ValueError("a timer needs a period or a frequency")
        self._callback = callback
        _core.handlers[(_core.TIMER, self._id)] = self._fire
        _core.call("timer", self._id, int(1000000 // freq) if freq else max(1, period) * 1000, mode == 1)

    def deinit(self):
        self._callback = None
        _core.call("timer", self._id, 0, False)

    def _fire(self, _):
        if self._callback:
            self._callback(self)


class WDT:
    def __init__(self, *, id=0, timeout=5000):
        if id != 0:
            raise ValueError("WDT(%d) doesn't exist" % id)
        if timeout <= 0:
            raise ValueError("WDT timeout too short")
        _core.call("wdt", timeout)

    def feed(self):
        _core.request(_core.FEED)


class RTC:
    def __init__(self, id=0):
        pass

    def memory(self, _data=_ABSENT):
        if _data is _ABSENT:
            return _core.call("rtc_memory", False)[1]
        if len(_data) > 2048:
            raise ValueError("buffer too long")
        _core.call("rtc_memory", True, blob=bytes(_data))
        return None

    def datetime(self, datetimetuple=None):
        if datetimetuple is None:
            us = _time._now_us()
            t = _time.gmtime(us // 1000000)
            return (t[0], t[1], t[2], t[6], t[3], t[4], t[5], us % 1000000)
        t = datetimetuple
        us = _time.mktime((t[0], t[1], t[2], t[4], t[5], t[6], 0, 0)) * 1000000 + t[7]
        _time._rtc[0] += us - _time._now_us()
        _core.call("rtc_set", _time._rtc[0])
        return None

    def init(self, _datetime):
        self.datetime(_datetime)


class I2C:
    def __init__(self, _id=-1, *, scl=None, sda=None, freq=400000, timeout=50000):
        if _id not in (-1, 0, 1):
            raise ValueError("I2C(%d) doesn't exist" % _id)
        self._byte_us = 9000000 // freq
        pins = [-1 if pin is None else Pin(pin)._id for pin in (scl, sda)]
        self._bus = _core.call("i2c", _id, pins[0], pins[1])[0]

    def _spend(self, count):
        # The bus is driven byte by byte while the caller waits.
        _core.spend((count + 1) * self._byte_us)

    def scan(self):
        self._spend(112)
        return _core.call("i2c_scan", self._bus)[0]

    def writeto(self, _addr, _buf, _stop=True):
        size = len(_buf)
        _core.request(_core.I2C_WRITE, bytes((self._bus, _addr)) + _buf)
        self._spend(size)
        return size

    def readfrom(self, _addr, _nbytes, _stop=True):
        self._spend(_nbytes)
        return _core.call("i2c_read", self._bus, _addr, _nbytes)[1]

    def readfrom_into(self, _addr, _buf, _stop=True):
        _buf[:] = self.readfrom(_addr, len(_buf), _stop)

    def writevto(self, _addr, _vector, _stop=True):
        return self.writeto(_addr, b"".join([bytes(part) for part in _vector]), _stop)


del const
