# gc as the ESP32 port has it. Sizes are those of the interpreter, whose objects are about twice a chip's.
from _real_gc import collect, disable, enable, isenabled, mem_alloc, mem_free, threshold

__name__ = "gc"
