"""What lives on from the start: the parts that the others lean on, and the agent's own two tasks."""

import asyncio

from micropython import const

_WELL_AFTER_S = const(60)
_FLUSH_S = const(30)
_PUT_OFF_S = const(2)  # at most


class Agent:
    """`board`, `clock`, `journal`: the parts of that name. `supervisor`, `outbox` and `watch` are set by firmware.build,
    and `writing`, a lock: two that write to flash, which stops everything, let others run in between."""

    def __init__(self, board, clock, journal):
        self._board = board
        self._clock = clock
        self._journal = journal
        self.supervisor = None
        self.outbox = None
        self.watch = None
        self.writing = asyncio.Lock()

    def waiting(self):
        """How many tokens wait in the outbox."""
        return self.outbox.waiting

    def lag(self):
        """The worst loop lag in ms since a heartbeat last told it."""
        return self.supervisor.worst_lag

    def note(self, text):
        """Keep a line in the journal; it reaches flash within half a minute."""
        self._journal.append(f"{self._clock.uptime_s()} s: {text}".encode()[:160])

    def reset(self, reason):
        """Start the board again, with everything on flash."""
        self._journal.flush()
        self._board.reset(reason)

    async def run(self):
        """Run for ever."""
        asyncio.get_event_loop().set_exception_handler(self.supervisor.stray)
        await self.supervisor.run()

    async def housekeeping(self, alive):
        """Put the journal on flash twice a minute, and after a minute forget the failed starts."""
        flushed = 0
        well = False
        while True:
            alive()
            up = self._clock.uptime_s()
            late = up - flushed - _FLUSH_S
            if late >= 0 and not (self.watch.suspected and late < _PUT_OFF_S):
                flushed = up
                async with self.writing:
                    self._journal.flush()
                    await asyncio.sleep(0)
            if not well and up >= _WELL_AFTER_S:
                well = True
                self._board.clear_breadcrumb()
            await asyncio.sleep_ms(1000)


class TimeStore:
    """Keeps times over a reset, in minutes: seconds outgrow an NVS i32 in 2038."""

    def __init__(self, nvs):
        self._nvs = nvs

    def get(self, key):
        """Unix seconds, 0 where there are none."""
        return (self._nvs.get_i32(key) or 0) * 60

    def put(self, key, unix):
        try:
            self._nvs.set_i32(key, unix // 60)
            self._nvs.commit()
        except OSError:
            pass  # learnt again


class NoPin:
    """Stands for an output that could not be had."""

    def value(self, *level):
        return 0


def nothing():
    """Feeds no watchdog."""
