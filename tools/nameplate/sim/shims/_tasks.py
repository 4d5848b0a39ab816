# The scheduler's queue and task, in Python, on simulated ticks: the interpreter's own are C and read the real clock.
# Keys wrap at 2**30 as on the chip; equal keys keep their order of arrival, as they do there.
from micropython import const
import time as _time

_PERIOD = const(1 << 30)
_HALF = const(1 << 29)


class TaskQueue:
    def __init__(self):
        self._tasks = []

    def peek(self):
        return self._tasks[0] if self._tasks else None

    def push(self, task, key=None):
        task.data = None
        if key is None:
            key = _time.ticks_ms()
        task.ph_key = key
        tasks = self._tasks
        at = len(tasks)
        while at and ((key - tasks[at - 1].ph_key + _HALF) & (_PERIOD - 1)) < _HALF:
            at -= 1
        tasks.insert(at, task)

    def pop(self):
        if not self._tasks:
            raise IndexError("empty heap")
        return self._tasks.pop(0)

    def remove(self, task):
        for at, other in enumerate(self._tasks):
            if other is task:
                del self._tasks[at]
                return


class Task:
    _context = None

    def __init__(self, coro, context=None):
        self.coro = coro
        self.data = None
        self.state = True  # True: runs, a TaskQueue: runs and is awaited, None or False: finished
        self.ph_key = 0
        if context is not None:
            Task._context = context

    def __iter__(self):
        if not self.state:
            self.state = False
        elif self.state is True:
            self.state = TaskQueue()
        elif type(self.state) is not TaskQueue:
            raise RuntimeError("can't wait")
        return self

    def __next__(self):
        if not self.state:
            raise self.data
        current = Task._context["cur_task"]
        self.state.push(current)
        current.data = self

    def done(self):
        return not self.state

    def cancel(self):
        if not self.state:
            return False
        context = Task._context
        if self is context["cur_task"]:
            raise RuntimeError("can't cancel self")
        task = self
        while isinstance(task.data, Task):
            task = task.data
        queue = context["_task_queue"]
        if hasattr(task.data, "remove"):
            task.data.remove(task)
            queue.push(task)
        elif ((task.ph_key - _time.ticks_ms() + _HALF) & (_PERIOD - 1)) - _HALF > 0:
            queue.remove(task)
            queue.push(task)
        task.data = context["CancelledError"]
        return True


del const
