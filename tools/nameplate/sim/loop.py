"""The one thread of a virtual board: it lets time pass, waits for whoever has something to say, and sees what hangs.

Whatever it does, it does holding `lock`; others take the lock for a look or a change and call `wake`.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import threading
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nameplate.sim.engine import Engine

_BUSY_CPU_S = 5.0  # processor time without a call after which free time calls a program hung
_TICK_S = 0.25
_PROMPT_TICK_S = 0.01


class Loop:
    """Serves one engine. What is registered with `watch` is called, without arguments, when it is ready."""

    def __init__(self, engine: Engine, name: str) -> None:
        self._engine = engine
        self.lock = threading.RLock()
        self.watch = selectors.DefaultSelector()
        self._wake_read, self._wake_write = os.pipe()
        os.set_blocking(self._wake_write, False)
        self.watch.register(self._wake_read, selectors.EVENT_READ, lambda: os.read(self._wake_read, 4096))
        self.stopped = False
        self.failure: BaseException | None = None
        self._cpu_mark: float | None = None
        self._real_mark = time.monotonic()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """No turn begins after this."""
        with self.lock:
            self.stopped = True
        self.wake()
        if self._thread.is_alive() and threading.current_thread() is not self._thread:
            self._thread.join()

    def close(self) -> None:
        """Give back what the system lent."""
        self.watch.close()
        os.close(self._wake_read)
        os.close(self._wake_write)

    def wake(self) -> None:
        """Something changed: the loop is to look again."""
        with contextlib.suppress(OSError):
            os.write(self._wake_write, b"x")

    def _run(self) -> None:
        try:
            while not self.stopped:
                self._turn()
        except BaseException as error:
            self.failure = error
            raise

    def _turn(self) -> None:
        with self.lock:
            while self._engine.clock.run_due():
                pass
            wait = self._let_time_pass()
        ready = self.watch.select(wait)
        with self.lock:
            if not ready and wait:
                self._watch_for_hang()
            for key, _ in ready:
                if not self.stopped:
                    key.data()

    # Time

    def _let_time_pass(self) -> float | None:
        """In free time, run on to the next thing that is due. Returns how long (real s) the loop may sleep."""
        engine = self._engine
        if not engine.clock.free:
            due = engine.clock.next_due()
            return _TICK_S if due is None else min(_TICK_S, engine.clock.real_seconds_until(due))
        if engine.interpreter is not None and not engine.pace.resting:
            if not engine.uart.at_prompt:
                return _TICK_S  # it computes: time stands still
            if engine.pace.horizon is None or not engine.interpreter.sleeps():
                now = time.monotonic()
                engine.pace.real_time_passed(int((now - self._real_mark) * 1e6))
                self._real_mark = now
                return _PROMPT_TICK_S
            engine.from_inside()  # all it had to say, for it waits for input now
            engine.pace.look()
        self._real_mark = time.monotonic()
        return 0.0 if engine.pace.step() else None

    def at_prompt(self) -> None:
        """The interpreter has come to its prompt: there, time passes as real time does, from now."""
        self._real_mark = time.monotonic()

    def at_rest(self) -> bool:
        """Whether nothing goes on until somebody lets time pass, or acts."""
        engine = self._engine
        if engine.interpreter is None or engine.pace.resting:
            return True
        return engine.uart.at_prompt and engine.interpreter.sleeps()

    # Hanging

    def alive(self) -> None:
        """The interpreter has called, or is gone: it does not hang."""
        self._cpu_mark = None

    def _watch_for_hang(self) -> None:
        """In free time a loop that never calls would hold the clock, and so its own watchdog, for ever."""
        engine = self._engine
        watchdog_ms = engine.power.watchdog_ms
        if not engine.clock.free or not watchdog_ms or engine.pace.resting or engine.interpreter is None:
            self._cpu_mark = None
            return
        used = engine.interpreter.cpu_seconds()
        if used is None:
            used = time.monotonic()
        if self._cpu_mark is None:
            self._cpu_mark = used
        elif used - self._cpu_mark > min(_BUSY_CPU_S, watchdog_ms / 1000):
            engine.power.bite()
