# select as the ESP32 port has it, over simulated time. Objects of the host (sockets, the console) are polled by the
# interpreter's own poll; objects written in Python (asyncio's ThreadSafeFlag) are asked by their ioctl, as there.
from micropython import const
import _core
import _real_select

POLLIN = 1
POLLOUT = 4
POLLERR = 8
POLLHUP = 16

_IOCTL_POLL = const(3)


class _Entry:
    def __init__(self, obj, mask):
        self.obj = obj
        self.mask = mask
        self.real = getattr(obj, "_real", None)
        self.watched = 0
        # TLS may have to read in order to write; it says itself what it waits for.
        self.wants = getattr(obj, "_wants", None)
        if self.real is None and not hasattr(obj, "ioctl"):
            raise TypeError("stream operation not supported")

    def soft(self):
        # Readiness that the host cannot see.
        return self.obj.ioctl(_IOCTL_POLL, self.mask) if self.real is None else self.obj._ready(self.mask)


class poll:
    def __init__(self):
        self._poller = _real_select.poll()
        self._poller.register(_core.link, POLLIN)
        self._entries = {}

    def register(self, obj, eventmask=POLLIN | POLLOUT):
        if id(obj) in self._entries:
            self.modify(obj, eventmask)
        else:
            self._entries[id(obj)] = _Entry(obj, eventmask)

    def _entry(self, obj):
        entry = self._entries.get(id(obj))
        if entry is None:
            raise OSError(2)
        return entry

    def unregister(self, obj):
        entry = self._entries.pop(id(obj), None)
        if entry is not None and entry.watched:
            self._poller.unregister(entry.real)

    def modify(self, obj, eventmask):
        entry = self._entry(obj)
        entry.mask = eventmask

    def _watch(self):
        # A connection without a link under it is silent, whatever the host's socket has to say.
        network = console = False
        for entry in self._entries.values():
            if entry.real is None:
                continue
            on = entry.obj._live() and (entry.wants(entry.mask) if entry.wants else entry.mask)
            if on and entry.obj._network:
                network = True
            elif on:
                console = True
            if on and not entry.watched:
                self._poller.register(entry.real, on)
            elif entry.watched and not on:
                self._poller.unregister(entry.real)
            elif on != entry.watched:
                self._poller.modify(entry.real, on)
            entry.watched = on
        return network, console

    def _wait(self, timeout):
        clock = _core.clock
        until = None if timeout is None or timeout < 0 else clock.us() + timeout * 1000
        while True:
            network, console = self._watch()
            found = []
            wake = until
            for entry in self._entries.values():
                events = entry.soft()
                if events:
                    found.append((entry.obj, events))
                due = entry.real and entry.obj._due_us  # a connection will be given up then
                if due and (wake is None or due < wake):
                    wake = due
            # With something found the line is still looked at, or a busy loop would shut interrupts out.
            for real, events in _core.rest(
                clock.us() if found else wake, self._poller, network and not found, console
            ):
                for entry in self._entries.values():
                    if entry.real is real:
                        found = [have for have in found if have[0] is not entry.obj]
                        found.append((entry.obj, events if entry.watched == entry.mask else entry.mask))
            if found or (until is not None and clock.us() >= until):
                return found

    def poll(self, _timeout=-1):
        return self._wait(_timeout)

    def ipoll(self, _timeout=-1, _flags=0):
        return iter(self._wait(_timeout))


def select(_rlist, _wlist, _xlist, _timeout=None):
    poller = poll()
    for obj in _rlist:
        poller.register(obj, POLLIN | POLLOUT if obj in _wlist else POLLIN)
    for obj in _wlist:
        if obj not in _rlist:
            poller.register(obj, POLLOUT)
    found = poller._wait(None if _timeout is None else int(_timeout * 1000))
    readable = [obj for obj, events in found if events & ~POLLOUT and obj in _rlist]
    return readable, [obj for obj, events in found if events & POLLOUT and obj in _wlist], []


del const
