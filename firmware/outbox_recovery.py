"""Finds, when the board starts, what the outbox knew: how far it had sent, the token stored last, what is lost. Needed once."""

import os
import struct


def recover(outbox, kinds, form):
    """Make `outbox` (firmware.outbox.Outbox) what its journals tell. `form`: that of a tag, the marks in the order of `kinds`."""
    newest = None
    for kind in kinds:
        tag = outbox.journals[kind].files.last_tag
        if tag:
            bootcount, seq, *marks, digest = struct.unpack(form, tag)
            for marked in kinds:
                outbox.sent[marked] = max(outbox.sent[marked], marks.pop(0))
            if newest is None or newest < (bootcount, seq):
                newest = (bootcount, seq)
                outbox.last_boot = bootcount
                outbox.newest_hash = digest
    for kind in kinds:
        journal = outbox.journals[kind]
        # A mark beyond the end means that records went missing; their numbers must not be taken for sent again.
        journal.skip_to(outbox.sent[kind])
        outbox.sent[kind] = max(outbox.sent[kind], journal.oldest())
        if journal.files.tail_unknown:
            # Perhaps the newest token is the one that cannot be read. To name another would look like a clone.
            outbox.newest_hash = None
    if outbox.lost_path:
        try:
            os.stat(outbox.lost_path)
        except OSError:
            return
        outbox.losses.save()
        outbox.forget_losses()
