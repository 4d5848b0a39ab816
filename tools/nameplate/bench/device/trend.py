"""Forecasts of the device's code for many courses of daily numbers: argv is the folder of the sources and a file of lines.

A line is the limit, the days of warning, the first and the last day on which it is asked, every how many days, and the
numbers, 0 for a day without one. Prints one list: for each line a list of (day, what was said).
"""

import json
import sys

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


with open(sys.argv[2]) as file:
    print("[")
    between = ""
    for line in file:
        print(between + json.dumps(said(line)))
        between = ","
    print("]")
