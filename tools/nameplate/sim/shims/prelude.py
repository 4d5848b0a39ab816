# Runs before boot.py: takes the host's names away, puts the chip's in their place, mounts the flash, runs the device.
import sys

_home = sys.path[0]
sys.path[:] = []  # an empty path forces the interpreter's own modules
import os
import select
import time

sys.modules["_real_os"] = os
sys.modules["_real_select"] = select
sys.modules["_real_time"] = time
sys.path[:] = [_home, ".frozen"]
del os, select, time, _home
import _start

_start.run(globals())
