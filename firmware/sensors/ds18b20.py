"""A DS18B20 on a wire of its own: a converted, checked temperature, or a word. Loaded for a model that has one.

One sample is several short steps, each in a call of its own: search the wire, sixteen bits of the address at a time, in
which a second sensor shows itself; ask for its power supply and convert; 750 ms of waiting in which the loop runs; read.
The longest is the last: two resets of 1 ms, 88 bits written and 72 read at 70 us, 13 ms with the Python between them.

What is not a temperature: a wrong checksum; the 85.0 that stands in the register after power-on, unless the value before
was near it; a register of zeros or ones; anything beyond -55 to 125 degrees, -127 among it. It is asked again, three
times in all; then there is no value. The driver raises bare Exceptions.
"""

from firmware.sensors.reading import OK, OPEN, SHORT, STALE, UNKNOWN
from firmware.sensors.temperature import Temperature

_FAMILY = 0x28
_SEARCH_ROM = 0xF0
_SKIP_ROM = 0xCC
_READ_POWER = 0xB4
_CONVERT_MS = 750
_LONGEST_MS = 1500  # a slow one gets twice its time
_TRIES = 3
_POWER_ON = 0x0550  # 85.0 degrees
_NEAR_MILLI = 3000
_LOW = -880  # sixteenths of a degree
_HIGH = 2000
_SEARCH = 0
_CONVERT_ALL = 1
_READ = 2
_BITS = 16  # of the address in one step


class Ds18b20(Temperature):
    """`source`: a ds18x20.DS18X20. `why`: in words, why there is no value, or "". `raw`: the register as a signed number."""

    kind = "ds18b20"

    def __init__(self, spec, source, ticks):
        super().__init__(spec, source, ticks)
        self.why = ""
        self._rom = bytearray(8)
        self._found = 0  # bits of it
        self._stage = _SEARCH
        self._left = _TRIES
        self._began = None

    def sample(self, now):
        """Take the next step if it is time to at `now` (ticks in ms)."""
        if self._stage == _SEARCH and self._left == _TRIES and not self._found:
            if not self._due(now):
                return
        elif self._stage == _READ and 0 <= self._ticks.ticks_diff(now, self._began) < _CONVERT_MS:
            return
        try:
            word = self._next(now)
        except Exception:  # noqa: BLE001 - the driver raises it bare
            self.why = "bad checksum, or it fell silent"
            word = STALE
        if word is None:
            return
        self._stage = _SEARCH
        self._found = 0
        if word == OK:
            self.why = ""
        elif self._left > 1:  # again, at the next call
            self._left -= 1
            return
        else:
            if word == STALE and self._at is None:
                word = UNKNOWN
            elif word != STALE and self.source:  # the wire did answer, though with no value
                self._at = now
            self.miss(word, now)
        self._left = _TRIES

    def _next(self, now):
        # None: under way. OK: taken. STALE: this time there is no value. Any other word: what is wrong.
        if self.source is None:
            self.why = "no such bus"
            return UNKNOWN
        bus = self.source.ow
        if self._stage == _SEARCH:
            return self._search(bus)
        if self._stage == _CONVERT_ALL:
            bus.reset(True)
            bus.writebyte(_SKIP_ROM)
            bus.writebyte(_READ_POWER)
            if not bus.readbit():
                self.why = "no supply of its own (parasite power)"
                return UNKNOWN
            self.source.convert_temp()
            self._began = now
            self._stage = _READ
            return None
        if not bus.readbit():  # it pulls the wire low until it has converted
            if 0 <= self._ticks.ticks_diff(now, self._began) < _LONGEST_MS:
                return None
            self.why = "it does not end its conversion"
            return STALE
        return self._register(self.source.read_scratch(self._rom), now)

    def _search(self, bus):
        rom = self._rom
        if not self._found:
            if not bus.reset():
                self.why = "nothing answers"
                return OPEN
            if not bus.readbit():  # nobody was asked, so nobody pulls it low
                self.why = "the wire is at ground"
                return SHORT
            bus.reset(True)
            bus.writebyte(_SEARCH_ROM)
        for place in range(self._found, self._found + _BITS):
            # Each sensor sends its bit and the opposite, and all at once: two zeros are two sensors.
            bit = bus.readbit()
            if bit == bus.readbit():
                self.why = "it fell silent" if bit else "more than one sensor on the wire, or noise"
                return STALE if bit else UNKNOWN
            bus.writebit(bit)
            if bit:
                rom[place >> 3] |= 1 << (place & 7)
            else:
                rom[place >> 3] &= ~(1 << (place & 7))
        self._found += _BITS
        if self._found < 64:
            return None
        if bus.crc8(rom) or rom[0] != _FAMILY:
            self.why = "no DS18B20, or a bad checksum"
            return UNKNOWN
        self._stage = _CONVERT_ALL
        return None

    def _register(self, pad, now):
        raw = pad[1] << 8 | pad[0]
        if raw & 0x8000:
            raw -= 0x10000
        raw &= -1 << (3 - (pad[4] >> 5 & 3))  # a coarser resolution leaves the lowest bits undefined
        # No DS18B20 is configured otherwise: a register of zeros has a right checksum.
        if pad[4] & 0x9F != 0x1F or not _LOW <= raw <= _HIGH:
            self.why = "its register holds no temperature"
            return STALE
        milli = raw * 125 // 2
        if raw == _POWER_ON and (
            self.milli is None or self.quality_at(now) != OK or abs(milli - self.milli) > _NEAR_MILLI
        ):
            self.why = "85.0 as after power-on: no temperature"
            return STALE
        self.take(milli, raw, now)
        return OK
