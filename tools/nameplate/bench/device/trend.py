"""Forecasts of the device's code for many courses of daily numbers: argv is the folder of the sources and a file of lines.

A line is the limit, the days of warning, the first and the last day on which it is asked, every how many days, and the
numbers, 0 for a day without one. Prints one list: for each line a list of (day, what was said). With `cost` in place of
the file: how long a forecast takes, as a multiple of an empty loop of 100,000 steps.
"""

import json
import sys
import time

sys.path.insert(0, sys.argv[1])

from firmware.diagnosis.forecast import ahead  # noqa: E402 - from the folder that was named

DAYS = 28
FARTHEST = 60


def said(line):
    limit, warn_days, first, last, every, *values = [int(word) for word in line.split()]
    found = []
    for day in range(first, last, every):
        window = values[max(0, day + 1 - DAYS) : day + 1]
        window = [0] * (DAYS - len(window)) + window
        forecast = ahead(window, limit, warn_days, FARTHEST)
        if forecast is not None:
            found.append((day, forecast))
    return found


def cost():
    falls = [10000 - 150 * max(0, day - 8) + day * 7919 % 301 for day in range(DAYS)]
    took = min([timed(ahead, falls, 5500, 21, FARTHEST) for _ in range(50)])
    return took / min([timed(loop) for _ in range(20)])


def timed(work, *words):
    began = time.ticks_us()
    work(*words)
    return time.ticks_diff(time.ticks_us(), began)


def loop():
    for _ in range(100000):
        pass


def tell(lines):
    print("[")
    between = ""
    for line in lines:
        print(between + json.dumps(said(line)))
        between = ","
    print("]")


if sys.argv[2] == "cost":
    print(cost())
else:
    with open(sys.argv[2]) as file:
        tell(file)
