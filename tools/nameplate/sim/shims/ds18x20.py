# ds18x20 as ESP32 builds freeze it in: the thermometers of that family on a 1-Wire bus. What the driver does about errors
# is part of it: no device raises OneWireError, a wrong checksum a bare Exception, and 85.0, 0.0 or -127.0 are values.
from micropython import const

_CONVERT = const(0x44)
_RD_SCRATCH = const(0xBE)
_WR_SCRATCH = const(0x4E)
_OLD = const(0x10)  # the DS18S20: half degrees, and a counter for the rest
_FAMILIES = (0x10, 0x22, 0x28)


class DS18X20:
    def __init__(self, onewire):
        self.ow = onewire
        self.buf = bytearray(9)

    def scan(self):
        return [rom for rom in self.ow.scan() if rom[0] in _FAMILIES]

    def convert_temp(self):
        self.ow.reset(True)
        self.ow.writebyte(self.ow.SKIP_ROM)
        self.ow.writebyte(_CONVERT)

    def read_scratch(self, rom):
        self.ow.reset(True)
        self.ow.select_rom(rom)
        self.ow.writebyte(_RD_SCRATCH)
        self.ow.readinto(self.buf)
        if self.ow.crc8(self.buf):
            raise Exception("CRC error")
        return self.buf

    def write_scratch(self, rom, buf):
        self.ow.reset(True)
        self.ow.select_rom(rom)
        self.ow.writebyte(_WR_SCRATCH)
        self.ow.write(buf)

    def read_temp(self, rom):
        try:
            found = self.read_scratch(rom)
        except AssertionError:
            return None
        raw = found[0] | found[1] << 8
        if rom[0] == _OLD:
            whole = found[0] >> 1
            if found[1]:
                whole -= 128
            return whole - 0.25 + (found[7] - found[6]) / found[7]
        if rom[0] not in _FAMILIES:
            return None
        return (raw - 65536 if raw & 0x8000 else raw) / 16
