"""Cells as exact whole numbers: the device's code knows no fractions, and a series has one unit from its start."""

from __future__ import annotations

import re
from decimal import Decimal

_NUMBER = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]{1,3})?\Z")
_LONGEST = 64
_LARGEST = Decimal(10) ** 30
_NOTHING = frozenset(
    {"nan", "na", "n/a", "null", "none", "inf", "+inf", "-inf", "infinity", "-infinity", "-nan"}
)
_ON = frozenset({"1", "on", "open", "true", "wet", "high", "yes"})
_OFF = frozenset({"0", "off", "closed", "false", "dry", "low", "no"})
# The score's unit is a billionth of the series' own, finer where its first value is smaller than this many of them.
_DIGITS = 9
_FIRST = 1_000_000


def decimal(text: str, comma: bool = False) -> Decimal:
    """The number in a cell; with `comma`, a comma stands before the fraction.

    Raises ValueError with a sentence for people when it holds none.
    """
    text = text.strip()
    if comma:
        text = text.replace(",", ".")
    if not text:
        raise ValueError("a value is missing")
    if text.lower() in _NOTHING:
        raise ValueError(f"its value is {text}")
    if len(text) > _LONGEST or not _NUMBER.match(text):
        raise ValueError(f"its value {text[:_LONGEST]!r} is not a number")
    found = Decimal(text)
    if abs(found) >= _LARGEST:
        raise ValueError(f"its value {text} is too large to be a reading")
    return found


def milli(text: str, comma: bool = False) -> int:
    """Thousandths, rounded. Raises ValueError as `decimal` does."""
    return round(decimal(text, comma) * 1000)


def switch(text: str) -> bool:
    """A contact: on, open, true, wet or 1. Raises ValueError with a sentence for people."""
    word = text.strip().lower()
    if not word:
        raise ValueError("a value is missing")
    if word in _ON or word in _OFF:
        return word in _ON
    raise ValueError(
        f"its value {text.strip()[:_LONGEST]!r} is not a contact's: 0, 1, on, off, open or closed"
    )


class Unit:
    """The unit of one series' whole numbers, chosen by its first value that is not zero, and never changed."""

    def __init__(self) -> None:
        self._digits: int | None = None

    def whole(self, value: Decimal) -> int:
        """The value in this unit, rounded."""
        if self._digits is None:
            if not value:
                return 0
            self._digits = _DIGITS
            while abs(value).scaleb(self._digits) < _FIRST and self._digits < 40:
                self._digits += 1
        return round(value.scaleb(self._digits))
