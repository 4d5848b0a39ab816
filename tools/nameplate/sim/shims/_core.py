# The line between the interpreter and the board: calls to the supervisor, simulated time, and what interrupts it.
#
# A call: kind (1 byte), flash reads since the last call (1 byte), length (2 bytes), simulated time (8 bytes; 0 when the
# supervisor knows it), payload; all little endian. An answer: kind (1), a Ctrl-C came (1), length (2), payload. A call has one
# answer; notices (an edge, a timer, the radio) may come at any time. They are taken in whenever the interpreter is at rest
# or calls, and put to its own scheduler, so a handler runs between two byte codes as it does on the chip.
from micropython import const
import _real_select
import _real_time
import json
import micropython
import struct
import sys

ABSENT = object()  # an argument that was not given

CALL = const(0)
ADC = const(1)
IDLE = const(2)
PROGRAM = const(3)
ERASE = const(4)
FEED = const(5)
PIN_READ = const(6)
PIN_WRITE = const(7)
I2C_WRITE = const(8)
ONEWIRE = const(9)

_ERROR = const(1)
_NOTICE = const(2)

EDGE = const(1)
TIMER = const(2)
NETWORK = const(3)
KEYBOARD = const(4)
CANCEL = const(5)

# What the supervisor says of the network: no link, link and address, the address was lost (and with it what was
# connected), link but nobody beyond it answers.
DOWN = const(0)
UP = const(1)
LOST = const(2)
SILENT = const(3)

_SYNC_EVERY = const(64)  # readings of the clock between two looks at the line

schedule = micropython.schedule
home = sys.path[0]
link = open(int(sys.argv[1]), "r+b")
# Where mbedTLS looks for the time, as launch.py says; 0 where it looks at the machine's.
time_at = int(sys.argv[2]) if len(sys.argv) > 2 else 0
_head = bytearray(4)
_has_head = False
_notices = []
_poll = _real_select.poll()
_poll.register(link, _real_select.POLLIN)
handlers = {}  # (kind, number) -> callable taking the notice's value
network = DOWN
network_lives = 0  # rises when all connections have died with their address
masked = False
interrupted = False  # a Ctrl-C that the next call is to raise when it has its answer
reads = 0  # flash reads since the supervisor was last told
_hot_until = 0


def _receive():
    # A Ctrl-C may raise KeyboardInterrupt while it waits and at any jump, so there is no jump between taking bytes and
    # having them: who calls again goes on where it was.
    global _has_head
    if not _has_head:
        link.readinto(_head)
        _has_head = True
    body = link.read(_head[2] | _head[3] << 8)
    _has_head = False
    return _head[0], body, _head[1]


def _exchange(op, payload):
    # One call and its answer; notices that come between are kept. A Ctrl-C in between is put off until the answer is
    # here: one that nobody takes would be taken for the next call's.
    global interrupted, reads
    told = min(reads, 255)
    reads -= told
    message = struct.pack("<BBHq", op, told, len(payload), clock.base if clock.free else 0) + payload
    sent = False
    answer = None
    while True:
        try:
            if not sent:
                link.write(message)
                sent = True
            if answer is None:
                answer = _receive()
            if answer[0] != _NOTICE:
                break
            _notices.append(answer[1])
            answer = None
        except KeyboardInterrupt:
            interrupted = True
    if interrupted or answer[2]:
        interrupted = False
        raise KeyboardInterrupt
    return answer


def request(op, payload=b""):
    # One call and its answer; then whatever interrupted meanwhile is put to the scheduler.
    kind, body, _ = _exchange(op, payload)
    if op == CALL:
        clock.quiet = 0  # it may have started something
    if _notices:
        deliver()
    if kind == _ERROR:
        number, text = json.loads(body)
        if number is None:
            raise ValueError(text)
        raise OSError(number, text) if text and number else OSError(text or number)
    return body


def call(name, *args, blob=b""):
    # A rare call: JSON arguments and at most one binary tail each way.
    answer = request(CALL, json.dumps((name, args)).encode() + b"\0" + blob)
    at = answer.find(b"\0")
    return json.loads(answer[:at]), answer[at + 1 :]


