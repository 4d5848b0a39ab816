# select as the ESP32 port has it, over simulated time. Objects of the host (sockets, the console) are polled by the
# interpreter's own poll; objects written in Python (asyncio's ThreadSafeFlag) are asked by their ioctl, as there.
from micropython import const
import _core
import _real_select

POLLIN = const(1)
POLLOUT = const(4)
POLLERR = const(8)
POLLHUP = const(16)

_IOCTL_POLL = const(3)


class poll:
    def __init__(self):
        self._poller = _real_select.poll()
        self._poller.register(_core.link, POLLIN)
        self._entries = {}  # id(obj) -> [obj, mask, the host's object or None, awake]
        self._network = 0

    def register(self, obj, eventmask=POLLIN | POLLOUT):
        entry = self._entries.get(id(obj))
        if entry is not None:
            return self.modify(obj, eventmask)
        under = getattr(obj, "_under", None)
        if under is None and not hasattr(obj, "ioctl"):
            raise TypeError("stream operation not supported")
        self._entries[id(obj)] = [obj, eventmask, under]
        if under is not None:
            self._poller.register(under, eventmask)
            if hasattr(obj, "_network"):
                self._network += 1

    def unregister(self, obj):
        entry = self._entries.pop(id(obj), None)
        if entry is None:
            raise OSError(2)
        if entry[2] is not None:
            self._poller.unregister(entry[2])
            if hasattr(obj, "_network"):
                self._network -= 1

    def modify(self, obj, eventmask):
        entry = self._entries.get(id(obj))
        if entry is None:
            raise OSError(2)
        entry[1] = eventmask
        if entry[2] is not None:
            self._poller.modify(entry[2], eventmask)

    def _soft(self, found):
        for obj, mask, under in self._entries.values():
            if under is None:
                events = obj.ioctl(_IOCTL_POLL, mask)
                if events:
                    found.append((obj, events))
            else:
                events = obj._events(mask)
                if events:
                    found.append((obj, events))

    def _wait(self, timeout):
        clock = _core.clock
        until = None if timeout is None or timeout < 0 else clock.us() + timeout * 1000
        while True:
            found = []
            self._soft(found)
            if found:
                # Take in what waits on the line all the same: a busy loop must not shut interrupts out.
                for under, events in _core.rest(clock.us(), self._poller, False):
                    self._add(found, under, events)
                return found
            for under, events in _core.rest(until, self._poller, self._network):
                self._add(found, under, events)
            if found:
                return found
            if until is not None and clock.us() >= until:
                self._soft(found)
                return found

    def _add(self, found, under, events):
        for entry in self._entries.values():
            if entry[2] is under:
                for have in found:
                    if have[0] is entry[0]:
                        return
                found.append((entry[0], events))
                return

    def poll(self, timeout=-1):
        return self._wait(timeout)

    def ipoll(self, timeout=-1, flags=0):
        return iter(self._wait(timeout))


def select(rlist, wlist, xlist, timeout=None):
    poller = poll()
    for obj in rlist:
        poller.register(obj, POLLIN)
    for obj in wlist:
        if id(obj) in poller._entries:
            poller.modify(obj, POLLIN | POLLOUT)
        else:
            poller.register(obj, POLLOUT)
    found = poller._wait(None if timeout is None else int(timeout * 1000))
    return (
        [obj for obj, events in found if events & ~POLLOUT and obj in rlist],
        [obj for obj, events in found if events & POLLOUT and obj in wlist],
        [],
    )
