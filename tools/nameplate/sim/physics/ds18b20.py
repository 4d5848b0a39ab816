"""A DS18B20 on the 1-Wire bus: ROM commands, conversion, scratchpad, and the ways in which it fails.

A conversion takes 750 ms at 12 bits; until it is done the scratchpad holds what it held, after power-on 85.0 degrees. On
parasite power, with no strong pull-up on the line, the supply breaks down in a conversion and the device starts anew.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator

from nameplate.sim.physics.onewire import crc8

SEARCH_ROM, READ_ROM, MATCH_ROM, SKIP_ROM, ALARM_SEARCH = 0xF0, 0x33, 0x55, 0xCC, 0xEC
CONVERT, WRITE_SCRATCHPAD, READ_SCRATCHPAD = 0x44, 0x4E, 0xBE
COPY_SCRATCHPAD, RECALL, READ_POWER_SUPPLY = 0x48, 0xB8, 0xB4
FAMILY = 0x28
POWER_ON_MILLI = 85_000
_MINUS_127 = -127 * 16
_CONVERT_12_BITS_US = 750_000
_NOISY = 0.3  # of the reads
_MOST, _LEAST = 125 * 16, -55 * 16


def _bits(data: Iterable[int]) -> Iterator[int]:
    """Least significant first."""
    for byte in data:
        for place in range(8):
            yield byte >> place & 1


class Ds18b20:
    """`celsius()` is how warm it is there, `now_us()` the time; `fault` one of the words of the world's key."""

    def __init__(
        self, serial: int, celsius: Callable[[], float], now_us: Callable[[], int], rng: random.Random
    ) -> None:
        head = bytes((FAMILY,)) + (serial & (1 << 48) - 1).to_bytes(6, "little")
        self.rom = head + bytes((crc8(head),))
        self.fault = "ok"
        self.conversions = 0
        self._celsius = celsius
        self._now_us = now_us
        self._rng = rng
        self._stored = bytes((75, 70, 0x7F))  # alarm limits and resolution, as they leave the maker
        self.power_on()

    def power_on(self) -> None:
        """The supply came (again)."""
        self._register = POWER_ON_MILLI * 16 // 1000
        self._settings = self._stored
        self._pending: tuple[int, int] | None = None  # when the conversion is done, and what it gives
        self._talk: Iterator[int | None] = iter(())
        self._next: int | None = None

    # The line. `_talk` yields the bit it sends, or None where it listens; what it hears goes to `_heard`.

    def reset(self) -> None:
        self._talk = self._conversation()
        self._heard = 0
        self._advance()

    def sends(self) -> int:
        bit = 1 if self._next is None else self._next
        self._heard = 1  # to one that listens, a read slot is a written 1
        self._advance()
        return bit

    def hears(self, bit: int) -> None:
        self._heard = bit
        self._advance()

    def _advance(self) -> None:
        self._next = next(self._talk, None)

    def _listen(self, count: int) -> Iterator[int | None]:
        """Yields while it listens; the generator's value is what was heard."""
        heard = 0
        for place in range(count):
            yield None
            heard |= self._heard << place
        self._word = heard

    def _conversation(self) -> Iterator[int | None]:
        yield from self._listen(8)
        command = self._word
        if command == READ_ROM:
            yield from _bits(self.rom)
        elif command == MATCH_ROM:
            yield from self._listen(64)
            if self._word != int.from_bytes(self.rom, "little"):
                return
        elif command == SEARCH_ROM:
            for bit in _bits(self.rom):
                yield bit
                yield 1 - bit
                yield None
                if self._heard != bit:
                    return
            return
        elif command != SKIP_ROM:
            return
        yield from self._listen(8)
        yield from self._function(self._word)

    def _function(self, command: int) -> Iterator[int | None]:
        if command == CONVERT:
            yield from self._convert()
        elif command == READ_SCRATCHPAD:
            yield from _bits(self._sent(self.scratchpad()))
        elif command == WRITE_SCRATCHPAD:
            yield from self._listen(24)
            low, high, config = self._word.to_bytes(3, "little")
            self._settings = bytes((low, high, config & 0x60 | 0x1F))
        elif command == COPY_SCRATCHPAD:
            self._stored = self._settings
        elif command == RECALL:
            self._settings = self._stored
        elif command == READ_POWER_SUPPLY:
            yield 0 if self.fault == "parasite" else 1

    def _convert(self) -> Iterator[int | None]:
        self.conversions += 1
        if self.fault == "parasite":
            self.power_on()
            return
        shift = 3 - (self._settings[2] >> 5)  # fewer bits are quicker
        raw = min(_MOST, max(_LEAST, round(self._celsius() * 16))) >> shift << shift
        self._pending = (self._now_us() + (_CONVERT_12_BITS_US >> shift), raw)
        while True:
            yield int(self._done())

    def _done(self) -> bool:
        if self._pending is not None and self._now_us() >= self._pending[0]:
            self._register = self._pending[1]
            self._pending = None
        return self._pending is None

    def scratchpad(self) -> bytes:
        """Nine bytes, the last their CRC."""
        self._done()
        raw = {"power_on": POWER_ON_MILLI * 16 // 1000, "minus127": _MINUS_127}.get(
            self.fault, self._register
        )
        body = (raw & 0xFFFF).to_bytes(2, "little") + self._settings + b"\xff\x0c\x10"
        return body + bytes((crc8(body),))

    def _sent(self, data: bytes) -> bytes:
        """As it arrives: a bad line turns a bit over, always or now and then."""
        if self.fault == "crc" or (self.fault == "noisy" and self._rng.random() < _NOISY):
            place = self._rng.randrange(len(data) * 8)
            return (int.from_bytes(data, "little") ^ 1 << place).to_bytes(len(data), "little")
        return data