def deliver():
    global network, network_lives
    while _notices and not masked:
        kind, number, value = struct.unpack("<BBi", _notices.pop(0))
        if kind == KEYBOARD:
            if not _cancelled(number):
                raise KeyboardInterrupt
            continue
        if kind == NETWORK:
            if value == LOST:
                network_lives += 1
            network = DOWN if value == LOST else value
            continue
        handler = handlers.get((kind, number))
        if handler is not None:
            try:
                schedule(handler, value)
            except RuntimeError:
                pass  # the scheduler's queue is full: the chip loses this interrupt too


def _cancelled(number):
    # Whether that Ctrl-C came by signal in the end.
    return any(notice[0] == CANCEL and notice[1] == number for notice in _notices)


def interrupts():
    # Take in what waits on the line, without blocking.
    while _poll.poll(0):
        _notices.append(_receive()[1])
    deliver()


def mask(on):
    global masked
    old, masked = masked, on
    if not on:
        deliver()
    return old


class Clock:
    # Simulated microseconds since the board was switched on. Real or scaled: from the machine's own clock, as the supervisor
    # computes it too. Free: the supervisor tells the time at each rest, and asking costs a little, so that a loop
    # which only watches the clock comes to its end.
    def __init__(self, now_us, speed_milli):
        self.free = speed_milli == 0
        self.speed = speed_milli
        self.base = now_us
        self.quiet = 0  # nothing happens in the world before then, if we do nothing to it
        self.real = _real_time.ticks_us()
        self._asked = 0

    def us(self):
        self._asked += 1
        if self._asked > _SYNC_EVERY:
            self._asked = 0
            if self.free:
                idle(self.base)
            else:
                interrupts()
        if self.free:
            self.base += 2
            return self.base
        return self.base + (_real_time.ticks_us() - self.real) * self.speed // 1000


def idle(until_us, console=False):
    # Free time: let the world run until then, or until something happens (also on the console, if that is waited for).
    wanted = struct.pack("<qB", -1 if until_us is None else until_us, console)
    _, answer, _ = _exchange(IDLE, wanted)
    now, clock.quiet = struct.unpack("<qq", answer)
    clock.base = max(clock.base, now)
    if _notices:
        deliver()  # only now, for a handler may ask the time


def spend(us):
    # Time in which the processor is stuck: no interrupt is taken meanwhile.
    if clock.free:
        clock.base += us
    else:
        _real_time.sleep_us(us * 1000 // clock.speed)


def rest(until_us, poller=None, network_polled=False, console=False):
    # Wait for readiness in `poller` (a real poll object that has the line in it), an interrupt, or simulated `until_us`
    # (None: for ever). Returns the list of ready (object, event) pairs; it is empty at a time-out or an interrupt.
    if poller is None:
        poller = _poll
    if clock.free:
        return _rest_free(until_us, poller, network_polled, console)
    while True:
        if until_us is None:
            wait = 1000
        else:
            left = until_us - clock.us()
            wait = 0 if left <= 0 else min(1000, (left + clock.speed - 1) // clock.speed)
        ready = poller.poll(wait)
        if _take_line(ready) or ready or (until_us is not None and clock.us() >= until_us):
            return ready


def _take_line(ready):
    for at in range(len(ready)):
        if ready[at][0] is link:
            del ready[at]
            interrupts()
            return True
    return False


def hot(milliseconds=1000):
    # A peer in the real world was spoken to: give it real time to answer before simulated time runs on.
    global _hot_until
    _hot_until = max(_hot_until, _real_time.ticks_ms() + milliseconds)


def answered():
    # It did; more may follow at once.
    global _hot_until
    _hot_until = _real_time.ticks_ms() + 5


def _rest_free(until_us, poller, network_polled, console):
    ready = poller.poll(0)
    _take_line(ready)
    if ready:
        return ready
    if network_polled and (until_us is None or until_us > clock.base):
        grace = _hot_until - _real_time.ticks_ms()
        if grace > 0:
            ready = poller.poll(grace)
            _take_line(ready)
            if ready:
                answered()
                return ready
    if until_us is not None and until_us <= clock.quiet:
        clock.base = max(clock.base, until_us)
        return ready
    idle(until_us, console)
    ready = poller.poll(0)
    _take_line(ready)
    return ready


clock = Clock(0, 1)
hello = call("hello")[0]
network = hello["network"]
clock = Clock(hello["now_us"], hello["speed_milli"])
boot_us = hello["boot_us"]
