# flashbdev as the ESP32 port has it: the block device that the file system is on.
import esp32

_found = esp32.Partition.find(esp32.Partition.TYPE_DATA, label="vfs")
bdev = _found[0] if _found else None
