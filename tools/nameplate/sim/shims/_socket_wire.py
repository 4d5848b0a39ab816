# One of the host's sockets behind the chip's radio: silent while there is no link, dead when the address was lost. What our
# select is to know of it, waiting, and what it gives and takes at once; the chip's own methods are in socket.py.
from micropython import const
import _core
import _lwip
import _real_socket
import io as _io

_POLLIN = const(1)
_POLLOUT = const(4)
_POLLHUP = const(16)

_EAGAIN = const(11)
_ECONNABORTED = const(113)
_ETIMEDOUT = const(116)
_ENOTCONN = const(128)

_SEND_ROOM = const(5760)  # lwIP's send buffer: what a silent connection still takes

NEW = const(0)
OPEN = const(1)
CLOSED_BY_PEER = const(2)
UNANSWERED = const(3)  # the other side lets our connection request fall
CLOSED = const(4)


class Wire(_io.IOBase):
    _network = True

    def __init__(self, stream):
        self._stream = stream
        self._real = _real_socket.socket(
            _real_socket.AF_INET, _real_socket.SOCK_STREAM if stream else _real_socket.SOCK_DGRAM
        )
        self._real.setblocking(False)
        self._timeout_us = None
        self._state = NEW if stream else OPEN
        self._life = _core.network_lives
        self._held = b""  # taken from the program, not yet given to the host: there is no link
        # When an unanswered connection request is given up, or the first datagram below is here.
        self._due_us = None
        self._coming = []  # (when, data, from where): what servers of the home network have answered

    # What our select needs to know

    def _live(self):
        return self._state == OPEN and _core.network == _core.UP and not self._dead()

    def _dead(self):
        return self._stream and self._life != _core.network_lives and self._state != NEW

    def _ready(self, argument):
        if self._state == NEW:
            return argument & _POLLOUT | _POLLHUP
        if self._state == CLOSED_BY_PEER:
            return argument & (_POLLIN | _POLLOUT)
        if self._dead():
            return argument & (_POLLIN | _POLLOUT)
        if self._state == UNANSWERED:
            # Past its moment it is an error, which select reports as ready.
            return argument & (_POLLIN | _POLLOUT) if _core.clock.us() >= self._due_us else 0
        if not self._live():
            return argument & _POLLOUT if len(self._held) < _SEND_ROOM else 0
        if self._coming:
            return argument & _POLLIN if _core.clock.us() >= self._due_us else 0
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

    def _block(self, events, until):
        if self._timeout_us == 0:
            raise OSError(_EAGAIN)
        if not self._wait(events, until):
            raise OSError(_ETIMEDOUT)

    def _check(self):
        if self._state == CLOSED:
            raise OSError(9)
        if self._state == NEW:
            raise OSError(_ENOTCONN)
        if self._dead():
            raise OSError(_ECONNABORTED)
        if self._state == UNANSWERED and _core.clock.us() >= self._due_us:
            raise OSError(_ETIMEDOUT)

    # What is given and taken at once

    def _flush(self):
        while self._held:
            try:
                self._held = self._held[self._real.send(self._held) :]
            except OSError as error:
                if error.args[0] != 11:
                    raise _lwip.error(error)
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
            raise _lwip.error(error)

    def _receive(self, size):
        # Bytes, b"" at the end of the connection, None when there are none yet.
        self._check()
        if self._state == CLOSED_BY_PEER:
            return b""
        if not self._live():
            return None
        self._flush()
        try:
            data = self._real.recv(size)
        except OSError as error:
            if error.args[0] == 11:
                return None
            raise _lwip.error(error)
        if data:
            _core.answered()
        elif size and self._stream:
            self._state = CLOSED_BY_PEER
        return data


del const
