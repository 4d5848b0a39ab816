"""How the console puts text into lines of a terminal, and says how long ago something was."""

from lib.wrap import wrap

_WIDTH = 78


def flow(label, text, column=9):
    """The text in lines, the first with its label, the others below it."""
    for line in wrap(text, _WIDTH - column):
        yield label + " " * (column + 1 - len(label)) + line
        label = ""


def age(seconds):
    """Seconds as people say them: "41 s", "12 min", "3 h 5 min", "26 h", "2 d 4 h"."""
    if seconds < 120:
        return f"{seconds} s"
    minutes = seconds // 60
    if minutes < 120:
        return f"{minutes} min"
    hours = minutes // 60
    if hours < 48:
        return f"{hours} h {minutes % 60} min" if minutes % 60 else f"{hours} h"
    return f"{hours // 24} d {hours % 24} h" if hours % 24 else f"{hours // 24} d"


def kohm(ohm):
    """Ohm as people say them, "" for None: "470 ohm", "9.8 kohm", "2.20 Mohm"."""
    if ohm is None:
        return ""
    if ohm < 1000:
        return f"{ohm} ohm"
    if ohm < 1000000:
        return f"{ohm // 1000}.{ohm // 100 % 10} kohm"
    return f"{ohm // 1000000}.{ohm // 10000 % 100:02} Mohm"
