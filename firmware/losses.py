"""Ranges of tokens that were lost and are still to be declared: [bootcount, first, last, reason].

Kept exact, in one small file that a change rewrites; up to eight ranges it stays small enough for littlefs to keep it
inside the directory, which costs no erase. Ranges of one boot are merged over what lies between them only when there
are too many; then a range may also name tokens that did arrive, which the receiver knows better.
The outbox loads this when there is a first loss or no more room, and forgets it when the last is declared.
"""

import binascii
import struct

from firmware.outbox import EVENT, HEARTBEAT, MOST_IN_A_MESSAGE, RANGE_BYTES

_MAGIC = b"NPL1"
_RANGE = "<IIIB"
_MOST = 32
FULL = "full"
STORAGE = "storage"
_REASONS = (FULL, STORAGE)


class Losses:
    """`path`: the file, or None to keep nothing over a reset."""

    def __init__(self, path):
        self._path = path
        self._ranges = []  # (bootcount, first, last, reason), ascending
        self._unsaved = False
        self.forgotten = 0  # ranges given up because there were too many boots with losses
        if path:
            self._load()

    def ranges(self):
        """The oldest ranges to declare, as many as one message may carry."""
        return self._ranges[:MOST_IN_A_MESSAGE]

    def add(self, bootcount, first, last, reason):
        """Note a loss; save() makes it last."""
        kept = []
        for other in self._ranges:
            if (
                other[0] == bootcount
                and other[3] == reason
                and first <= other[2] + 1
                and other[1] <= last + 1
            ):
                first = min(first, other[1])
                last = max(last, other[2])
            else:
                kept.append(other)
        kept.append((bootcount, first, last, reason))
        kept.sort()
        self._ranges = kept
        self._unsaved = True
        if len(kept) > _MOST:
            self._merge()

    def damaged(self, bootcount, seq):
        """A token that cannot be read."""
        self.add(bootcount, seq, seq, STORAGE)

    def dropped(self, bootcount, seq, payload):
        """A record that is given up for room; its payload is None where it cannot be read."""
        self.add(bootcount, seq, seq, STORAGE if payload is None else FULL)
        if payload is not None:
            # What this token was to declare is not declared after all.
            for lost in unpack(payload, 1, payload[0]):
                self.add(*lost)

    def between(self, outbox, kind, first, end, after):
        """Records `first` to `end` whose header is damaged, known only by what lies before and after them.

        `after`: (bootcount, seq) of the next record, or None.
        """
        count = end - first
        before = outbox.passed[kind]
        journal = outbox.journals[kind]
        for number, tag, _ in journal.records(journal.start_of(first), False):
            if number >= first:
                break
            before = struct.unpack_from("<II", tag)
        if after and before and before[0] == after[0]:
            self.add(after[0], before[1] + 1, after[1] - 1, STORAGE)
        else:
            if after and after[1] > 0:
                lowest = max(0, after[1] - count)
                self.add(after[0], lowest, after[1] - 1, STORAGE)
                count -= after[1] - lowest
            if before and count > 0:
                self.add(before[0], before[1] + 1, before[1] + count, STORAGE)
        for number in range(first, end):
            outbox.ahead[kind].add(number)

    def make_room(self, outbox, journal):
        """As the outbox's: the oldest segment of heartbeats goes, or of events; what it held unsent is lost."""
        for kind in (HEARTBEAT, EVENT):
            giving = outbox.journals[kind]
            if not outbox.persistent and giving is not journal:
                continue  # RAM is not shared
            end = giving.oldest_end()
            if end is not None:
                for number, bootcount, seq, payload in outbox.unsent(kind, end):
                    self.dropped(bootcount, seq, payload)
                    outbox.ahead[kind].add(number)
                    outbox.dropped += 1
                # First the note, then the loss: a cut between them declares tokens that still arrive, which does no harm.
                self.save()
                giving.drop_oldest()
                outbox.advance(kind)
                return True
        return False

    def remove(self, ranges):
        """What was declared need not be declared again; a range that grew meanwhile keeps the rest."""
        for bootcount, first, last, _ in ranges:
            kept = []
            for other in self._ranges:
                if other[0] != bootcount or other[2] < first or last < other[1]:
                    kept.append(other)
                    continue
                if other[1] < first:
                    kept.append((bootcount, other[1], first - 1, other[3]))
                if last < other[2]:
                    kept.append((bootcount, last + 1, other[2], other[3]))
                self._unsaved = True
            self._ranges = kept

    def save(self):
        """Write the file if anything changed. A failure is tried again by the next save: returns whether it is done."""
        if self._unsaved and self._path:
            text = pack(self._ranges)
            try:
                with open(self._path, "wb") as file:
                    file.write(_MAGIC + text + struct.pack("<I", binascii.crc32(text)))
            except OSError:
                return False
        self._unsaved = False
        return True

    def _load(self):
        try:
            with open(self._path, "rb") as file:
                data = file.read(8 + _MOST * RANGE_BYTES)
        except OSError:
            return
        text = data[4:-4]
        if data[:4] == _MAGIC and len(data) >= 8 and data[-4:] == struct.pack("<I", binascii.crc32(text)):
            self._ranges = unpack(text, 0, len(text) // RANGE_BYTES)

    def _merge(self):
        best = None
        for index in range(len(self._ranges) - 1):
            left, right = self._ranges[index], self._ranges[index + 1]
            if left[0] == right[0] and (best is None or right[1] - left[2] < best[0]):
                best = (right[1] - left[2], index)
        if best is None:
            # Every range is of another boot. The receiver still sees the gap, only undeclared.
            self._ranges.pop(0)
            self.forgotten += 1
        else:
            right = self._ranges.pop(best[1] + 1)
            left = self._ranges[best[1]]
            self._ranges[best[1]] = (left[0], left[1], max(left[2], right[2]), left[3])


def pack(ranges):
    """The ranges as bytes, 13 each."""
    return b"".join(
        [
            struct.pack(_RANGE, bootcount, first, last, _REASONS.index(reason))
            for bootcount, first, last, reason in ranges
        ]
    )


def unpack(data, offset, count):
    """`count` ranges from `data` at `offset`."""
    ranges = []
    for _ in range(count):
        bootcount, first, last, reason = struct.unpack_from(_RANGE, data, offset)
        ranges.append((bootcount, first, last, _REASONS[reason]))
        offset += RANGE_BYTES
    return ranges
