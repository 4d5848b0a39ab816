"""Runs on MicroPython: recorded rows in, one a line; what the device's code makes of them out, one line each.

    micropython replay.py DEVICE_ROOT score

`score` takes "VALUE DT SECOND_OF_DAY" (whole numbers, of any size the value) and answers with 0..1000.
"""

import sys

sys.path.insert(0, sys.argv[1])


def score():
    from array import array

    from firmware.diagnosis.score import CELLS, step

    cells = array("i", [0] * CELLS)
    read = sys.stdin.buffer.readline
    while True:
        line = read()
        if not line:
            return
        value, dt_s, second = line.split()
        print(step(cells, int(value), int(dt_s), int(second)))


score()
