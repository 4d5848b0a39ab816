# esp32 as the ESP32 port has it: NVS on IDF's pages (the supervisor keeps them), partitions, the heap's regions.
from micropython import const
import _core
import _flash
import gc

HEAP_DATA = const(4)
HEAP_EXEC = const(1)
WAKEUP_ALL_LOW = False
WAKEUP_ANY_HIGH = True

_BLOCK = const(4096)


class NVS:
    def __init__(self, namespace):
        self._namespace = _core.call("nvs_open", namespace)[0]

    def get_i32(self, key):
        return _core.call("nvs_get_i32", self._namespace, key)[0]

    def set_i32(self, key, value):
        if not -(1 << 31) <= value < 1 << 31:
            raise OverflowError("overflow converting long int to machine word")
        _core.call("nvs_set_i32", self._namespace, key, value)

    def get_blob(self, key, buffer):
        value = _core.call("nvs_get_blob", self._namespace, key, len(buffer))[1]
        memoryview(buffer)[: len(value)] = value
        return len(value)

    def set_blob(self, key, value):
        _core.call("nvs_set_blob", self._namespace, key, blob=bytes(value))

    def erase_key(self, key):
        _core.call("nvs_erase_key", self._namespace, key)

    def commit(self):
        pass  # IDF writes at once too


class Partition:
    BOOT = 0
    RUNNING = 1
    TYPE_APP = 0
    TYPE_DATA = 1

    def __init__(self, id, block_size=_BLOCK):
        rows = _core.hello["partitions"]
        if id in (0, 1):
            found = [row for row in rows if row[0] == 0]
        else:
            found = [row for row in rows if row[4] == id]
        if not found:
            raise OSError(2)
        self._take(found[0], block_size)

    def _take(self, row, block_size):
        self._row = row
        self._block_size = block_size

    @staticmethod
    def find(type=TYPE_APP, subtype=0xFF, label=None, block_size=_BLOCK):
        made = []
        for row in _core.hello["partitions"]:
            if row[0] == type and subtype in (0xFF, row[1]) and label in (None, row[4]):
                one = object.__new__(Partition)
                one._take(row, block_size)
                made.append(one)
        return made

    def info(self):
        return tuple(self._row) + (False,)

    def _address(self, block_num, offset, size):
        at = block_num * self._block_size + offset
        if not 0 <= at <= at + size <= self._row[3]:
            raise OSError(-0x102, "ESP_ERR_INVALID_ARG")
        return self._row[2] + at

    def readblocks(self, block_num, buf, offset=0):
        _flash.read(self._address(block_num, offset, len(buf)), buf)

    def writeblocks(self, block_num, buf, offset=None):
        address = self._address(block_num, offset or 0, len(buf))
        if offset is None:
            if self._block_size < _BLOCK:
                raise NotImplementedError("blocks smaller than the flash's own are not simulated")
            _flash.erase(address, len(buf))
        _flash.program(address, buf)

    def ioctl(self, cmd, arg):
        if cmd in (1, 2, 3):
            return 0
        if cmd == 4:
            return self._row[3] // self._block_size
        if cmd == 5:
            return self._block_size
        if cmd == 6:
            if self._block_size != _BLOCK:
                return -22
            _flash.erase(self._address(arg, 0, _BLOCK), _BLOCK)
            return 0
        return None

    def get_next_update(self):
        raise OSError(2)  # the stock table has one application


def idf_heap_info(capabilities):
    # The regions of a chip that has half of this interpreter's bytes: its objects are about half as big.
    if not capabilities & HEAP_DATA:
        return []
    free = gc.mem_free() // 2
    whole = (gc.mem_free() + gc.mem_alloc()) // 2
    first = min(free, 110592)
    return [(16384, 0, 0, 0), (whole - 16384, free, first, min(free, first))]


def raw_temperature():
    return 128
