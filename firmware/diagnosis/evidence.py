"""What a fault rests on, in one line for people. Loaded to show it, and forgotten after."""

from firmware.diagnosis.faults import FOR, KNOWN, WINDOW


def line(watch, index):
    """The evidence of the fault at `index`, at most 128 letters: "wet 241 of 241 s, loop 9.8 kohm, probe healthy"."""
    cells, at = watch.faults.cells, watch.faults.starts[index]
    text = f"wet {cells[at + FOR] // 1000} of {cells[at + WINDOW] // 1000} s"
    if cells[at + KNOWN] + 1000 <= cells[at + WINDOW]:
        text += f", known {cells[at + KNOWN] // 1000} s"
    sensors = [leak.sensor.name for leak in watch.leaks if leak.index == index]
    for reading in watch.station.readings():
        if reading.name in sensors:
            if reading.quality != "ok":
                return text + f", probe now {reading.quality}: not known whether it is dry"
            if reading.ohm is not None:
                text += f", loop {reading.ohm // 1000}.{reading.ohm // 100 % 10} kohm"
    return text + ", probe healthy"
