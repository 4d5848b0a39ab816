# socket as the ESP32 port has it (lwIP), over the host's own sockets: addresses are (host, port), names are resolved by a
# call that blocks the interpreter, error numbers are newlib's. Without a radio link a connection goes silent: _socket_wire.py.
from micropython import const
import _core
import _lwip
import _real_socket
import _socket_wire as _wire

AF_INET = 2
SOCK_STREAM = 1
SOCK_DGRAM = 2
SOCK_RAW = 3
IPPROTO_IP = 0
IPPROTO_TCP = 6
IPPROTO_UDP = 17
SOL_SOCKET = 4095
SO_REUSEADDR = 4
SO_BROADCAST = 32
TCP_NODELAY = 1
IP_ADD_MEMBERSHIP = 3

_POLLIN = const(1)
_POLLOUT = const(4)

_EAGAIN = const(11)
_ETIMEDOUT = const(116)
_ECONNRESET = const(104)
_EHOSTUNREACH = const(118)
_EINPROGRESS = const(119)
_EISCONN = const(127)
_EAFNOSUPPORT = const(106)

_SYN_US = const(75000000)  # until a connection nobody answers is given up


def getaddrinfo(_host, _port, _af=0, _type=0, _proto=0, _flags=0):
    return [(AF_INET, _type or SOCK_STREAM, _proto, "", (_lwip.resolve(_host), int(_port)))]


class socket(_wire.Wire):
    def __init__(self, _af=AF_INET, _type=SOCK_STREAM, _proto=0):
        if _af != AF_INET or _type not in (SOCK_STREAM, SOCK_DGRAM):
            raise OSError(_EAFNOSUPPORT)
        super().__init__(_type == SOCK_STREAM)

    def connect(self, _address):
        _address = (_lwip.resolve(_address[0]), _address[1])
        if not self._stream:
            self._peer = _address
            return
        if self._state == _wire.OPEN:
            raise OSError(_EISCONN)
        word, to = _lwip.route("tcp", _address)
        if word == "unreachable":
            raise OSError(_EHOSTUNREACH)
        if word == "refused":
            raise OSError(_ECONNRESET)
        self._life = _core.network_lives
        until = self._until()
        if word == "silent":
            self._state = _wire.UNANSWERED
            self._due_us = _core.clock.us() + _SYN_US
            if self._timeout_us == 0:
                raise OSError(_EINPROGRESS)
            self._wait(_POLLOUT, until)
            raise OSError(_ETIMEDOUT)
        self._state = _wire.OPEN
        _core.hot()
        try:
            self._real.connect(_lwip.packed(to))
        except OSError as error:
            if error.args[0] != 115:
                self._state = _wire.NEW
                raise _lwip.error(error)
            if self._timeout_us == 0:
                raise OSError(_EINPROGRESS)
            if not self._wait(_POLLOUT, until):
                raise OSError(_ETIMEDOUT)
            try:
                self._real.send(b"")  # tells a failure, and sends nothing
            except OSError as error:
                self._state = _wire.NEW
                raise _lwip.error(error)

    def bind(self, _address):
        # The board's own _address lies on no interface of the host: it listens on loopback only.
        try:
            self._real.bind(_lwip.packed(("127.0.0.1", _address[1])))
        except OSError as error:
            raise _lwip.error(error)
        self._state = _wire.OPEN

    def listen(self, _backlog=2):
        self._real.listen(_backlog)
        self._state = _wire.OPEN

    def accept(self):
        until = self._until()
        while True:
            try:
                real, address = self._real.accept()
                return _connected(real), _lwip.unpacked(address)
            except OSError as error:
                if error.args[0] != 11:
                    raise _lwip.error(error)
            self._block(_POLLIN, until)

    def _send_some(self, data):
        until = self._until()
        while True:
            sent = self._send(data)
            if sent or not len(data):
                return sent
            self._block(_POLLOUT, until)

    def send(self, _data):
        return self._send_some(_data)

    def sendall(self, _data):
        view = memoryview(_data)
        while view:
            view = view[self._send_some(view) :]

    def write(self, _buf, _size=-1):
        if _size >= 0:
            _buf = memoryview(_buf)[:_size]
        try:
            return self._send_some(_buf)
        except OSError as error:
            if error.args[0] == _EAGAIN:
                return None
            raise

    def sendto(self, _data, _address):
        word, to = _lwip.route("udp", (_lwip.resolve(_address[0]), _address[1]))
        if word == "unreachable":
            raise OSError(_EHOSTUNREACH)
        if word == "lan":
            heads, data = _core.call("datagram", _address[0], _address[1], blob=bytes(_data))
            at = 0
            for delay_us, host, port, size in heads:
                self._coming.append((_core.clock.us() + delay_us, data[at : at + size], (host, port)))
                at += size
            self._due()
        elif word == "sent":
            _core.hot()
            self._aliases = getattr(self, "_aliases", {})
            self._aliases[(to[0], to[1])] = (_lwip.resolve(_address[0]), _address[1])
            try:
                self._real.sendto(_data, _lwip.packed(to))
            except OSError as error:
                raise _lwip.error(error)
        return len(_data)

    def recv(self, _bufsize):
        until = self._until()
        while True:
            data = self._receive(_bufsize)
            if data is not None:
                return data
            self._block(_POLLIN, until)

    def _due(self):
        self._coming.sort(key=lambda coming: coming[0])
        self._due_us = self._coming[0][0] if self._coming else None

    def recvfrom(self, _bufsize):
        until = self._until()
        while True:
            self._check()
            if self._live():
                if self._coming and _core.clock.us() >= self._due_us:
                    _, data, address = self._coming.pop(0)
                    self._due()
                    return data[:_bufsize], address
                try:
                    data, address = self._real.recvfrom(_bufsize)
                    _core.answered()
                    address = _lwip.unpacked(address)
                    return data, getattr(self, "_aliases", {}).get(address, address)
                except OSError as error:
                    if error.args[0] != 11:
                        raise _lwip.error(error)
            self._block(_POLLIN, until)

    def read(self, _size=-1):
        got = b""
        while _size < 0 or len(got) < _size:
            try:
                data = self.recv(1024 if _size < 0 else _size - len(got))
            except OSError as error:
                if error.args[0] == _EAGAIN:
                    return got or None
                raise
            if not data:
                break
            got += data
        return got

    def readinto(self, _buf, _nbytes=-1):
        view = memoryview(_buf)
        if _nbytes >= 0:
            view = view[:_nbytes]
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

    def settimeout(self, _value):
        # The port asks lwIP every 100 ms, once more than fits the time.
        if _value is None:
            self._timeout_us = None
        else:
            ms = int(_value * 1000)
            self._timeout_us = (ms // 100 + 1) * 100000 if ms else 0

    def setblocking(self, _value):
        self.settimeout(None if _value else 0)

    def setsockopt(self, _level, _optname, _value):
        if _optname == SO_REUSEADDR and _level == SOL_SOCKET:
            self._real.setsockopt(_real_socket.SOL_SOCKET, _real_socket.SO_REUSEADDR, _value)
        elif _optname not in (SO_BROADCAST, TCP_NODELAY):
            print("Warning: lwip.setsockopt() option not implemented")

    def makefile(self, _mode="rb", _buffering=0):
        return self

    def fileno(self):
        return self._real.fileno()

    def close(self):
        if self._state != _wire.CLOSED:
            self._state = _wire.CLOSED
            self._real.close()


def _connected(real):
    made = socket()
    made._real.close()
    made._real = real
    real.setblocking(False)
    made._state = _wire.OPEN
    return made


del const
