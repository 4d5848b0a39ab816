# sys as the ESP32 port has it. The console is the board's serial line: 115200 baud, a transmitter that holds 128 bytes and
# keeps the processor until the rest fits.
from micropython import const
import _core
import _real_sys
import io as _io
from collections import namedtuple as _namedtuple

__name__ = "sys"

_BYTE_US = const(87)  # ten bits at 115200 baud
_FIFO_US = const(128 * 87)
_WRITABLE = const(4)

platform = "esp32"
byteorder = "little"
maxsize = 2147483647
argv = []
path = _real_sys.path
modules = _real_sys.modules
version = _core.hello["sys_version"]
version_info = (3, 4, 0)
implementation = _namedtuple("implementation", ("name", "version", "_machine", "_mpy"))(
    "micropython", tuple(_core.hello["version"]), _core.hello["uname"][4], _core.hello["mpy"]
)

_sent_at = 0
_home = 'File "' + _core.home


def _send(data):
    # The wire is busy until _sent_at; what does not fit the transmitter is waited for.
    global _sent_at
    if not _core.hello["usb"]:
        now = _core.clock.us()
        _sent_at = max(_sent_at, now) + len(data) * _BYTE_US
        if _sent_at - now > _FIFO_US:
            _core.spend(_sent_at - now - _FIFO_US)
    at = 0
    view = memoryview(data)
    while at < len(data):
        at += _real_sys.stdout.buffer.write(view[at:])
    return len(data)


class _Console(_io.IOBase):
    # Both directions of the serial line as a stream of bytes.
    _network = False
    _due_us = None

    def __init__(self, real):
        self._real = real

    def _live(self):
        return True

    def _ready(self, mask):
        return mask & _WRITABLE

    def _byte(self):
        poller = _core._real_select.poll()
        poller.register(_core.link, 1)
        poller.register(self._real, 1)
        while not _core.rest(None, poller, False, True):
            pass
        return self._real.read(1)

    def read(self, size=-1):
        got = b""
        while size < 0 or len(got) < size:
            got += self._byte()
        return got

    def readinto(self, buffer, size=-1):
        size = len(buffer) if size < 0 else min(size, len(buffer))
        for at in range(size):
            buffer[at] = self._byte()[0]
        return size

    def readline(self, size=-1):
        got = b""
        while size < 0 or len(got) < size:
            got += self._byte()
            if got[-1] == 10:
                break
        return got

    def write(self, data):
        return _send(data)


class _Text:
    # The same line, as text: what is printed ends its lines as terminals want it.
    _network = False
    _due_us = None

    def __init__(self, raw):
        self.buffer = raw
        self._real = raw._real

    def _live(self):
        return True

    def _ready(self, mask):
        return mask & _WRITABLE

    def read(self, size=-1):
        return self.buffer.read(size).decode()

    def readline(self, size=-1):
        return self.buffer.readline(size).decode()

    def write(self, text):
        _send((text.encode() if isinstance(text, str) else bytes(text)).replace(b"\n", b"\r\n"))
        return len(text)


_console = _Console(_real_sys.stdin.buffer)
stdin = stdout = stderr = _Text(_console)


def print_exception(_exc, _file=None):
    if _file is None or isinstance(_file, _Text):
        buffer = _io.StringIO()
        _real_sys.print_exception(_exc, buffer)
        # A chip's trace has no lines of what stands for the chip here.
        for line in buffer.getvalue().split("\n")[:-1]:
            if _home not in line:
                stdout.write(line + "\n")
    else:
        _real_sys.print_exception(_exc, _file)


def exit(_retval=0):
    raise SystemExit(_retval)


def _print(*args, sep=" ", end="\n", file=None):
    if file is None or isinstance(file, _Text):
        buffer = _io.StringIO()
        _real_print(*args, sep=sep, end=end, file=buffer)
        stdout.write(buffer.getvalue())
    else:
        _real_print(*args, sep=sep, end=end, file=file)


_real_print = print

del const
