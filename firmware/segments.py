"""Numbered records in small files on flash: the part of the journal that touches the file system.

Each file is a segment, named by the number of its first record, so the end is found after a boot by reading the newest
file alone. A segment is closed when it is full, after a failed write, and where its tail is damaged: the next record
opens a new file, whose name says where the old one ends. Nothing is ever rewritten in place.

Assumes a file system that keeps the old content of a file when a write to it is cut (littlefs does); on one that does
not, a torn tail is seen and left out.
"""

import os

from lib import records

DAMAGED = -1


class Segments:
    """The files `name` + eight hex digits in `directory`. Records are read into `scratch`, a memoryview."""

    def __init__(self, directory, name, segment_bytes, tag_bytes, scratch):
        self._prefix = directory + "/" + name
        self._segment_bytes = segment_bytes
        self._tag_bytes = tag_bytes
        self._header = records.header_size(tag_bytes)
        self._scratch = scratch
        self._size = 0  # bytes in use of the newest segment
        self._closed = True  # the next record opens a new segment
        self.starts = []  # number of the first record of each segment, oldest first
        self.end = 0  # the number after the last record
        self.last_tag = None  # the tag of the newest record
        self.tail_unknown = False  # the newest record was found damaged beyond telling its number
        self.unsettled = False  # the last write failed, and may have left its record behind all the same
        self.writes = 0  # since boot; each costs about one flash erase
        names = _list(directory)
        self.present = names is not None  # there is a file system
        if names:
            self._recover(names, name)

    # Writing

    def room(self):
        """Bytes that the next write may have."""
        return self._segment_bytes - (0 if self._closed else self._size)

    def opens_new(self):
        """Whether the next write makes a new file."""
        return self._closed

    def close(self):
        """Let the next write make a new file."""
        self._closed = True

    def close_if_changed(self):
        """After a failed write: what it left is unknown unless the file has its old size. A new file ends it by name."""
        try:
            if not self._closed and os.stat(self._path(self.starts[-1]))[6] == self._size:
                return
        except OSError:
            pass
        self._closed = True

    def skip_to(self, number):
        """The next record has this number."""
        self.end = number
        self._closed = True

    def write(self, first, second, third, count):
        """Append bytes that hold `count` whole records; they are on flash when this returns. Raises OSError."""
        start = self.end if self._closed else self.starts[-1]
        self.writes += 1
        with open(self._path(start), "wb" if self._closed else "ab") as file:
            file.write(first)
            file.write(second)
            file.write(third)
        if self._closed:
            self._opened(start)
            self.unsettled = False
        self._size += len(first) + len(second) + len(third)
        self.end += count

    def settle(self):
        """End what a failed write may have left by an empty segment. Raises OSError."""
        with open(self._path(self.end), "wb"):
            pass
        self._opened(self.end)
        self._closed = True
        self.unsettled = False

    def _opened(self, start):
        if not self.starts or self.starts[-1] != start:
            self.starts.append(start)
        self._size = 0
        self._closed = False

    def remove_first(self):
        """Remove the oldest segment. A file that will not go is forgotten, and found again by the next boot."""
        try:
            os.remove(self._path(self.starts.pop(0)))
        except OSError:
            pass

    # Reading

    def index(self, number):
        """Index of the segment that holds `number`, -1 if it is older than all."""
        index = len(self.starts) - 1
        while index >= 0 and self.starts[index] > number:
            index -= 1
        return index

    def stop(self, index):
        """The number after the last record that may be in a segment."""
        return self.starts[index + 1] if index + 1 < len(self.starts) else self.end

    def read(self, start, offset, number, stop, body):
        """Read the first record from `number` on, below `stop`, into the scratch buffer; look from `offset` on.

        Returns (number, payload length or DAMAGED, offset after it); (stop, 0, ...) when there is no record and none
        is missing, (stop, DAMAGED, ...) when what is missing was damaged. Without `body` only the header is read.
        """
        try:
            with open(self._path(start), "rb") as file:
                end = file.seek(0, 2)
                while True:
                    found = records.seek(file, offset, end, self._scratch, self._tag_bytes)
                    if not found or found[1] >= stop:
                        return stop, 0 if offset == end else DAMAGED, offset
                    payload = found[0] + self._header
                    offset = payload + found[2]
                    if found[1] < number:
                        continue
                    if offset > end or self._header + found[2] > len(self._scratch):
                        return found[1], DAMAGED, offset
                    if not body:
                        return found[1], 0, offset
                    view = self._scratch[self._header : self._header + found[2]]
                    file.seek(payload)
                    file.readinto(view)
                    return found[1], found[2] if records.intact(view, found[3]) else DAMAGED, offset
        except OSError:
            return stop, DAMAGED, offset

    # Boot

    def _recover(self, names, prefix):
        for name in names:
            if len(name) == len(prefix) + 8 and name.startswith(prefix):
                try:
                    self.starts.append(int(name[len(prefix) :], 16))
                except ValueError:
                    pass
        self.starts.sort()
        if not self.starts:
            return
        self.end = self.starts[-1]
        self._closed = not self._survey(self.starts[-1])
        # The newest file is empty when the power went as it was made: then the one before has the newest record.
        index = len(self.starts) - 2
        while self.last_tag is None and index >= 0:
            self._find_tag(self.starts[index], self.starts[index + 1])
            index -= 1

    def _survey(self, start):
        """Walk the newest segment to its end. Returns whether it may be added to."""
        try:
            with open(self._path(start), "rb") as file:
                end = file.seek(0, 2)
                offset = 0
                while True:
                    found = records.seek(file, offset, end, self._scratch, self._tag_bytes)
                    after = found[0] + self._header + found[2] if found else 0
                    if not found or after > end:
                        break
                    offset = after
                    self.end = max(self.end, found[1] + 1)
                    self.last_tag = bytes(self._scratch[12 : 12 + self._tag_bytes])
        except OSError:
            self.tail_unknown = True
            self.end += 1
            return False
        self._size = offset
        if not found and end - offset >= self._header:
            # A whole header's worth of bytes that is no header: a record that was there once, so its number is spent.
            self.tail_unknown = True
            self.end += 1
        return 0 < offset == end

    def _find_tag(self, start, stop):
        offset = 0
        number = start
        while number < stop:
            number, _, offset = self.read(start, offset, number, stop, False)
            if number < stop:
                self.last_tag = bytes(self._scratch[12 : 12 + self._tag_bytes])
            number += 1

    def _path(self, start):
        return self._prefix + f"{start:08x}"


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
