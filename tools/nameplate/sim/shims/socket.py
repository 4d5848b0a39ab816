# socket as the ESP32 port has it (lwIP), over the host's own sockets: addresses are (host, port), names are resolved by a
# call that blocks the interpreter, error numbers are newlib's, and without a radio link a connection goes silent.
from micropython import const
import _core
import _real_socket
import io

AF_INET = const(2)
SOCK_STREAM = const(1)
SOCK_DGRAM = const(2)
SOCK_RAW = const(3)
IPPROTO_IP = const(0)
IPPROTO_TCP = const(6)
IPPROTO_UDP = const(17)
SOL_SOCKET = const(4095)
SO_REUSEADDR = const(4)
SO_BROADCAST = const(32)
TCP_NODELAY = const(1)
MSG_PEEK = const(1)
MSG_DONTWAIT = const(8)
IP_ADD_MEMBERSHIP = const(3)

_POLLIN = const(1)
_POLLOUT = const(4)
_POLLERR = const(8)
_POLLHUP = const(16)

_EAGAIN = const(11)
_ETIMEDOUT = const(116)
_ECONNRESET = const(104)
_ECONNABORTED = const(113)
_EHOSTUNREACH = const(118)
_EINPROGRESS = const(119)
_ENOTCONN = const(128)
_EISCONN = const(127)

_SEND_ROOM = const(5760)  # lwIP's send buffer: what a silent connection still takes
_SYN_US = const(75000000)  # until a connection nobody answers is given up

# Linux -> newlib, where they differ.
_NUMBERS = {
    32: _ECONNRESET,
    90: 122,
    98: 112,
    101: _EHOSTUNREACH,
    103: _ECONNABORTED,
    106: _EISCONN,
    107: _ENOTCONN,
    110: _ETIMEDOUT,
    111: _ECONNRESET,  # lwIP does not tell a refusal from a reset
    113: _EHOSTUNREACH,
    114: 120,
    115: _EINPROGRESS,
}

_NEW = const(0)
_OPEN = const(1)
_CLOSED_BY_PEER = const(2)
_UNANSWERED = const(3)  # the other side lets our connection request fall
_CLOSED = const(4)


def _error(error):
    number = error.args[0]
    return OSError(_NUMBERS.get(number, number))


def _resolve(host):
    # An address as four numbers with dots. A name blocks everything until it is answered or given up.
    if not host:
        return "0.0.0.0"
    parts = host.split(".")
    if len(parts) == 4 and all(part.isdigit() and int(part) < 256 for part in parts):
        return host
    address, us = _core.call("resolve", host)[0]
    _core.spend(us)
    if address is None:
        raise OSError(-202)
    return address


def getaddrinfo(host, port, af=0, type=0, proto=0, flags=0):
    return [(AF_INET, type or SOCK_STREAM, proto, "", (_resolve(host), int(port)))]


def _route(kind, address):
    # What becomes of something sent there: the host's own address, or a refusal or silence the world asks for.
    if _core.network == _core.DOWN:
        return "unreachable", None
    return _core.call("route", kind, address[0], address[1])[0]


def _packed(address):
    return _real_socket.getaddrinfo(address[0], address[1])[0][-1]


