"""A character display of the HD44780 kind behind a PCF8574 port expander on I2C, as the common 20x4 backpack wires it.

P0 = RS, P1 = RW (held low: the display is only written), P2 = E, P3 = back light, P4..P7 = D4..D7. Every byte costs four
on the bus, which at 100 or 400 kHz is longer than the display's own 37 us: no busy flag is read. One call writes at
most one row (84 bytes on the bus, under 10 ms at 100 kHz), so the caller decides when to let others run.
OSError from the bus goes to the caller; after one, `start` again before the next row.
"""

import time

_RS = 0x01
_ENABLE = 0x04
_BACK_LIGHT = 0x08
_ROWS = (0x00, 0x40, 0x14, 0x54)
_COLUMNS = 20


class Lcd:
    """Hand it an I2C bus with `writeto(address, bytes)`, and the `address` it answers at; `sleep_ms` is for tests."""

    def __init__(self, i2c, address=0x27, sleep_ms=None):
        self.i2c = i2c
        self.address = address
        self._sleep_ms = sleep_ms or time.sleep_ms
        self._shown = [None] * len(_ROWS)
        self._buffer = bytearray(4 * (_COLUMNS + 1))
        self._one = memoryview(self._buffer)[:4]
        self.started = False

    def start(self):
        """Bring the display from any state to four empty rows; about 20 ms."""
        self.started = False
        self._shown = [None] * len(_ROWS)
        # Three times "8-bit" reaches 8-bit mode from whatever half a byte it last saw; then 4-bit.
        for nibble, wait_ms in ((0x30, 5), (0x30, 1), (0x30, 1), (0x20, 1)):
            high = nibble | _BACK_LIGHT
            self._buffer[0] = high | _ENABLE
            self._buffer[1] = high
            self.i2c.writeto(self.address, self._one[:2])
            self._sleep_ms(wait_ms)
        for command in (0x28, 0x0C, 0x01, 0x06):  # two or more rows; on, no cursor; clear; left to right
            self._pack(0, command, 0)
            self.i2c.writeto(self.address, self._one)
            self._sleep_ms(2)
        self.started = True

    def show(self, lines):
        """Write the first row that differs from what is shown; True when another row still differs."""
        more = False
        written = False
        for row, line in enumerate(lines):
            if line == self._shown[row]:
                continue
            if written:
                more = True
                break
            self._write(row, line)
            written = True
        return more

    def _write(self, row, line):
        # Until the write is through the row's content is not known.
        self._shown[row] = None
        self._pack(0, 0x80 | _ROWS[row], 0)
        for column in range(_COLUMNS):
            code = ord(line[column]) if column < len(line) else 32
            if not 32 <= code < 127:
                code = 63
            self._pack(4 * (column + 1), code, _RS)
        try:
            self.i2c.writeto(self.address, self._buffer)
        except OSError:
            self.started = False
            raise
        self._shown[row] = line

    def _pack(self, at, byte, mode):
        mode |= _BACK_LIGHT
        buffer = self._buffer
        for nibble in (byte & 0xF0, byte << 4 & 0xF0):
            buffer[at] = nibble | mode | _ENABLE
            buffer[at + 1] = nibble | mode
            at += 2
