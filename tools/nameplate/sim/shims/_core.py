# The line between the interpreter and the board: calls to the supervisor, simulated time, and what interrupts it.
#
# Frames both ways: kind (1 byte), flag (1 byte), length (2 bytes, little endian), payload. A call is answered by one
# reply; notices (an edge, a timer) may come at any time and are kept until the interpreter is at rest, which is what
# the scheduler of the chip does with soft interrupts.
from micropython import const
import _real_time
import _real_select
import json
import micropython
import struct
import sys

CALL = const(0)
ADC = const(1)
IDLE = const(2)
PROGRAM = const(3)
ERASE = const(4)
FEED = const(5)
PIN_READ = const(6)
PIN_WRITE = const(7)

_REPLY = const(0)
_ERROR = const(1)
_NOTICE = const(2)

_GRACE_MS = const(100)

schedule = micropython.schedule
link = open(int(sys.argv[1]), "r+b")
_head = bytearray(4)
_out = bytearray(4 + 16)
_notices = []
_poll = _real_select.poll()
_poll.register(link, _real_select.POLLIN)
handlers = {}  # (kind, number) -> callable taking the notice's value
network_hot_until = 0
reads = 0  # read operations of the flash since the last call


def _receive():
    link.readinto(_head)
    size = _head[2] | _head[3] << 8
    body = link.read(size) if size else b""
    return _head[0], body


def _reply():
    while True:
        kind, body = _receive()
        if kind == _REPLY:
            return body
        if kind == _ERROR:
            number, text = json.loads(body)
            if number is None:
                raise ValueError(text)
            raise OSError(number, text) if text else OSError(number)
        _notices.append(body)


def request(op, payload=b""):
    # One call and its answer; then whatever interrupted meanwhile is put to the scheduler.
    size = len(payload)
    _head[0] = op
    _head[1] = 0
    _head[2] = size & 255
    _head[3] = size >> 8
    link.write(bytes(_head) + payload if size else _head)
    answer = _reply()
    if _notices:
        deliver()
    return answer


def call(name, *args, blob=b""):
    # A rare call: JSON arguments and at most one binary tail each way.
    answer = request(CALL, json.dumps((name, args)).encode() + b"\0" + blob)
    at = answer.find(b"\0")
    return json.loads(answer[:at]), answer[at + 1 :]


def tell(op, payload=b""):
    request(op, payload)


def deliver():
    while _notices:
        kind, number, value = struct.unpack("<BBi", _notices.pop(0))
        handler = handlers.get((kind, number))
        if handler is not None:
            try:
                schedule(handler, value)
            except RuntimeError:
                pass  # the scheduler's queue is full: the chip loses this interrupt too


def interrupts():
    # Take in the notices that wait on the line, without blocking.
    for _ in _poll.ipoll(0):
        _, body = _receive()
        _notices.append(body)
    if _notices:
        deliver()


class Clock:
    # Simulated microseconds since this boot of the chip. Real or scaled: from the machine's own clock, as the supervisor
    # computes it too. Free: the supervisor tells the time at each rest, and asking costs a little, so that a loop
    # which only watches the clock comes to its end.
    def __init__(self, now_us, speed_milli):
        self.free = speed_milli == 0
        self.speed = speed_milli
        self.base = now_us
        self.real = _real_time.ticks_us()

    def us(self):
        if self.free:
            self.base += 2
            return self.base
        return self.base + (_real_time.ticks_us() - self.real) * self.speed // 1000


hello, _ = call("hello")
clock = Clock(hello["now_us"], hello["speed_milli"])
boot_us = clock.base


def rest(until_us, poller=None, waits_for_network=False):
    # Wait for readiness in `poller` (a real poll object), an interrupt, or simulated `until_us` (None: for ever).
    # Returns the list of ready (object, event) pairs; empty at a time-out or after an interrupt.
    if poller is None:
        poller = _poll
    if clock.free:
        return _rest_free(until_us, poller, waits_for_network)
    while True:
        if until_us is None:
            wait = 1000
        else:
            left = (until_us - clock.us()) * 1000 // clock.speed
            wait = 0 if left <= 0 else min(1000, (left + 999) // 1000)
        ready = poller.poll(wait)
        if _take_link(ready) or ready:
            return ready
        if until_us is not None and clock.us() >= until_us:
            return ready


def _take_link(ready):
    for i in range(len(ready)):
        if ready[i][0] is link:
            del ready[i]
            interrupts()
            return True
    return False


def hot(milliseconds=_GRACE_MS):
    # A peer in the real world was spoken to: let it answer before simulated time runs on.
    global network_hot_until
    network_hot_until = _real_time.ticks_ms() + milliseconds


def _rest_free(until_us, poller, waits_for_network):
    ready = poller.poll(0)
    _take_link(ready)
    if ready:
        return ready
    if waits_for_network:
        grace = network_hot_until - _real_time.ticks_ms()
        if grace > 0 and (until_us is None or until_us > clock.base):
            ready = poller.poll(grace)
            _take_link(ready)
            if ready:
                hot(5)
                return ready
    global reads
    answer = request(IDLE, struct.pack("<qqI", clock.base, -1 if until_us is None else until_us, reads))
    reads = 0
    clock.base = max(clock.base, struct.unpack("<q", answer)[0])
    ready = poller.poll(0)
    _take_link(ready)
    return ready