class socket(io.IOBase):
    _network = True

    def __init__(self, af=AF_INET, type=SOCK_STREAM, proto=0, _accepted=None):
        if af != AF_INET or type not in (SOCK_STREAM, SOCK_DGRAM):
            raise OSError(_NUMBERS.get(97, 97))
        self._type = type
        self._real = _accepted or _real_socket.socket(_real_socket.AF_INET, type)
        self._real.setblocking(False)
        self._timeout_us = None
        self._state = _OPEN if _accepted or type == SOCK_DGRAM else _NEW
        self._life = _core.network_lives
        self._held = b""  # taken from the program, not yet given to the host: there is no link
        self._give_up_us = 0

    # What our select needs to know

    def _live(self):
        return self._state == _OPEN and _core.network == _core.UP and not self._dead()

    def _dead(self):
        return self._type == SOCK_STREAM and self._life != _core.network_lives and self._state != _NEW

    def ioctl(self, request, argument):
        if request == 4:
            self.close()
            return 0
        if request != 3:
            return -1
        if self._state == _NEW:
            return argument & _POLLOUT | _POLLHUP
        if self._state == _CLOSED_BY_PEER:
            return argument & (_POLLIN | _POLLOUT)
        if self._dead():
            return argument & (_POLLIN | _POLLOUT)
        if self._state == _UNANSWERED:
            return argument & (_POLLIN | _POLLOUT) if _core.clock.us() > self._give_up_us else 0
        if not self._live():
            return argument & _POLLOUT if len(self._held) < _SEND_ROOM else 0
        self._flush()
        return 0

    # Waiting

    def _wait(self, events, until):
        # Until the host says ready, or time is over (False).
        from select import poll

        poller = poll()
        poller.register(self, events)
        left = None if until is None else max(0, (until - _core.clock.us() + 999) // 1000)
        return bool(poller.poll(-1 if left is None else left))

    def _until(self):
        return None if self._timeout_us is None else _core.clock.us() + self._timeout_us

    def _check(self):
        if self._state == _CLOSED:
            raise OSError(9)
        if self._state == _NEW:
            raise OSError(_ENOTCONN)
        if self._dead():
            raise OSError(_ECONNABORTED)
        if self._state == _UNANSWERED and _core.clock.us() > self._give_up_us:
            raise OSError(_ETIMEDOUT)

    # The chip's methods

    def connect(self, address):
        address = (_resolve(address[0]), address[1])
        if self._type == SOCK_DGRAM:
            self._peer = address
            return
        if self._state == _OPEN:
            raise OSError(_EISCONN)
        word, to = _route("tcp", address)
        if word == "unreachable":
            raise OSError(_EHOSTUNREACH)
        if word == "refused":
            raise OSError(_ECONNRESET)
        self._life = _core.network_lives
        until = self._until()
        if word == "silent":
            self._state = _UNANSWERED
            self._give_up_us = _core.clock.us() + _SYN_US
            if self._timeout_us == 0:
                raise OSError(_EINPROGRESS)
            self._wait(_POLLOUT, until)
            raise OSError(_ETIMEDOUT)
        self._state = _OPEN
        _core.hot()
        try:
            self._real.connect(_packed(to))
        except OSError as error:
            if error.args[0] != 115:
                self._state = _NEW
                raise _error(error)
            if self._timeout_us == 0:
                raise OSError(_EINPROGRESS)
            if not self._wait(_POLLOUT, until):
                raise OSError(_ETIMEDOUT)
            try:
                self._real.send(b"")  # tells a failure, and sends nothing
            except OSError as error:
                self._state = _NEW
                raise _error(error)

    def bind(self, address):
        # The board's own address lies on no interface of the host: it listens on loopback only.
        try:
            self._real.bind(_packed(("127.0.0.1", address[1])))
        except OSError as error:
            raise _error(error)
        self._state = _OPEN

    def listen(self, backlog=2):
        self._real.listen(backlog)
        self._state = _OPEN

    def accept(self):
        until = self._until()
        while True:
            try:
                real, address = self._real.accept()
                return socket(self._type and AF_INET, SOCK_STREAM, 0, real), _unpacked(address)
            except OSError as error:
                if error.args[0] != 11:
                    raise _error(error)
            self._block(_POLLIN, until)

    def _block(self, events, until):
        if self._timeout_us == 0:
            raise OSError(_EAGAIN)
        if not self._wait(events, until):
            raise OSError(_ETIMEDOUT)

    def _flush(self):
        while self._held:
            try:
                self._held = self._held[self._real.send(self._held) :]
            except OSError as error:
                if error.args[0] != 11:
                    raise _error(error)
                return

    def _send(self, data):
        # How many bytes were taken: some, or none if that would block.
        self._check()
        if not self._live():
            room = _SEND_ROOM - len(self._held)
            taken = bytes(memoryview(data)[: max(0, room)])
            self._held += taken
            return len(taken)
        self._flush()
        if self._held:
            return 0
        _core.hot()
        try:
            return self._real.send(data)
        except OSError as error:
            if error.args[0] == 11:
                return 0
            raise _error(error)

    def _send_some(self, data):
        until = self._until()
        while True:
            sent = self._send(data)
            if sent or not len(data):
                return sent
            self._block(_POLLOUT, until)

    def send(self, data):
        return self._send_some(data)

    def sendall(self, data):
        view = memoryview(data)
        while len(view):
            view = view[self._send_some(view) :]

    def write(self, buf, size=-1):
        if size >= 0:
            buf = memoryview(buf)[:size]
        try:
            return self._send_some(buf)
        except OSError as error:
            if error.args[0] == _EAGAIN:
                return None
            raise

    def sendto(self, data, address):
        word, to = _route("udp", (_resolve(address[0]), address[1]))
        if word == "unreachable":
            raise OSError(_EHOSTUNREACH)
        if word == "sent":
            _core.hot()
            self._aliases = getattr(self, "_aliases", {})
            self._aliases[(to[0], to[1])] = (_resolve(address[0]), address[1])
            try:
                self._real.sendto(data, _packed(to))
            except OSError as error:
                raise _error(error)
        return len(data)

    def _receive(self, size):
        # Bytes, b"" at the end of the connection, None when there are none yet.
        self._check()
        if self._state == _CLOSED_BY_PEER:
            return b""
        if not self._live():
            return None
        self._flush()
        try:
            data = self._real.recv(size)
        except OSError as error:
            if error.args[0] == 11:
                return None
            raise _error(error)
        if data:
            _core.hot(5)
        elif size and self._type == SOCK_STREAM:
            self._state = _CLOSED_BY_PEER
        return data

    def recv(self, bufsize, flags=0):
        until = self._until()
        while True:
            data = self._receive(bufsize)
            if data is not None:
                return data
            if flags & MSG_DONTWAIT:
                raise OSError(_EAGAIN)
            self._block(_POLLIN, until)

    def recvfrom(self, bufsize, flags=0):
        until = self._until()
        while True:
            self._check()
            if self._live():
                try:
                    data, address = self._real.recvfrom(bufsize)
                    _core.hot(5)
                    address = _unpacked(address)
                    return data, getattr(self, "_aliases", {}).get(address, address)
                except OSError as error:
                    if error.args[0] != 11:
                        raise _error(error)
            self._block(_POLLIN, until)

    def read(self, size=-1):
        got = b""
        while size < 0 or len(got) < size:
            try:
                data = self.recv(1024 if size < 0 else size - len(got))
            except OSError as error:
                if error.args[0] == _EAGAIN:
                    return got or None
                raise
            if not data:
                break
            got += data
        return got

    def readinto(self, buf, nbytes=-1):
        view = memoryview(buf)
        if nbytes >= 0:
            view = view[:nbytes]
        at = 0
        while at < len(view):
            try:
                data = self.recv(len(view) - at)
            except OSError as error:
                if error.args[0] == _EAGAIN:
                    return at or None
                raise
            if not data:
                break
            view[at : at + len(data)] = data
            at += len(data)
        return at

    def readline(self):
        got = b""
        while not got.endswith(b"\n"):
            try:
                data = self.recv(1)
            except OSError as error:
                if error.args[0] == _EAGAIN:
                    return got or None
                raise
            if not data:
                break
            got += data
        return got

    def settimeout(self, value):
        # The port asks lwIP every 100 ms, once more than fits the time.
        if value is None:
            self._timeout_us = None
        else:
            ms = int(value * 1000)
            self._timeout_us = (ms // 100 + 1) * 100000 if ms else 0

    def setblocking(self, value):
        self.settimeout(None if value else 0)

    def setsockopt(self, level, optname, value):
        if optname == SO_REUSEADDR and level == SOL_SOCKET:
            self._real.setsockopt(_real_socket.SOL_SOCKET, _real_socket.SO_REUSEADDR, value)
        elif optname not in (SO_BROADCAST, TCP_NODELAY):
            print("Warning: lwip.setsockopt() option not implemented")

    def makefile(self, mode="rb", buffering=0):
        return self

    def fileno(self):
        return self._real.fileno()

    def close(self):
        if self._state != _CLOSED:
            self._state = _CLOSED
            self._real.close()


def _unpacked(address):
    family = _real_socket.sockaddr(address)
    return ".".join(str(part) for part in family[1]), family[2]
