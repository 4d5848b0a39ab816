"""Numbered records in small files on flash: the part of the journal that touches the file system.

Each file is a segment, named by the number of its first record, so the end is found after a boot by reading the newest
file alone. A segment is closed when it is full, after a failed write, and where its tail is damaged: the next record
opens a new file, whose name says where the old one ends. Nothing is ever rewritten in place.

The search for the end, at boot, is in firmware.segments_recovery: until then these are empty.

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
        self.tag_bytes = tag_bytes
        self.header = records.header_size(tag_bytes)
        self.scratch = scratch
        self.size = 0  # bytes in use of the newest segment
        self.closed = True  # the next record opens a new segment
        self.starts = []  # number of the first record of each segment, oldest first
        self.end = 0  # the number after the last record
        self.last_tag = None  # the tag of the newest record
        self.tail_unknown = False  # the newest record was found damaged beyond telling its number
        self.unsettled = False  # the last write failed, and may have left its record behind all the same

    # Writing

    def room(self):
        """Bytes that the next write may have."""
        return self._segment_bytes - (0 if self.closed else self.size)

    def opens_new(self):
        """Whether the next write makes a new file."""
        return self.closed

    def close(self):
        """Let the next write make a new file."""
        self.closed = True

    def close_if_changed(self):
        """After a failed write: what it left is unknown unless the file has its old size. A new file ends it by name."""
        try:
            if not self.closed and os.stat(self.path(self.starts[-1]))[6] == self.size:
                return
        except OSError:
            pass
        self.closed = True

    def skip_to(self, number):
        """The next record has this number."""
        self.end = number
        self.closed = True

    def write(self, first, second, third, count):
        """Append bytes that hold `count` whole records; they are on flash when this returns. Raises OSError."""
        start = self.end if self.closed else self.starts[-1]
        with open(self.path(start), "wb" if self.closed else "ab") as file:
            file.write(first)
            file.write(second)
            file.write(third)
        if self.closed:
            self._opened(start)
            self.unsettled = False
        self.size += len(first) + len(second) + len(third)
        self.end += count

    def settle(self):
        """End what a failed write may have left by an empty segment. Raises OSError."""
        with open(self.path(self.end), "wb"):
            pass
        self._opened(self.end)
        self.closed = True
        self.unsettled = False

    def _opened(self, start):
        if not self.starts or self.starts[-1] != start:
            self.starts.append(start)
        self.size = 0
        self.closed = False

    def remove_first(self):
        """Remove the oldest segment. A file that will not go is forgotten, and found again by the next boot."""
        try:
            os.remove(self.path(self.starts.pop(0)))
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
            with open(self.path(start), "rb") as file:
                end = file.seek(0, 2)
                while True:
                    found = records.seek(file, offset, end, self.scratch, self.tag_bytes)
                    if not found or found[1] >= stop:
                        return stop, 0 if offset == end else DAMAGED, offset
                    payload = found[0] + self.header
                    offset = payload + found[2]
                    if found[1] < number:
                        continue
                    if offset > end or self.header + found[2] > len(self.scratch):
                        return found[1], DAMAGED, offset
                    if not body:
                        return found[1], 0, offset
                    view = self.scratch[self.header : self.header + found[2]]
                    file.seek(payload)
                    file.readinto(view)
                    return found[1], found[2] if records.intact(view, found[3]) else DAMAGED, offset
        except OSError:
            return stop, DAMAGED, offset

    def path(self, start):
        """The file of the segment that begins with number `start`."""
        return self._prefix + f"{start:08x}"
