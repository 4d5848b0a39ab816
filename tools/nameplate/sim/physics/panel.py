"""What a 20x4 character display of the HD44780 kind shows, from the bytes on its I2C port expander (PCF8574).

Expander bits: 0 RS, 1 RW, 2 E, 3 back light, 4..7 data. The display takes half a byte at each fall of E.
"""

from __future__ import annotations

_RS, _RW, _E, _LIGHT = 1, 2, 4, 8
_ROWS = (0x00, 0x40, 0x14, 0x54)
COLUMNS = 20


class Panel:
    """Feed it the expander's bytes; `lines` is what a person sees: four strings of 20 characters."""

    def __init__(self) -> None:
        self.back_light = False
        self._port = 0
        self._reset()

    def _reset(self) -> None:
        self._four_bits = False
        self._half: int | None = None
        self._on = False
        self._step = 1
        self._address = 0
        self._in_glyphs = False
        self._memory = bytearray(b" " * 0x80)

    def power_off(self) -> None:
        """Forget everything, as at a loss of power."""
        self._reset()
        self.back_light = False

    def write(self, data: bytes) -> bool:
        """Bytes put on the expander; True when the picture may have changed."""
        changed = False
        for byte in data:
            if self._port & _E and not byte & _E and not self._port & _RW:
                changed |= self._latch(self._port >> 4, bool(self._port & _RS))
            self.back_light = bool(byte & _LIGHT)
            self._port = byte
        return changed

    def _latch(self, half: int, data: bool) -> bool:
        if not self._four_bits:
            return self._take(half << 4, data)
        if self._half is None:
            self._half = half
            return False
        byte, self._half = self._half << 4 | half, None
        return self._take(byte, data)

    def _take(self, byte: int, data: bool) -> bool:
        if data:
            if not self._in_glyphs:
                self._memory[self._address] = byte
            self._move()
            return True
        if byte & 0x80:
            self._address, self._in_glyphs = byte & 0x7F, False
        elif byte & 0x40:
            self._in_glyphs = True
        elif byte & 0x20:
            self._four_bits, self._half = not byte & 0x10, None
        elif byte & 0x10:
            pass  # cursor and display shift: not used by anybody here
        elif byte & 0x08:
            self._on = bool(byte & 0x04)
        elif byte & 0x04:
            self._step = 1 if byte & 0x02 else -1
        elif byte & 0x02:
            self._address, self._in_glyphs = 0, False
        elif byte & 0x01:
            self._memory[:] = b" " * 0x80
            self._address, self._step, self._in_glyphs = 0, 1, False
        return True

    def _move(self) -> None:
        # Two lines of 40 in memory; each holds two rows of the glass.
        self._address += self._step
        if self._address in (0x28, 0x68):
            self._address = 0x40 if self._address == 0x28 else 0x00
        self._address &= 0x7F

    @property
    def lines(self) -> list[str]:
        if not self._on:
            return [" " * COLUMNS] * len(_ROWS)
        rows = [self._memory[start : start + COLUMNS] for start in _ROWS]
        return [
            "".join(chr(code) if 32 <= code < 127 else "\N{REPLACEMENT CHARACTER}" for code in row)
            for row in rows
        ]
