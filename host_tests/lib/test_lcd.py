"""The display driver, read back by an HD44780 behind a PCF8574 that decodes what arrives on the bus."""

import pytest

from lib.lcd import Lcd

ROWS = (0x00, 0x40, 0x14, 0x54)


class Display:
    """Latches a nibble at each falling edge of E, as the controller does."""

    def __init__(self, address=0x27):
        self.address = address
        self.absent = False
        self.writes = []
        self.memory = bytearray(b"?" * 128)
        self.cursor = 0
        self.on = False
        self.four_bit = False
        self._high = None
        self._level = 0

    def writeto(self, address, data):
        if self.absent or address != self.address:
            raise OSError(19)
        self.writes.append(bytes(data))
        for level in data:
            assert not level & 0x02, "the display is never read"
            if self._level & 0x04 and not level & 0x04:
                self._nibble(self._level >> 4, self._level & 0x01)
            self._level = level

    def _nibble(self, nibble, data):
        if not self.four_bit:
            assert nibble in (2, 3)
            self.four_bit = nibble == 2
        elif self._high is None:
            self._high = nibble
        else:
            byte, self._high = self._high << 4 | nibble, None
            self._data(byte) if data else self._command(byte)

    def _data(self, byte):
        self.memory[self.cursor] = byte
        self.cursor += 1

    def _command(self, byte):
        if byte & 0x80:
            self.cursor = byte & 0x7F
        elif byte == 0x01:
            self.memory[:] = b" " * 128
            self.cursor = 0
        elif byte & 0xF8 == 0x08:
            self.on = bool(byte & 0x04)

    @property
    def rows(self):
        return [self.memory[at : at + 20].decode() for at in ROWS]


def started(display):
    lcd = Lcd(display, sleep_ms=lambda _ms: None)
    lcd.start()
    display.writes.clear()
    return lcd


def test_four_rows_appear_where_they_belong():
    display = Display()
    lcd = started(display)
    lines = ["KF-320    4F7-220918", "Warranty 2028-03-02", "pan dry  fridge 4.8C", "broker ok"]
    while lcd.show(lines):
        pass
    assert display.on
    assert display.rows == [line.ljust(20) for line in lines]


def test_only_changed_rows_are_written_and_one_at_a_time():
    display = Display()
    lcd = started(display)
    while lcd.show(["a", "b", "c", "d"]):
        pass
    assert len(display.writes) == 4
    assert lcd.show(["a", "B", "c", "D"]) is True
    assert lcd.show(["a", "B", "c", "D"]) is False
    assert lcd.show(["a", "B", "c", "D"]) is False
    assert len(display.writes) == 6
    assert all(len(write) <= 84 for write in display.writes)


def test_what_the_display_cannot_show_is_a_question_mark_and_long_lines_are_cut():
    display = Display()
    lcd = started(display)
    lcd.show(["4.8°C \x00" + "x" * 30, "", "", ""])
    assert display.rows[0] == "4.8?C ?" + "x" * 13


def test_an_absent_display_raises_and_comes_back_complete():
    display = Display()
    lcd = started(display)
    while lcd.show(["a", "b", "c", "d"]):
        pass
    display.absent = True
    with pytest.raises(OSError):
        lcd.show(["a", "b", "c", "e"])
    assert not lcd.started
    with pytest.raises(OSError):
        lcd.start()
    assert not lcd.started
    display.absent = False
    # It lost power meanwhile, and half a byte: the start sequence reaches four-bit mode from there.
    display.four_bit = False
    lcd.start()
    while lcd.show(["a", "b", "c", "e"]):
        pass
    assert [row.strip() for row in display.rows] == ["a", "b", "c", "e"]
