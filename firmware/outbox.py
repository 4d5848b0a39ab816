"""Tokens that are signed and stored, and wait to be sent.

Two journals in one directory, one for events and one for heartbeats, share the room. Every record carries, beside its
token, what has to outlive a reset: how far either kind is sent and the hash of the token. So marking a token as sent
writes nothing; the next token stores the mark, and what was sent after the last one is sent once more after a reset,
which the receiver knows for a duplicate. The newest record of either kind always stays, so that the next token can name
it even when nothing waits.

When there is no room the oldest heartbeats go first and are declared as lost; events go last.
"""

import hashlib
import os
import struct

from firmware.journal import Journal
from lib import rare, records

EVENT = "event"
HEARTBEAT = "heartbeat"
_KINDS = (EVENT, HEARTBEAT)  # in the order of sending
_TAG = "<IIII12s"  # bootcount, seq, numbers below which events, heartbeats are sent, hash of the token
_TAG_BYTES = 28
_FEWEST_SEGMENTS = 4
# A record is one byte, so many ranges that it declares as lost, 13 bytes each, and the token.
MOST_IN_A_MESSAGE = 8
RANGE_BYTES = 13


class Outbox:
    """`capacity_bytes` of flash for both kinds. `ram_bytes`: for each kind, only where there is no file system.

    One buffer of `token_bytes`, the largest token, and 150 bytes is held; nothing else grows with what waits.
    """

    def __init__(
        self, directory, capacity_bytes=262144, segment_bytes=4096, token_bytes=1536, ram_bytes=4096
    ):
        self._most_segments = capacity_bytes // segment_bytes
        if self._most_segments < _FEWEST_SEGMENTS:
            raise ValueError("capacity")
        limit = 1 + MOST_IN_A_MESSAGE * RANGE_BYTES + token_bytes
        scratch = bytearray(records.header_size(_TAG_BYTES) + limit)
        self._journals = {}
        for kind in _KINDS:
            self._journals[kind] = Journal(
                directory,
                segment_bytes=segment_bytes,
                name=kind[0],
                limit=limit,
                buffer_bytes=ram_bytes,
                tag_bytes=_TAG_BYTES,
                scratch=scratch,
                owner=self,
            )
        self.persistent = self._journals[EVENT].persistent
        self._lost_path = directory + "/lost" if self.persistent else None
        self._known_losses = None  # a Losses while there are any: most units never have one
        self._sent = {EVENT: 0, HEARTBEAT: 0}  # every number below is sent
        self._ahead = {EVENT: set(), HEARTBEAT: set()}  # sent, though an older one is not
        self._before = {EVENT: None, HEARTBEAT: None}  # (bootcount, seq) of the last record that was passed
        self._hash = None
        self.last_boot = None  # the boot count of the token stored last
        self.dropped = 0  # tokens given up for room since boot
        self._restore()
        if self._lost_path:
            try:
                os.stat(self._lost_path)
            except OSError:
                return
            self._losses.save()
            self._forget_losses()

    @property
    def _losses(self):
        if self._known_losses is None:
            from firmware.losses import Losses

            self._known_losses = Losses(self._lost_path)
        return self._known_losses

    def _forget_losses(self):
        if self._known_losses is not None and self._known_losses.save() and not self._known_losses.ranges():
            self._known_losses = None
            rare.forget(("firmware.losses",))

    def _restore(self):
        newest = None
        for kind in _KINDS:
            tag = self._journals[kind].last_tag
            if tag:
                bootcount, seq, events, heartbeats, digest = struct.unpack(_TAG, tag)
                self._sent[EVENT] = max(self._sent[EVENT], events)
                self._sent[HEARTBEAT] = max(self._sent[HEARTBEAT], heartbeats)
                if newest is None or newest < (bootcount, seq):
                    newest = (bootcount, seq)
                    self.last_boot = bootcount
                    self._hash = digest
        for kind in _KINDS:
            journal = self._journals[kind]
            # A mark beyond the end means that records went missing; their numbers must not be taken for sent again.
            journal.skip_to(self._sent[kind])
            self._sent[kind] = max(self._sent[kind], journal.oldest())
            if journal.tail_unknown:
                # Perhaps the newest token is the one that cannot be read. To name another would look like a clone.
                self._hash = None

    # In

    def put(self, kind, bootcount, seq, token, lost=()):
        """Store a token, which declares the ranges `lost`. It is on flash when this returns (in RAM if not persistent).

        Raises OSError when it could not be stored, ValueError when it is too large or of another kind.
        """
        if kind not in _KINDS:
            raise ValueError("kind")
        for each in _KINDS:
            # A token whose put() failed may be on flash all the same. Before another takes its number, it must be gone.
            self._journals[each].settle()
        digest = hashlib.sha256(token).digest()[:12]
        tag = struct.pack(_TAG, bootcount, seq, self._sent[EVENT], self._sent[HEARTBEAT], digest)
        head = bytes((len(lost),))
        if lost:
            from firmware.losses import pack

            head += pack(lost)
        self._journals[kind].append(head + token, True, tag)
        self._hash = digest
        self.last_boot = bootcount
        self.declared(lost)

    def last_hash(self):
        """The first 12 bytes of the SHA-256 of the token stored last, also after a reset; None if it is not known."""
        return self._hash

    def unchain(self, bootcount):
        """Tokens of this boot were sent but not stored: none before them may pass for the last any more."""
        if self.last_boot is None or self.last_boot <= bootcount:
            self._hash = None

    # Out

    @property
    def waiting(self):
        """How many tokens wait; damaged ones count until they are met."""
        return sum(
            [self._journals[kind].next_number - self._sent[kind] - len(self._ahead[kind]) for kind in _KINDS]
        )

    def next(self):
        """The token to send now, as (ticket, kind, token), or None. The same again until done(ticket)."""
        for kind in _KINDS:
            token = None
            for number, bootcount, seq, payload in self._unsent(kind, self._journals[kind].next_number):
                if payload is not None:
                    token = bytes(payload[1 + RANGE_BYTES * payload[0] :])
                    break
                self._losses.damaged(bootcount, seq)
                self._ahead[kind].add(number)
            if self._known_losses is not None:
                self._losses.save()
            self._advance(kind)
            if token is not None:
                return (kind, number), kind, token
        return None

    def done(self, ticket):
        """This token is where it should be: it need not be sent again."""
        kind, number = ticket
        if self._sent[kind] <= number < self._journals[kind].next_number:
            self._ahead[kind].add(number)
            self._advance(kind)

    def acked(self, bootcount, seq):
        """The backend has every token up to and with this one, or knows it as lost."""
        mark = (bootcount, seq)
        for kind in _KINDS:
            journal = self._journals[kind]
            for start in journal.starts():
                # Segments are in order: where one begins at or before the mark, all before it is done.
                if start > self._sent[kind]:
                    for number, tag, _ in journal.records(start, False):
                        if number == start and struct.unpack_from("<II", tag) <= mark:
                            self._sent[kind] = start
                        break
            for number, tag, _ in journal.records(self._sent[kind], False):
                if struct.unpack_from("<II", tag) > mark:
                    break
                self._sent[kind] = number + 1
            self._advance(kind)

    def _unsent(self, kind, end):
        """Yields (number, bootcount, seq, payload) of what is not sent, below `end`; the payload is None if damaged.

        Records that are missing altogether are noted as lost on the way. The caller marks what it is done with.
        """
        journal = self._journals[kind]
        ahead = self._ahead[kind]
        expected = self._sent[kind]
        for number, tag, payload in journal.records(expected):
            place = struct.unpack_from("<II", tag)
            if expected < min(number, end) and expected not in ahead:
                self._lose_between(kind, expected, min(number, end), place)
            if number >= end:
                return
            expected = number + 1
            self._before[kind] = place
            if number not in ahead:
                yield number, place[0], place[1], payload
        if expected < end and expected not in ahead:
            self._lose_between(kind, expected, end, None)

    def _advance(self, kind):
        """Move the mark over what is done, and let go of segments that hold nothing else."""
        ahead = self._ahead[kind]
        number = self._sent[kind]
        for other in list(ahead):
            if other < number:
                ahead.remove(other)
        while number in ahead:
            ahead.remove(number)
            number += 1
        self._sent[kind] = number
        self._journals[kind].trim(number)

    # Losses

    def lost(self):
        """The ranges (bootcount, first, last, reason) that the next token should declare, at most eight."""
        return [] if self._known_losses is None else self._losses.ranges()

    def declared(self, ranges):
        """A stored token declares these ranges. put() does this itself for the ranges that it is given."""
        if ranges:
            self._losses.remove(ranges)
        self._forget_losses()

    def _lose_between(self, kind, first, end, after):
        self._losses.between(self._journals[kind], self._before[kind], first, end, after)
        for number in range(first, end):
            self._ahead[kind].add(number)

    # Room, for the journals

    def full(self):
        """Whether both journals together have all the segments they may have."""
        return sum([self._journals[kind].segments for kind in _KINDS]) >= self._most_segments

    def make_room(self, journal):
        """Give up the oldest heartbeats, or where there are none to give the oldest events; False if neither."""
        for kind in (HEARTBEAT, EVENT):
            giving = self._journals[kind]
            if not self.persistent and giving is not journal:
                continue  # RAM is not shared
            end = giving.oldest_end()
            if end is not None:
                self._lose_until(kind, end)
                giving.drop_oldest()
                self._advance(kind)
                return True
        return False

    def _lose_until(self, kind, end):
        for number, bootcount, seq, payload in self._unsent(kind, end):
            self._losses.dropped(bootcount, seq, payload)
            self._ahead[kind].add(number)
            self.dropped += 1
        # First the note, then the loss: a cut between them declares tokens that still arrive, which does no harm.
        if self._known_losses is not None:
            self._losses.save()
