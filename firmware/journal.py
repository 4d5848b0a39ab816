"""A journal of numbered records that survives a power cut at any moment, and a damaged record in its midst.

Records wait in RAM until flush(), a durable record, or a full buffer; what is on flash is kept in segments, the oldest
of which goes when there is no room. Without a file system the journal lives in RAM, bounded, and says so: `persistent`
is False. What it cannot keep it counts: `dropped` for room, `damaged` for bad flash.
"""

from firmware.segments import DAMAGED, Segments
from lib import records

_ENOSPC = 28  # the ESP32 port's errno module has no name for it
_MOST_DAMAGED = 64


class Journal:
    """`limit`: largest payload. `tag_bytes`: as in lib.records. `scratch`: a bytearray that several journals share.

    `owner` decides about room where journals share it: full() and make_room(journal), as this class has them.
    """

    def __init__(
        self,
        directory,
        segment_bytes=4096,
        segments=8,
        name="log",
        limit=256,
        buffer_bytes=1024,
        tag_bytes=0,
        scratch=None,
        owner=None,
    ):
        largest = records.header_size(tag_bytes) + limit
        if scratch is None:
            scratch = bytearray(largest)
        if largest > segment_bytes or largest > buffer_bytes or largest > len(scratch):
            raise ValueError("limit")
        self._limit = limit
        self._most_segments = segments
        self._owner = owner or self
        self.files = Segments(directory, name, segment_bytes, tag_bytes, memoryview(scratch))
        self._buffer_bytes = buffer_bytes
        self._ram = None  # taken while a record waits in RAM
        self._used = 0
        self._damaged = set()
        self.dropped = 0
        self.error = None  # the last failure to write, for people
        # What is done once, when the board starts, is not kept.
        from firmware import segments_recovery

        self.persistent = segments_recovery.recover(self.files, directory, name)  # there is a file system
        self.next_number = self.files.end

    @property
    def damaged(self):
        """How many damaged records were met by reading; stops at 64."""
        return len(self._damaged)

    # Writing

    def append(self, payload, durable=False, tag=b""):
        """Add a record and return its number. A durable one is on flash when this returns (in RAM if not persistent).

        Raises OSError where a durable record could not be stored: its number is then not used. ValueError: too large.
        """
        if len(payload) > self._limit or len(tag) != self.files.tag_bytes:
            raise ValueError("record")
        number = self.next_number
        header = records.header(number, payload, tag)
        if durable and self.persistent:
            self._commit(header, payload)
        else:
            self._keep(header, payload)
        self.next_number = number + 1
        return number

    def flush(self):
        """Put what waits in RAM on flash. Returns whether nothing waits any more; a failure is told by `error`."""
        if self.persistent:
            try:
                self._commit(b"", b"")
            except OSError:
                pass
        return self._used == 0

    def settle(self):
        """Make sure that a record whose durable append failed can never come back. Raises OSError."""
        if self.files.unsettled:
            self.files.settle()

    def skip_to(self, number):
        """Use no number below `number` from here on. For the time after boot, while nothing waits in RAM."""
        if number > self.next_number and not self._used:
            self.next_number = number
            self.files.skip_to(number)

    def _keep(self, header, payload):
        size = len(header) + len(payload)
        if self._used + size > self._buffer_bytes:
            self.flush()
        if self._ram is None:
            self._ram = memoryview(bytearray(self._buffer_bytes))
        while self._used + size > len(self._ram):
            if self.persistent or not self._owner.make_room(self):
                self._drop_from_ram()
        middle = self._used + len(header)
        self._ram[self._used : middle] = header
        self._used += size
        self._ram[middle : self._used] = payload

    def _commit(self, header, payload):
        """Write what waits in RAM, then one more record, in as few file writes as the segments allow."""
        files = self.files
        while self._used or header:
            room = files.room()
            take, count = self._fitting(room)
            last = take == self._used and header and take + len(header) + len(payload) <= room
            if not take and not last:
                files.close()
                continue
            while files.opens_new() and self._owner.full() and self._owner.make_room(self):
                pass
            try:
                waiting = self._ram[:take] if take else b""
                if last:
                    files.write(waiting, header, payload, count + 1)
                    header = b""
                else:
                    files.write(waiting, b"", b"", count)
            except OSError as error:
                self._retry_or_raise(error)
                continue
            self._forget(take)

    def _retry_or_raise(self, error):
        code = error.args[0] if error.args else 0
        self.error = f"write failed ({code})"
        if code == _ENOSPC and self._owner.make_room(self):
            self.files.close_if_changed()
        elif not self.files.opens_new():
            self.files.close()
        else:
            self.files.unsettled = True
            raise error

    def _fitting(self, room):
        """(bytes, records) at the start of the RAM buffer that fit into `room` as whole records."""
        take = count = 0
        while take < self._used:
            size = self._record_size(take)
            if take + size > room:
                break
            take += size
            count += 1
        return take, count

    def _record_size(self, at):
        files = self.files
        return files.header + records.parse(self._ram[at:], files.tag_bytes)[1]

    def _forget(self, taken):
        if taken:
            rest = self._used - taken
            self._ram[:rest] = self._ram[taken : self._used]
            self._used = rest
            if not rest and self.persistent:
                self._ram = None

    # Room

    def full(self):
        """Whether a new segment would be one too many."""
        return self.segments >= self._most_segments

    def make_room(self, _):
        """Give up the oldest records; False when there is nothing that may go."""
        return self.drop_oldest()

    @property
    def segments(self):
        """Segment files in use."""
        return len(self.files.starts)

    def oldest_end(self):
        """The number after the last record that drop_oldest() would give up, None when it would give up none."""
        if not self.persistent:
            return self.files.end + 1 if self._used else None
        return self.files.starts[1] if self.segments > 1 else None

    def drop_oldest(self):
        """Give up the oldest segment, or in RAM the oldest record. The newest segment always stays."""
        if not self.persistent:
            return self._drop_from_ram()
        if self.segments < 2:
            return False
        self.dropped += self.files.starts[1] - self.files.starts[0]
        self.files.remove_first()
        return True

    def _drop_from_ram(self):
        if not self._used:
            return False
        self._forget(self._record_size(0))
        # The numbers jump here. That flash failed has closed the segment: the name of the next will say so.
        self.files.end += 1
        self.dropped += 1
        return True

    def trim(self, number):
        """Records below `number` are of no more use: remove the segments that hold nothing else."""
        while self.segments > 1 and self.files.starts[1] <= number:
            self.files.remove_first()
        while not self.persistent and self._used and self.files.end < number:
            self._drop_from_ram()
            self.dropped -= 1

    # Reading

    def starts(self):
        """The first number of each segment, oldest first."""
        return tuple(self.files.starts)

    def start_of(self, number):
        """The first number in the segment that holds `number`; `number` itself when none does."""
        index = self.files.index(number)
        return number if index < 0 else self.files.starts[index]

    def oldest(self):
        """The lowest number that can still be read."""
        return self.files.starts[0] if self.files.starts else self.files.end

    def read(self, first=0):
        """Yields (number, payload) of each intact record from `first` on. A payload holds until the next step."""
        for number, _, payload in self.records(first):
            if payload is not None:
                yield number, payload

    def records(self, first=0, payloads=True):
        """Yields (number, tag, payload) from `first` on; the payload is None where it is damaged or not asked for.

        Tag and payload are views into a buffer and hold until the next read; a read without payloads spoils the tag
        alone. Numbers left out had a damaged header, or were dropped from RAM. No file stays open meanwhile: records
        may be added and removed between two steps.
        """
        files = self.files
        number = max(first, self.oldest())
        start = offset = -1
        while number < self.next_number:
            if number >= files.end:
                found = number
                length = self._from_ram(number, payloads)
            else:
                index = files.index(number)
                if index < 0:
                    number = self.oldest()
                    continue
                if start != files.starts[index]:
                    start = files.starts[index]
                    offset = 0
                stop = files.stop(index)
                found, length, offset = files.read(start, offset, number, stop, payloads)
                if found < stop or length == DAMAGED:
                    self._count(number, found)
                if found == stop:
                    number = found
                    continue
            if length == DAMAGED:
                self._count(found, found + 1)
            number = found + 1
            end = files.header + length
            payload = files.scratch[files.header : end] if payloads and length >= 0 else None
            yield found, files.scratch[12 : 12 + files.tag_bytes], payload

    def _from_ram(self, number, payloads):
        files = self.files
        at = 0
        for _ in range(number - files.end):
            at += self._record_size(at)
        length = self._record_size(at) - files.header
        size = files.header + (length if payloads else 0)
        files.scratch[:size] = self._ram[at : at + size]
        return length

    def _count(self, number, end):
        while number < end and len(self._damaged) < _MOST_DAMAGED:
            self._damaged.add(number)
            number += 1
