"""Finds the end of the segments on flash. Needed once for each journal, when the board starts."""

import os

from lib import records


def recover(files, directory, name):
    """Make `files` (firmware.segments.Segments) what is on flash. False where there is no file system."""
    names = _list(directory)
    if names:
        _find_end(files, names, name)
    return names is not None


def _find_end(files, names, prefix):
    for name in names:
        if len(name) == len(prefix) + 8 and name.startswith(prefix):
            try:
                files.starts.append(int(name[len(prefix) :], 16))
            except ValueError:
                pass
    files.starts.sort()
    if not files.starts:
        return
    files.end = files.starts[-1]
    files.closed = not _survey(files, files.starts[-1])
    # The newest file is empty when the power went as it was made: then the one before has the newest record.
    index = len(files.starts) - 2
    while files.last_tag is None and index >= 0:
        _find_tag(files, files.starts[index], files.starts[index + 1])
        index -= 1


def _survey(files, start):
    """Walk the newest segment to its end. Returns whether it may be added to."""
    try:
        with open(files.path(start), "rb") as file:
            end = file.seek(0, 2)
            offset = 0
            while True:
                found = records.seek(file, offset, end, files.scratch, files.tag_bytes)
                after = found[0] + files.header + found[2] if found else 0
                if not found or after > end:
                    break
                offset = after
                files.end = max(files.end, found[1] + 1)
                files.last_tag = bytes(files.scratch[12 : 12 + files.tag_bytes])
    except OSError:
        files.tail_unknown = True
        files.end += 1
        return False
    files.size = offset
    if not found and end - offset >= files.header:
        # A whole header's worth of bytes that is no header: a record that was there once, so its number is spent.
        files.tail_unknown = True
        files.end += 1
    return 0 < offset == end


def _find_tag(files, start, stop):
    offset = 0
    number = start
    while number < stop:
        number, _, offset = files.read(start, offset, number, stop, False)
        if number < stop:
            files.last_tag = bytes(files.scratch[12 : 12 + files.tag_bytes])
        number += 1


def _list(directory):
    """Names in the directory, which is made if missing; None where there is no file system to make it on."""
    try:
        return os.listdir(directory)
    except OSError:
        pass
    try:
        at = directory.find("/", 1)
        while at > 0:
            _make(directory[:at])
            at = directory.find("/", at + 1)
        _make(directory)
        return os.listdir(directory)
    except OSError:
        return None


def _make(directory):
    try:
        os.mkdir(directory)
    except OSError:
        os.stat(directory)
