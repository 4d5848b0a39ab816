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
_PAGE_MS = 4000
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
        self._told = (None, "", "", 0)  # a fault, its title, what to do, when that was read
        self.failures = 0

    def lines(self, lit=True):
        """The four lines as of now; `lit` is the half of a flash in which a warning shows."""
        active = self._watch.faults.active()
        if active:
            return self._warning(active[0], lit)
        return [self._first(), self._second(), self._sensors(), self._link()]

    def _warning(self, index, lit):
        title, advice = self._words(index)
        lines = [warning(title) if lit else ""] + wrap(advice, COLUMNS)[:3]
        return lines + [self._link()] * (4 - len(lines))

    def _words(self, index):
        # Read from flash when another fault comes to be shown, and again now and then where that failed.
        now = self._ticks.ticks_ms()
        shown, advice, at = self._told[0], self._told[2], self._told[3]
        if shown != index or (not advice and self._ticks.ticks_diff(now, at) >= _RETRY_MS):
            title, advice = self._read(self._watch.faults.codes[index])
            self._told = (index, title, advice, now)
        return self._told[1], self._told[2] or "see the manual"

    def _read(self, code):
        try:
            from firmware.diagnosis.catalogue import entry

            found = entry(code)
        except MemoryError:
            found = None
        finally:
            rare.forget(("firmware.diagnosis.catalogue",))
        return (found["title"], found["next"]) if found else (code, "")

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
            self._warranty_line = self._warranty()
            self._warranty_day = day
        return self._warranty_line

    def _warranty(self):
        from firmware import warranty

        try:
            for record in warranty.records(self._unit.claims, self._clock):
                state = record["state"]
                if state == warranty.COVERED:
                    return f"Warranty {record['until']}"
                if state == warranty.EXPIRED:
                    return f"Expired  {record['until']}"
                if state == warranty.UNKNOWN:
                    return f"Ends {record['until']} (?)"
            return "Warranty: no date"
        finally:
            rare.forget(("firmware.warranty", "lib.dates"))

    def _sensors(self):
        # Contacts are not shown. What does not fit into one line comes a line at a time.
        sensors = self._station.sensors
        told = enumerate(self._station.readings())
        readings = [reading for index, reading in told if sensors[index].kind != "switch"]
        for gap, places in (("  ", 1), (" ", 1), (" ", 0)):
            line = gap.join([_brief(reading, places) for reading in readings])
            if len(line) <= COLUMNS:
                return line
        pages = wrap(" ".join([_brief(reading, 1).replace(" ", "~") for reading in readings]), COLUMNS)
        return pages[self._ticks.ticks_ms() // _PAGE_MS % len(pages)].replace("~", " ")

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


def warning(text):
    """A fault in one line: "! WATER IN BASE PAN"; without its articles where that makes it fit."""
    line = "! " + text.upper()
    if len(line) > COLUMNS:
        line = " ".join([word for word in line.split(" ") if word not in ("THE", "A", "AN")])
    return line[:COLUMNS]


def wrap(text, width):
    """The words of `text` in lines of at most `width`."""
    lines = []
    line = ""
    for word in text.split(" "):
        if line and len(line) + 1 + len(word) > width:
            lines.append(line)
            line = ""
        line = line + " " + word if line else word[:width]
    return lines + [line]


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
