"""Tokens that are signed and stored, and wait to be sent.

Two journals in one directory, one for events and one for heartbeats, share the room. Every record carries, beside its
token, what has to outlive a reset: how far either kind is sent and the hash of the token. So marking a token as sent
writes nothing; the next token stores the mark, and what was sent after the last one is sent once more after a reset,
which the receiver knows for a duplicate. The newest record of either kind always stays, so that the next token can name
it even when nothing waits.

When there is no room the oldest heartbeats go first and are declared as lost; events go last.
"""

import hashlib
import struct

from firmware.journal import Journal
from lib import rare, records

EVENT = "event"
HEARTBEAT = "heartbeat"
KINDS = (EVENT, HEARTBEAT)  # in the order of sending
_TAG = "<IIII12s"  # bootcount, seq, numbers below which events, heartbeats are sent, hash of the token
_TAG_BYTES = 28
_FEWEST_SEGMENTS = 4
# A record is one byte, so many ranges that it declares as lost, 13 bytes each, and the token.
MOST_IN_A_MESSAGE = 8
RANGE_BYTES = 13


class Outbox:
    """`capacity_bytes` of flash for both kinds. `ram_bytes`: for each kind, only where there is no file system.

    One buffer of `token_bytes`, the largest token, and 150 bytes is held; nothing else grows with what waits.
    Names without an underscore that say nothing are for its rare parts: firmware.outbox_recovery, losses and acked.
    """

    def __init__(
        self, directory, capacity_bytes=262144, segment_bytes=4096, token_bytes=1536, ram_bytes=4096
    ):
        self._most_segments = capacity_bytes // segment_bytes
        if self._most_segments < _FEWEST_SEGMENTS:
            raise ValueError("capacity")
        limit = 1 + MOST_IN_A_MESSAGE * RANGE_BYTES + token_bytes
        scratch = bytearray(records.header_size(_TAG_BYTES) + limit)
        self.journals = {}
        for kind in KINDS:
            self.journals[kind] = Journal(
                directory,
                segment_bytes=segment_bytes,
                name=kind[0],
                limit=limit,
                buffer_bytes=ram_bytes,
                tag_bytes=_TAG_BYTES,
                scratch=scratch,
                owner=self,
            )
        self.persistent = self.journals[EVENT].persistent
        self.lost_path = directory + "/lost" if self.persistent else None
        self.known_losses = None  # a Losses while there are any: most units never have one
        self.sent = {EVENT: 0, HEARTBEAT: 0}  # every number below is sent
        self.ahead = {EVENT: set(), HEARTBEAT: set()}  # sent, though an older one is not
        self.passed = {EVENT: None, HEARTBEAT: None}  # (bootcount, seq) of the last record that was passed
        self.newest_hash = None
        self.last_boot = None  # the boot count of the token stored last
        self.dropped = 0  # tokens given up for room since boot
        # What is done once, when the board starts, is not kept.
        from firmware import outbox_recovery

        outbox_recovery.recover(self, KINDS, _TAG)

    @property
    def losses(self):
        if self.known_losses is None:
            from firmware.losses import Losses

            self.known_losses = Losses(self.lost_path)
        return self.known_losses

    def forget_losses(self):
        if self.known_losses is not None and self.known_losses.save() and not self.known_losses.ranges():
            self.known_losses = None
            rare.forget(("firmware.losses",))

    # In

    def put(self, kind, bootcount, seq, token, lost=()):
        """Store a token, which declares the ranges `lost`. It is on flash when this returns (in RAM if not persistent).

        Raises OSError when it could not be stored, ValueError when it is too large or of another kind.
        """
        if kind not in KINDS:
            raise ValueError("kind")
        for each in KINDS:
            # A token whose put() failed may be on flash all the same. Before another takes its number, it must be gone.
            self.journals[each].settle()
        digest = hashlib.sha256(token).digest()[:12]
        tag = struct.pack(_TAG, bootcount, seq, self.sent[EVENT], self.sent[HEARTBEAT], digest)
        head = bytes((len(lost),))
        if lost:
            from firmware.losses import pack

            head += pack(lost)
        self.journals[kind].append(head + token, True, tag)
        self.newest_hash = digest
        self.last_boot = bootcount
        self.declared(lost)

    def last_hash(self):
        """The first 12 bytes of the SHA-256 of the token stored last, also after a reset; None if it is not known."""
        return self.newest_hash

    def unchain(self, bootcount):
        """Tokens of this boot were sent but not stored: none before them may pass for the last any more."""
        if self.last_boot is None or self.last_boot <= bootcount:
            self.newest_hash = None

    # Out

    @property
    def waiting(self):
        """How many tokens wait; damaged ones count until they are met."""
        return sum(
            [self.journals[kind].next_number - self.sent[kind] - len(self.ahead[kind]) for kind in KINDS]
        )

    def next(self):
        """The token to send now, as (ticket, kind, token), or None. The same again until done(ticket)."""
        for kind in KINDS:
            token = None
            for number, bootcount, seq, payload in self.unsent(kind, self.journals[kind].next_number):
                if payload is not None:
                    token = bytes(payload[1 + RANGE_BYTES * payload[0] :])
                    break
                self.losses.damaged(bootcount, seq)
                self.ahead[kind].add(number)
            if self.known_losses is not None:
                self.losses.save()
            self.advance(kind)
            if token is not None:
                return (kind, number), kind, token
        return None

    def done(self, ticket):
        """This token is where it should be: it need not be sent again."""
        kind, number = ticket
        if self.sent[kind] <= number < self.journals[kind].next_number:
            self.ahead[kind].add(number)
            self.advance(kind)

    def unsent(self, kind, end):
        """Yields (number, bootcount, seq, payload) of what is not sent, below `end`; the payload is None if damaged.

        Records that are missing altogether are noted as lost on the way. The caller marks what it is done with.
        """
        journal = self.journals[kind]
        ahead = self.ahead[kind]
        expected = self.sent[kind]
        for number, tag, payload in journal.records(expected):
            place = struct.unpack_from("<II", tag)
            if expected < min(number, end) and expected not in ahead:
                self.losses.between(self, kind, expected, min(number, end), place)
            if number >= end:
                return
            expected = number + 1
            self.passed[kind] = place
            if number not in ahead:
                yield number, place[0], place[1], payload
        if expected < end and expected not in ahead:
            self.losses.between(self, kind, expected, end, None)

    def advance(self, kind):
        """Move the mark over what is done, and let go of segments that hold nothing else."""
        ahead = self.ahead[kind]
        number = self.sent[kind]
        for other in list(ahead):
            if other < number:
                ahead.remove(other)
        while number in ahead:
            ahead.remove(number)
            number += 1
        self.sent[kind] = number
        self.journals[kind].trim(number)

    # Losses

    def lost(self):
        """The ranges (bootcount, first, last, reason) that the next token should declare, at most eight."""
        return [] if self.known_losses is None else self.losses.ranges()

    def declared(self, ranges):
        """A stored token declares these ranges. put() does this itself for the ranges that it is given."""
        if ranges:
            self.losses.remove(ranges)
        self.forget_losses()

    # Room, for the journals

    def full(self):
        """Whether both journals together have all the segments they may have."""
        return sum([self.journals[kind].segments for kind in KINDS]) >= self._most_segments

    def make_room(self, journal):
        """Give up the oldest heartbeats, or where there are none to give the oldest events; False if neither."""
        try:
            return self.losses.make_room(self, journal)
        finally:
            self.forget_losses()
