"""The four lines of twenty characters on the appliance itself: who it is, what is wrong, what to do.

Works with no network and no clock. The display may be missing, or come and go: that is counted, tried again twice a
minute, and touches nothing else. Only rows that changed are written, one at a time.
"""

import asyncio
import time

from lib import rare

COLUMNS = 20
_PERIOD_MS = 500
_RETRY_MS = 30000
_TURN_MS = 4000
_MARKS = {"open": "open", "short": "shrt", "stuck": "stuck", "out of range": "odd", "implausible": "odd"}


class Panel:
    """`display`: start(), show(lines), `started`, as lib.lcd.Lcd, or None on a board without one.

    `unit`: identity; `watch`: the faults; `station`: the readings; `clock`: for the warranty; `uplink`: `state`, a word;
    `waiting()`: tokens in the outbox. `failures` counts what the display did not take.
    """

    def __init__(self, display, unit, watch, station, clock, uplink, waiting, ticks=time):
        self._display = display
        self._unit = unit
        self._watch = watch
        self._station = station
        self._clock = clock
        self._uplink = uplink
        self._waiting = waiting
        self._ticks = ticks
        self._lit = False
        self._tried = None
        self._warranty_day = None
        self._warranty_line = ""
        self._shown = self._rows = None  # a fault, and its lines
        self._read = 0
        self.failures = 0

    def lines(self, lit=True):
        """The four lines as of now; `lit` is the half of a flash in which a warning shows."""
        active = self._watch.faults.active()
        if active:
            return self._warning(active[0], lit)
        return [self._first(), self._second(), self._sensors(), self._link()]

    def _warning(self, index, lit):
        now = self._ticks.ticks_ms()
        # Read from flash when another fault comes to be shown, and again now and then where that failed.
        if self._shown != index or (
            len(self._rows) < 2 and self._ticks.ticks_diff(now, self._read) >= _RETRY_MS
        ):
            self._shown = index
            self._read = now
            self._rows = self._words("fault", self._watch.faults.codes[index]) or ["! FAULT"]
        rows = self._rows + [self._link()] * (4 - len(self._rows))
        if not lit:
            rows[0] = ""
        return rows

    def _words(self, what, *given):
        # None where there is no memory for it now.
        try:
            from firmware.panel_words import fault, warranty

            return fault(*given) if what == "fault" else warranty(*given)
        except MemoryError:
            return None
        finally:
            rare.forget(("firmware.panel_words",))

    def _first(self):
        if not self._unit.provisioned:
            return "not provisioned:"
        return _spread(self._unit.model, self._unit.serial)

    def _second(self):
        if not self._unit.provisioned:
            return self._unit.damage[:COLUMNS]
        # The terms change nothing within a day: they are looked at again when the day or the clock's quality changes.
        day = (self._clock.quality, self._clock.floor // 86400)
        if day != self._warranty_day:
            line = self._words("warranty", self._unit.claims, self._clock)
            if line is None:
                return ""
            self._warranty_line = line
            self._warranty_day = day
        return self._warranty_line

    def _sensors(self):
        # Contacts are not shown. Where not all fit, they take turns.
        sensors = self._station.sensors
        told = enumerate(self._station.readings())
        readings = [reading for index, reading in told if sensors[index].kind != "switch"]
        for gap, places in (("  ", 1), (" ", 1), (" ", 0)):
            line = gap.join([_brief(reading, places) for reading in readings])
            if len(line) <= COLUMNS:
                return line
        first = self._ticks.ticks_ms() // _TURN_MS % len(readings)
        line = ""
        for reading in readings[first:] + readings[:first]:
            more = _brief(reading, 1)
            if len(line) + 1 + len(more) > COLUMNS and line:
                break
            line += (" " if line else "") + more
        return line[:COLUMNS]

    def _link(self):
        return _spread(self._uplink.state, f"{min(self._waiting(), 9999)} waiting")

    def refresh(self):
        """Put what changed on the display, at most one row; True while another row still differs."""
        display = self._display
        if display is None:
            return False
        now = self._ticks.ticks_ms()
        try:
            if not display.started:
                if self._tried is not None and self._ticks.ticks_diff(now, self._tried) < _RETRY_MS:
                    return False
                self._tried = now
                display.start()
            return display.show(self.lines(self._lit))
        except OSError:
            self.failures += 1
            self._tried = now
            return False

    async def run(self, alive):
        """Refresh twice a second, for ever, letting others run between two rows."""
        while True:
            self._lit = not self._lit
            while self.refresh():
                await asyncio.sleep_ms(0)
            alive()
            await asyncio.sleep_ms(_PERIOD_MS)


def _spread(left, right):
    """Both at the edges of one line; the left one gives way."""
    room = COLUMNS - len(right) - 1
    left = left[: max(room, 0)]
    return (left + " " * (COLUMNS - len(left) - len(right)) + right)[:COLUMNS]


def _brief(reading, places):
    if reading.quality != "ok":
        return f"{reading.name} {_MARKS.get(reading.quality, '?')}"
    if reading.state is not None:
        return f"{reading.name} {'WET' if reading.state else 'dry'}"
    return f"{reading.name} {celsius(reading.milli, places)}C"


def celsius(milli, places=1):
    """Thousandths of a degree, rounded to one decimal or to none: 4812 is "4.8", -49 is "0.0"."""
    if not places:
        return str((milli + 500) // 1000)
    tenths = (abs(milli) + 50) // 100
    sign = "-" if milli < 0 and tenths else ""
    return f"{sign}{tenths // 10}.{tenths % 10}"
