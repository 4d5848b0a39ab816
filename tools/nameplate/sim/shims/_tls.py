# tls as the ESP32 port has it: the interpreter's own mbedTLS, which is the chip's, over our sockets. Certificates are
# judged by the chip's clock, and the part of a handshake that the chip computes for a second holds the program as long.
from micropython import const
import _core
import _real_select
import _real_tls
import io as _io
import struct as _struct
import time as _time
import uctypes as _uctypes

CERT_NONE = _real_tls.CERT_NONE
CERT_OPTIONAL = _real_tls.CERT_OPTIONAL
CERT_REQUIRED = _real_tls.CERT_REQUIRED
MBEDTLS_VERSION = _real_tls.MBEDTLS_VERSION
PROTOCOL_DTLS_CLIENT = _real_tls.PROTOCOL_DTLS_CLIENT
PROTOCOL_DTLS_SERVER = _real_tls.PROTOCOL_DTLS_SERVER
PROTOCOL_TLS_CLIENT = _real_tls.PROTOCOL_TLS_CLIENT
PROTOCOL_TLS_SERVER = _real_tls.PROTOCOL_TLS_SERVER

_IOCTL_POLL = const(3)
_IOCTL_CLOSE = const(4)
_RDWR = const(5)
_EPOCH = const(946684800)

# Where mbedTLS looks for the time; none in an interpreter that launch.py could not lead there.
_told = _uctypes.bytearray_at(_core.time_at, 8) if _core.time_at else None


class SSLContext:
    def __init__(self, _protocol):
        self._tls = _real_tls.SSLContext(_protocol)
        self._tls.verify_callback = self._show
        self._shown = 0
        self.verify_mode = self._tls.verify_mode
        self.verify_callback = None

    def _show(self, certificate, depth):
        self._shown += 1
        return self.verify_callback(certificate, depth) if self.verify_callback else 0

    def get_ciphers(self):
        return self._tls.get_ciphers()

    def set_ciphers(self, _ciphersuite):
        self._tls.set_ciphers(_ciphersuite)

    def load_cert_chain(self, _cert, _key):
        self._tls.load_cert_chain(_cert, _key)

    def load_verify_locations(self, _cadata):
        self._tls.load_verify_locations(_cadata)

    def wrap_socket(self, _sock, *, server_side=False, do_handshake_on_connect=True, server_hostname=None):
        self._tls.verify_mode = self.verify_mode
        return _SSLSocket(self, _sock, server_side, do_handshake_on_connect, server_hostname)


class _Wire(_io.IOBase):
    # What mbedTLS has under it.
    def __init__(self, sock):
        self._sock = sock
        self._asked = 0

    def _try(self, call, buffer):
        try:
            return call(buffer)
        except OSError as error:
            return -error.args[0]

    def readinto(self, buffer):
        return self._try(self._sock.readinto, buffer)

    def write(self, buffer):
        return self._try(self._sock.write, buffer)

    def ioctl(self, request, argument):
        if request == _IOCTL_CLOSE:
            self._sock.close()
        elif request == _IOCTL_POLL:
            self._asked = argument & _RDWR
        return 0


class _SSLSocket:
    _network = True

    def __init__(self, context, sock, server_side, shake, hostname):
        self._context = context
        self._sock = sock
        self._wire = _Wire(sock)
        self._tls = None
        self._computes = self._shaking = True
        blocking, sock._timeout_us = sock._timeout_us, 0 if not shake else sock._timeout_us
        try:
            self._tls = self._run(
                lambda: context._tls.wrap_socket(
                    self._wire,
                    server_side=server_side,
                    do_handshake_on_connect=shake,
                    server_hostname=hostname,
                )
            )
        finally:
            sock._timeout_us = blocking
        self._poller = _real_select.poll()
        self._poller.register(self._tls, _RDWR)
        self._polled = None  # what was asked last, and the answer: it holds until the next read or write
        self._found = 0

    def _run(self, call, *args):
        shown = self._context._shown
        self._polled = None
        if _told is not None:
            _told[:] = _struct.pack("<q", _time.time() + _EPOCH)
        try:
            done = call(*args)
            if done and self._tls:
                self._shaking = False
            return done
        finally:
            if self._shaking:
                _core.hot()  # a handshake comes in several pieces
            if self._context._shown != shown and self._computes:
                self._computes = False
                _core.spend(_core.call("tls_us")[0])

    # What our select needs to know

    @property
    def _real(self):
        return self._sock._real

    @property
    def _due_us(self):
        return self._sock._due_us

    def _live(self):
        return self._sock._live()

    def _ready(self, argument):
        # What mbedTLS has itself, and in `_asked` what it wants of the wire for the rest.
        if not self._live():
            return self._sock._ready(argument)
        if self._polled != argument:
            self._wire._asked = argument & _RDWR
            self._poller.modify(self._tls, argument)
            found = self._poller.poll(0)
            self._found = found[0][1] if found else 0
            self._polled = argument
        return self._found

    def _wants(self, argument):
        self._ready(argument)
        return argument & ~_RDWR | self._wire._asked

    # The chip's methods

    def read(self, _size=-1):
        return self._run(self._tls.read, _size)

    def readinto(self, _buf, _nbytes=-1):
        return self._run(self._tls.readinto, _buf, *(() if _nbytes < 0 else (_nbytes,)))

    def readline(self, _size=-1):
        return self._run(self._tls.readline)

    def write(self, _buf):
        return self._run(self._tls.write, _buf)

    def setblocking(self, _value):
        self._sock.setblocking(_value)

    def getpeercert(self, _binary):
        return self._tls.getpeercert(_binary)

    def cipher(self):
        return self._tls.cipher()

    def close(self):
        self._tls.close()


del const
