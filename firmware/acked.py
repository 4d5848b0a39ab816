"""A backend's cumulative acknowledgement. Loaded when one comes, and forgotten after."""

import struct

from firmware.outbox import KINDS


def acked(outbox, bootcount, seq):
    """The backend has every token up to and with this one, or knows it as lost."""
    mark = (bootcount, seq)
    for kind in KINDS:
        journal = outbox.journals[kind]
        for start in journal.starts():
            # Segments are in order: where one begins at or before the mark, all before it is done.
            if start > outbox.sent[kind]:
                for number, tag, _ in journal.records(start, False):
                    if number == start and struct.unpack_from("<II", tag) <= mark:
                        outbox.sent[kind] = start
                    break
        for number, tag, _ in journal.records(outbox.sent[kind], False):
            if struct.unpack_from("<II", tag) > mark:
                break
            outbox.sent[kind] = number + 1
        outbox.advance(kind)
