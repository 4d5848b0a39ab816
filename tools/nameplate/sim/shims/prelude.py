# Runs before boot.py: takes the host's names away, puts the chip's in their place, mounts the flash, runs the device.
import sys

_home = sys.path[0]
sys.path[:] = []  # an empty path forces the interpreter's own modules
import gc
import micropython
import os
import select
import socket
import time
import tls
import vfs

for _module in (gc, micropython, os, select, socket, sys, time, tls, vfs):
    sys.modules["_real_" + _module.__name__] = _module
sys.path[:] = [_home, ".frozen"]
del gc, micropython, os, select, socket, time, tls, vfs, _home, _module
import _start

_start.run(globals())
