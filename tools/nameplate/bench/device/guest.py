# Stand-ins for what an ESP32 build has and the WebAssembly port has not, and the handles that memory.mjs pulls.
# Time is simulated. The radio never joins, the panel takes all, the pins read a dry probe and a cool fridge; NVS holds
# a really provisioned unit. Everything here is made before the first figure is taken, so it counts for nothing.
import sys

sys.path[
    :
] = []  # an empty path forces the interpreter's own modules, where it also has larger ones in Python
import binascii
import builtins
import gc
import json
import os
import struct
import time

import micropython

sys.path[:] = [".frozen"]
import asyncio
import asyncio.core
import asyncio.event
import asyncio.funcs
import asyncio.lock

_STEP_MS = 250
_NOW = [time.ticks_ms()]
_real_ticks_diff = time.ticks_diff


class Module:
    def __init__(self, **names):
        for name, value in names.items():
            setattr(self, name, value)


class _Pin:
    IN, OUT, PULL_UP, PULL_DOWN, IRQ_FALLING, IRQ_RISING = 1, 3, 2, 1, 2, 1

    def __init__(self, number, mode=-1, pull=-1, *, value=None):
        self.number = number

    def irq(self, handler=None, trigger=0):
        pass

    def value(self, *level):
        # Pulled up, all but the door's contact, which is closed to ground.
        return None if level else int(self.number != DOOR_PIN)


class _Adc:
    ATTN_11DB = 3

    def __init__(self, pin, *, atten=0):
        self._uv = 1_650_000 if pin.number == DRY_PIN else 2_400_000

    def read_uv(self):
        return self._uv

    def read_u16(self):
        return self._uv // 51


class _I2c:
    def __init__(self, number, *, scl, sda, freq):
        pass

    def writeto(self, address, data):
        return len(data)


class _Wdt:
    def __init__(self, timeout):
        pass

    def feed(self):
        pass


class _Rtc:
    kept = b""

    def memory(self, *data):
        if not data:
            return _Rtc.kept
        _Rtc.kept = data[0]

    def datetime(self, *when):
        pass


class _Nvs:
    def __init__(self, namespace):
        pass

    def get_blob(self, key, buffer):
        if key not in BLOBS:
            raise OSError(-4354)
        blob = BLOBS[key]
        buffer[: len(blob)] = blob
        return len(blob)

    def get_i32(self, key):
        if key not in INTEGERS:
            raise OSError(-4354)
        return INTEGERS[key]

    def set_i32(self, key, value):
        INTEGERS[key] = value

    def set_blob(self, key, value):
        BLOBS[key] = value

    def commit(self):
        pass


class _Wlan:
    def __init__(self, interface):
        pass

    def active(self, *on):
        return True

    def config(self, *names, **values):
        pass

    def connect(self, *how):
        pass

    def disconnect(self):
        pass

    def status(self):
        return 201

    def isconnected(self):
        return False

    def ifconfig(self):
        return ("0.0.0.0",) * 4


class _Poll:
    def register(self, stream, events):
        pass

    def ipoll(self, timeout):
        return ()


def ticks_ms():
    return _NOW[0]


def _sleep_ms(milliseconds):
    _NOW[0] = time.ticks_add(_NOW[0], milliseconds)


def _uname():
    return Module(machine="Generic ESP32 module with ESP32")


def _urandom(count):
    return b"\x80" * count


