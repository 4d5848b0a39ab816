# machine as the ESP32 port has it: what an agent uses of it, each call answered by the physics behind the pins.
from micropython import const
import _core
import struct
import time

PWRON_RESET = const(1)
HARD_RESET = const(2)
WDT_RESET = const(3)
DEEPSLEEP_RESET = const(4)
SOFT_RESET = const(5)


def _end(name, *args):
    _core.call(name, *args)
    while True:  # the supervisor ends this process
        _core.rest(None)


def reset():
    _end("reset")


def soft_reset():
    _end("soft_reset")


def deepsleep(time_ms=0):
    _end("deepsleep", time_ms)


def lightsleep(time_ms=0):
    time.sleep_ms(time_ms)


def reset_cause():
    return _core.hello["reset_cause"]


def wake_reason():
    return 4 if _core.hello["reset_cause"] == DEEPSLEEP_RESET else 0


def unique_id():
    return bytes(_core.hello["unique_id"])


def freq(*hz):
    if not hz:
        return _core.hello["freq"]
    if hz[0] not in _core.hello["freqs"]:
        raise ValueError("unsupported frequency")
    _core.hello["freq"] = hz[0]
    return None


def idle():
    _core.rest(_core.clock.us() + 1000)


def disable_irq():
    return _core.mask(True)


def enable_irq(state):
    _core.mask(state)


class Pin:
    IN = const(1)
    OUT = const(3)
    OPEN_DRAIN = const(7)
    PULL_DOWN = const(1)
    PULL_UP = const(2)
    IRQ_RISING = const(1)
    IRQ_FALLING = const(2)
    WAKE_LOW = const(4)
    WAKE_HIGH = const(5)
    DRIVE_0 = const(0)
    DRIVE_1 = const(1)
    DRIVE_2 = const(2)
    DRIVE_3 = const(3)

    _made = {}

    def __new__(cls, id, mode=None, pull=-1, *, value=None, drive=None, hold=None):
        if isinstance(id, Pin):
            return id
        pin = cls._made.get(id)
        if pin is None:
            _core.call("pin", id)  # ValueError: this chip has no such pin
            pin = object.__new__(cls)
            pin._id = id
            pin._handler = None
            cls._made[id] = pin
        return pin

    def __init__(self, id, mode=None, pull=-1, *, value=None, drive=None, hold=None):
        if mode is not None or pull != -1 or value is not None:
            self.init(mode, pull, value=value, drive=drive, hold=hold)

    def init(self, mode=None, pull=-1, *, value=None, drive=None, hold=None):
        _core.call("pin_init", self._id, mode, pull, None if value is None else bool(value))

    def value(self, *x):
        if x:
            _core.request(_core.PIN_WRITE, bytes((self._id, 1 if x[0] else 0)))
            return None
        return _core.request(_core.PIN_READ, bytes((self._id,)))[0]

    __call__ = value

    def on(self):
        self.value(1)

    def off(self):
        self.value(0)

    def irq(self, handler=None, trigger=IRQ_FALLING | IRQ_RISING, wake=None):
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

    def trigger(self, *trigger):
        old = self._trigger
        if trigger:
            self._trigger = trigger[0]
            _core.call("pin_irq", self._pin._id, trigger[0])
        return old


class ADC:
    ATTN_0DB = const(0)
    ATTN_2_5DB = const(1)
    ATTN_6DB = const(2)
    ATTN_11DB = const(3)

    def __init__(self, pin, *, atten=ATTN_11DB):
        self._pin = Pin(pin)
        self.init(atten=atten)

    def init(self, *, atten=ATTN_11DB):
        _core.call("adc", self._pin._id, atten)
        self._ask = bytes((self._pin._id, atten))

    def atten(self, atten):
        self.init(atten=atten)

    def _sample(self):
        # The converter's raw 12 bits and the calibrated microvolts.
        _core.spend(60)
        return struct.unpack("<HI", _core.request(_core.ADC, self._ask))

    def read(self):
        return self._sample()[0]

    def read_u16(self):
        raw = self._sample()[0]
        return raw << 4 | raw >> 8

    def read_uv(self):
        return self._sample()[1]


class Timer:
    ONE_SHOT = const(0)
    PERIODIC = const(1)

    def __init__(self, id, *, mode=PERIODIC, freq=-1, period=-1, callback=None, hard=False):
        if not -1 <= id < _core.hello["timers"]:
            raise ValueError("invalid Timer number")
        self._id = id & 255
        self._callback = None
        if freq > 0 or period >= 0 or callback:
            self.init(mode=mode, freq=freq, period=period, callback=callback, hard=hard)

    def init(self, *, mode=PERIODIC, freq=-1, period=-1, callback=None, hard=False):
        if hard:
            raise ValueError("hard Timers are not implemented")
        self._callback = callback
        _core.handlers[(_core.TIMER, self._id)] = self._fire
        _core.call("timer", self._id, int(1000000 // freq) if freq > 0 else max(1, period) * 1000, mode == 1)

    def deinit(self):
        self._callback = None
        _core.call("timer", self._id, 0, False)

    def _fire(self, _):
        if self._callback:
            self._callback(self)


class WDT:
    def __init__(self, id=0, timeout=5000):
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

    def memory(self, *data):
        if not data:
            return _core.call("rtc_memory", False)[1]
        if len(data[0]) > 2048:
            raise ValueError("buffer too long")
        _core.call("rtc_memory", True, blob=bytes(data[0]))
        return None

    def datetime(self, *datetimetuple):
        if not datetimetuple:
            us = time._now_us()
            t = time.gmtime(us // 1000000)
            return (t[0], t[1], t[2], t[6], t[3], t[4], t[5], us % 1000000)
        t = datetimetuple[0]
        us = time.mktime((t[0], t[1], t[2], t[4], t[5], t[6], 0, 0)) * 1000000 + t[7]
        time._rtc[0] += us - time._now_us()
        _core.call("rtc_set", time._rtc[0])
        return None

    def init(self, datetime):
        self.datetime(datetime)


class I2C:
    def __init__(self, id=-1, *, scl=None, sda=None, freq=400000, timeout=50000):
        if id not in (-1, 0, 1):
            raise ValueError("I2C(%d) doesn't exist" % id)
        self._byte_us = 9000000 // freq
        self._bus = _core.call(
            "i2c", id, -1 if scl is None else Pin(scl)._id, -1 if sda is None else Pin(sda)._id
        )[0]

    def _spend(self, count):
        # The bus is driven byte by byte while the caller waits.
        _core.spend((count + 1) * self._byte_us)

    def scan(self):
        self._spend(112)
        return _core.call("i2c_scan", self._bus)[0]

    def writeto(self, addr, buf, stop=True):
        size = len(buf)
        _core.request(_core.I2C_WRITE, bytes((self._bus, addr)) + buf)
        self._spend(size)
        return size

    def readfrom(self, addr, nbytes, stop=True):
        self._spend(nbytes)
        return _core.call("i2c_read", self._bus, addr, nbytes)[1]

    def readfrom_into(self, addr, buf, stop=True):
        buf[:] = self.readfrom(addr, len(buf), stop)

    def writevto(self, addr, vector, stop=True):
        return self.writeto(addr, b"".join([bytes(part) for part in vector]), stop)
