"""The sensors' parts of the model's profile, read again from flash, one at a time. Loaded when it is asked for.

The whole profile is some ten kilobytes of text and more as objects; what is kept of it after the start is a few numbers.
So it is read in pieces here, and only the one object in hand is taken apart. A file that is damaged or missing gives
fewer objects, and never raises.
"""

import json
import sys

_PIECE = 512
_LONGEST = 4000  # one sensor's part
_MOST = 32  # sensors
_HEAD = b'"sensors":['


def each(path=None):
    """Each sensor's part of the profile, as a dictionary, in its order."""
    try:
        with open(path or sys.path[0] + "/models/profile.json", "rb") as file:
            yield from _objects(file)
    except OSError:
        return


def of(name, path=None):
    """The part of the sensor of that name, or None."""
    for spec in each(path):
        if spec.get("name") == name:
            return spec
    return None


def _objects(file):
    # The build writes JSON without spaces.
    text = b""
    while _HEAD not in text:
        piece = file.read(_PIECE)
        if not piece:
            return
        text = text[-len(_HEAD) :] + piece
    text = text[text.index(_HEAD) + len(_HEAD) :]
    for _ in range(_MOST):
        found = None
        end = 0
        while found is None:
            end = text.find(b"}", end) + 1
            if end:
                found = _object(text[:end])
                continue
            piece = file.read(_PIECE)
            if not piece or len(text) > _LONGEST:
                return
            end = len(text)
            text += piece
        yield found
        text = text[end:] or file.read(1)
        if text[:1] != b",":
            return
        text = text[1:]


def _object(text):
    """What `text` says, or None when it ends within an object, or is none."""
    try:
        found = json.loads(text.decode())
    except ValueError:
        return None
    return found if isinstance(found, dict) else None