def prepare():
    """Put the chip's modules in place; memory counts from here on."""
    global DRY_PIN, DOOR_PIN, BLOBS, INTEGERS, RENAMED
    with open("/renamed.json") as file:
        RENAMED = json.load(file)
    with open("/unit.json") as file:
        unit = json.load(file)
    with open("/a/models/profile.json") as file:
        numbers = json.load(file)["pins"]["esp32"]
    DRY_PIN, DOOR_PIN = numbers["pan"], numbers["door"]
    BLOBS = {key: binascii.a2b_base64(text) for key, text in unit["blobs"].items()}
    INTEGERS = unit["integers"]
    INTEGERS["bootcount"] = INTEGERS["floor_min"] = 1
    stream = Module(buffer=Module(read=_urandom, write=len), write=len)
    sys.modules["machine"] = Module(
        Pin=_Pin, ADC=_Adc, I2C=_I2c, WDT=_Wdt, RTC=_Rtc, unique_id=_urandom, reset_cause=ticks_ms, reset=sys.exit,
        PWRON_RESET=1, HARD_RESET=2, WDT_RESET=3, DEEPSLEEP_RESET=4, SOFT_RESET=5,
    )  # fmt: skip
    sys.modules["machine"].unique_id = bytes
    sys.modules["esp32"] = Module(NVS=_Nvs, HEAP_DATA=4)
    sys.modules["network"] = Module(
        WLAN=_Wlan, STA_IF=0, STAT_IDLE=1000, STAT_CONNECTING=1001, STAT_GOT_IP=1010, STAT_NO_AP_FOUND=201,
        STAT_WRONG_PASSWORD=202, STAT_HANDSHAKE_TIMEOUT=204,
    )  # fmt: skip
    sys.modules["select"] = Module(poll=_Poll, POLLIN=1, POLLOUT=4)
    sys.modules["socket"] = Module()
    sys.modules["time"] = Module(
        ticks_ms=ticks_ms, ticks_diff=time.ticks_diff, ticks_add=time.ticks_add, sleep_ms=_sleep_ms,
        gmtime=time.gmtime,
    )  # fmt: skip
    sys.modules["os"] = Module(
        uname=_uname, urandom=_urandom, mkdir=os.mkdir, listdir=os.listdir, stat=os.stat, remove=os.remove,
        rename=os.rename,
    )  # fmt: skip
    sys.modules["sys"] = Module(
        path=sys.path, modules=sys.modules, stdin=stream, stdout=stream, implementation=sys.implementation,
        print_exception=sys.print_exception,
    )  # fmt: skip
    sys.path[:] = ["/frozen"]
    for name, module in (("usocket", sys.modules["socket"]), ("ustruct", struct), ("ubinascii", binascii)):
        sys.modules[name] = module
    import umqtt.simple  # noqa: F401 - to be there, as it is frozen into a chip

    sys.path[:] = ["/a"]
    asyncio.core.ticks = ticks_ms
    asyncio.core._schedule_run_iter = abs


def names():
    """Intern what a chip's build holds in ROM and this one does not."""
    with open("/rom_names.txt") as file:
        for line in file:
            hasattr(Module, line[:-1])


def count_names():
    """Print how many names are interned."""
    micropython.qstr_info()


def fill(count):
    """Intern so many names."""
    for number in range(count):
        setattr(Module, f"~{number}", None)


def watch_imports():
    """From here on `order` tells in which order our modules were completed."""
    global order
    order = []
    running = []
    plain = builtins.__import__

    def watched(name, *args):
        running.append(name)
        try:
            return plain(name, *args)
        finally:
            running.pop()
            order.extend([name for name in ours() if name not in order and name not in running])

    builtins.__import__ = watched


def load(name):
    __import__(name)


def forget(name):
    del sys.modules[name]
    package, _, leaf = name.rpartition(".")
    if hasattr(sys.modules[package], leaf):
        delattr(sys.modules[package], leaf)


def boot():
    """As main.py does it; the loop is turned by step()."""
    from firmware import app, build

    name = RENAMED["build()"]
    plain = getattr(build, name)

    def kept(*parts):
        global agent
        agent = plain(*parts)
        return agent

    setattr(build, name, kept)
    loop = asyncio.get_event_loop()
    loop.create_task = asyncio.create_task
    loop.run_forever = bool
    app.main()


def step():
    """A quarter of a second of the agent's life."""
    end = time.ticks_add(_NOW[0], _STEP_MS)
    while True:
        asyncio.core._run_iter()
        task = asyncio.core._task_queue.peek()
        if _real_ticks_diff(task.ph_key, end) >= 0:
            break
        if _real_ticks_diff(task.ph_key, _NOW[0]) > 0:
            _NOW[0] = task.ph_key
    _NOW[0] = end


def rest():
    """Forget what only the figures needed."""
    global measured
    measured = 0


def look(part, *path):
    """An attribute of the agent's, by its name in the sources."""
    for name in path:
        part = getattr(part, RENAMED.get(name, name))
    return part


def signed():
    return look(agent, "outbox", "waiting")


def deaths():
    """The tasks that died, and why."""
    return json.dumps(list(look(agent, "supervisor", "deaths")()))


def problems():
    """What was not as on a whole unit: a part missing, a task that died, a heartbeat without its readings."""
    found = look(agent, "_board", "problems") + list(look(agent, "supervisor", "deaths")())
    text = look(agent, "outbox", "next")()[2].split(b".")[1].replace(b"-", b"+").replace(b"_", b"/")
    payload = binascii.a2b_base64(text + b"=" * (-len(text) % 4))
    for reading in (b'"vb":false', b'"v":'):
        if reading not in payload:
            found.append("no reading in " + payload.decode())
    return json.dumps(found)


def ours():
    return [name for name in sys.modules if name.split(".")[0] in ("firmware", "lib")]


def loaded():
    return json.dumps(ours())


def loading_order():
    return json.dumps(order)


def collect():
    gc.collect()


def measure():
    global measured
    measured = gc.mem_alloc()
