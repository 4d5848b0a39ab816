"""How often this board has started: counted before anything is signed, so that no number ever serves twice. Once a boot.

NVS holds the count. A file holds what it may be, for the day NVS is lost, old, or cannot be written: no boot so far had
`ceiling` or more, and NVS holds `lowest` or more. Without a count to be believed the boot is the `ceiling`, so a whole
block of numbers is set aside at a time, and littlefs is not written at every start. Where the two are equal the file
alone counts. What the outbox stored last is a third witness.
"""

import struct

from firmware import blob, mirror
from firmware.blob import Damaged

BLOCK = 64
NAME = "boots"
_PROMISE = "<II"


def count(nvs, outbox):
    """(the number of this boot, or None where it cannot be counted; lines to tell)."""
    told = []
    held = nvs.get_i32("bootcount")
    promise = _promise()
    if promise is None and held is None:
        return None, ["boot not counted: the count is lost"]
    lowest, ceiling = promise or (0, None)
    lost = held is None or held < lowest
    number = max(ceiling, 1) if lost else held + 1
    if lowest == ceiling:
        lost = False  # the file has counted: nothing is unknown
    if outbox.last_boot is not None and number <= outbox.last_boot:
        number = outbox.last_boot + 1
        lost = True
    if lost:
        told.append(f"boot count lost: goes on at {number}")
        # A boot that nobody remembers may have sent tokens which were not stored.
        outbox.unchain(number - 1)
        try:
            nvs.set_i32("unstored", number - 1)
        except OSError:
            pass  # then neither can the count be, and it is lost at the next start too
    # Half a block early, so that a file system that is full for some days does no harm.
    due = ceiling is None or number > ceiling - BLOCK // 2
    if due and not _set_aside(number - 1, number + BLOCK):
        told.append("boot count not mirrored: the file system cannot be written")
        if ceiling is not None and number >= ceiling:
            return None, told + ["boot not counted"]  # were NVS lost, this number would serve again
    try:
        nvs.set_i32("bootcount", number)
        nvs.commit()
        if nvs.get_i32("bootcount") != number:
            raise OSError("damaged")
        return number, told
    except OSError as error:
        told.append(f"NVS cannot be written ({error!r}): the mirror counts")
    if _set_aside(number + 1, number + 1):
        return number, told
    return None, told + ["boot not counted"]


def _promise():
    try:
        payload = blob.unpack(mirror.get(NAME, 64) or None)
    except Damaged:
        return None
    return struct.unpack(_PROMISE, payload) if len(payload) == 8 else None


def _set_aside(lowest, ceiling):
    try:
        mirror.put(NAME, blob.pack(struct.pack(_PROMISE, lowest, ceiling)))
        return True
    except OSError:
        return False
