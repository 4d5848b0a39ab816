# onewire as ESP32 builds freeze it in: a bus on a pin, by the slots of _onewire.
import _onewire


class OneWireError(Exception):
    pass


class OneWire:
    SEARCH_ROM = 0xF0
    MATCH_ROM = 0x55
    SKIP_ROM = 0xCC

    def __init__(self, pin):
        self.pin = pin
        pin.init(pin.OPEN_DRAIN, pin.PULL_UP)

    def reset(self, required=False):
        found = _onewire.reset(self.pin)
        if required and not found:
            raise OneWireError
        return found

    def readbit(self):
        return _onewire.readbit(self.pin)

    def readbyte(self):
        return _onewire.readbyte(self.pin)

    def readinto(self, buf):
        for place in range(len(buf)):
            buf[place] = self.readbyte()

    def writebit(self, value):
        _onewire.writebit(self.pin, value)

    def writebyte(self, value):
        _onewire.writebyte(self.pin, value)

    def write(self, buf):
        for byte in buf:
            self.writebyte(byte)

    def select_rom(self, rom):
        self.reset()
        self.writebyte(self.MATCH_ROM)
        self.write(rom)

    def scan(self):
        # Each walk through the tree of addresses takes the other way at the last fork of the walk before. A line that lies
        # at ground is all forks: 255 walks, and nearly four seconds.
        found = []
        rom, fork = None, 65
        for _ in range(255):
            rom, fork = self._search_rom(rom, fork)
            if rom:
                found.append(rom)
            if not fork:
                break
        return found

    def _search_rom(self, l_rom, diff):
        if not self.reset():
            return None, 0
        self.writebyte(self.SEARCH_ROM)
        rom = bytearray(8)
        fork = 0
        for number in range(64):
            left = 64 - number
            bit, other = self.readbit(), self.readbit()
            if bit and other:  # nobody answers any more
                return None, 0
            if bit == other:  # some have a 0 here, some a 1: the 1 first
                before = l_rom[number >> 3] >> (number & 7) & 1 if l_rom else 0
                if diff > left or (before and diff != left):
                    bit = 1
                    fork = left
            self.writebit(bit)
            rom[number >> 3] |= bit << (number & 7)
        return rom, fork

    def crc8(self, data):
        return _onewire.crc8(data)
