# esp32 as the ESP32 port has it: NVS on IDF's pages (the supervisor keeps them), partitions, the heap's regions.
from micropython import const
import _core
import _flash
import gc as _gc

HEAP_DATA = 4
HEAP_EXEC = 1
WAKEUP_ALL_LOW = False
WAKEUP_ANY_HIGH = True

_BLOCK = const(4096)


class NVS:
    def __init__(self, _namespace):
        self._namespace = _core.call("nvs_open", _namespace)[0]

    def get_i32(self, _key):
        return _core.call("nvs_get_i32", self._namespace, _key)[0]

    def set_i32(self, _key, _value):
        if not -(1 << 31) <= _value < 1 << 31:
            raise OverflowError("overflow converting long int to machine word")
        _core.spend(_core.call("nvs_set_i32", self._namespace, _key, _value)[0])

    def get_blob(self, _key, _buffer):
        _value = _core.call("nvs_get_blob", self._namespace, _key, len(_buffer))[1]
        memoryview(_buffer)[: len(_value)] = _value
        return len(_value)

    def set_blob(self, _key, _value):
        _core.spend(_core.call("nvs_set_blob", self._namespace, _key, blob=bytes(_value))[0])

    def erase_key(self, _key):
        _core.spend(_core.call("nvs_erase_key", self._namespace, _key)[0])

    def commit(self):
        pass  # IDF writes at once too


class Partition:
    BOOT = 0
    RUNNING = 1
    TYPE_APP = 0
    TYPE_DATA = 1

    def __init__(self, _id, _block_size=_BLOCK):
        rows = _core.hello["partitions"]
        if _id in (0, 1):
            found = [row for row in rows if row[0] == 0]
        else:
            found = [row for row in rows if row[4] == _id]
        if not found:
            raise OSError(2)
        self._take(found[0], _block_size)

    def _take(self, row, block_size):
        self._row = row
        self._block_size = block_size

    @staticmethod
    def find(_type=TYPE_APP, _subtype=0xFF, label=None):
        made = []
        for row in _core.hello["partitions"]:
            if row[0] == _type and _subtype in (0xFF, row[1]) and label in (None, row[4]):
                one = object.__new__(Partition)
                one._take(row, _BLOCK)
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

    def writeblocks(self, _block_num, _buf, _offset=None):
        address = self._address(_block_num, _offset or 0, len(_buf))
        if _offset is None:
            if self._block_size < _BLOCK:
                raise NotImplementedError("blocks smaller than the flash's own are not simulated")
            _flash.erase(address, len(_buf))
        _flash.program(address, _buf)

    def ioctl(self, op, arg=0):
        if op in (1, 2, 3):
            return 0
        if op == 4:
            return self._row[3] // self._block_size
        if op == 5:
            return self._block_size
        if op == 6:
            if self._block_size != _BLOCK:
                return -22
            _flash.erase(self._address(arg, 0, _BLOCK), _BLOCK)
            return 0
        return None

    def get_next_update(self):
        raise OSError(2)  # the stock table has one application and no record of which to start

    def set_boot(self):
        raise OSError(-0x105, "ESP_ERR_NOT_FOUND")

    @classmethod
    def mark_app_valid_cancel_rollback(cls):
        raise OSError(-0x105, "ESP_ERR_NOT_FOUND")


def idf_heap_info(capabilities):
    # The regions of a chip that has half of this interpreter's bytes: its objects are about half as big.
    if not capabilities & HEAP_DATA:
        return []
    free = _gc.mem_free() // 2
    whole = (_gc.mem_free() + _gc.mem_alloc()) // 2
    first = min(free, 110592)
    return [(16384, 0, 0, 0), (whole - 16384, free, first, min(free, first))]


def raw_temperature():
    return 128


del const
