"""A prelude for scripts on the plain interpreter: asyncio's sleeps cost no real time.

Stands in for the modules `time` and `select` before asyncio is imported. Simulated time passes only while the loop has
nothing to do. It starts hours ahead of the real one, because the interpreter's own task queue reads the real ticks: what
it queues for "now" is then always due.
"""

PRELUDE = """
import sys
import time as _time
import select as _select

class SimulatedTime:
    now = _time.ticks_ms() + 36000000
    def ticks_ms(self):
        return self.now
    def ticks_add(self, ticks, delta):
        return _time.ticks_add(ticks, delta)
    def ticks_diff(self, later, earlier):
        return _time.ticks_diff(later, earlier)
    def stand_still(self, ms):
        self.now += ms

class SimulatedPoll:
    def __init__(self):
        self._poll = _select.poll()
        self.modify = self._poll.modify
        self.sockets = 0
    def register(self, stream, events):
        self._poll.register(stream, events)
        self.sockets += 1
    def unregister(self, stream):
        self._poll.unregister(stream)
        self.sockets -= 1
    def ipoll(self, wait):
        # While a peer in the real world may answer, time runs twenty times as fast as there and no faster.
        if self.sockets:
            wait = min(wait, 1000)
        ready = self._poll.poll((wait + 19) // 20 if self.sockets and wait > 0 else 0)
        if not ready and wait > 0:
            time.now += wait
        return ready

class SimulatedSelect:
    POLLIN = _select.POLLIN
    POLLOUT = _select.POLLOUT
    poll = SimulatedPoll

time = SimulatedTime()
sys.modules["time"] = time
sys.modules["select"] = SimulatedSelect()
import asyncio
"""
