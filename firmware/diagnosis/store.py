"""Keeps what is known of the faults over a restart, in one small file. Loaded for it, and forgotten after.

    "NPF1" | digest of the rules, 8 bytes | cells u16 | the cells, i32 each, SINCE as an age in seconds | CRC-32 of all

Little endian. Replaced in one step: what is read is old or new. A file that is damaged, or of other rules, is dropped.
"""

import binascii
import os
import struct
from array import array

from firmware.diagnosis import rules
from firmware.diagnosis.faults import HEAD, SINCE

PATH = "/data/faults"
_MAGIC = b"NPF1"
_DIGEST = 8
_FIXED = 14
_CHECK = 4
_MOST = (1 << 31) - 1


def keep(faults, up_s, name=PATH):
    """Store the state as of uptime `up_s`. Raises OSError, and what was there stays."""
    blob = rules.read(faults.rules)
    if blob is None:
        raise OSError("no rules")
    save(name, faults, rules.digest(blob), up_s)


def save(name, faults, digest, up_s):
    """Store the state as of uptime `up_s`, under the digest of its rules. Raises OSError, and what was there stays."""
    cells = array("i", faults.cells)
    for start in faults.starts:
        cells[start + SINCE] = max(-_MOST, min(up_s - cells[start + SINCE], _MOST))
    head = _MAGIC + digest + struct.pack("<H", len(cells))
    check = binascii.crc32(cells, binascii.crc32(head))
    with open(name + ".new", "wb") as file:
        file.write(head)
        file.write(cells)
        file.write(struct.pack("<I", check))
    os.rename(name + ".new", name)


def load(name, faults, digest, up_s):
    """Take the stored state into `faults`, as of uptime `up_s`. None, or in words why there is none; then all are clear."""
    size = _FIXED + 4 * len(faults.cells) + _CHECK
    try:
        with open(name, "rb") as file:
            stored = file.read(size + 1)
    except OSError as error:
        return None if error.errno == 2 else f"faults known before cannot be read ({error.errno})"
    if len(stored) < _FIXED + _CHECK or stored[:4] != _MAGIC:
        return "faults known before are lost: damaged"
    if stored[4:12] != digest or struct.unpack_from("<H", stored, 12)[0] != len(faults.cells):
        return "faults known before are dropped: these are other rules"
    if len(stored) != size or binascii.crc32(stored[:-_CHECK]) != struct.unpack("<I", stored[-_CHECK:])[0]:
        return "faults known before are lost: damaged"
    cells = array("i", stored[_FIXED:-_CHECK])
    if not _sound(cells, faults.starts):
        return "faults known before are lost: damaged"
    for start in faults.starts:
        cells[start + SINCE] = max(-_MOST, min(up_s - cells[start + SINCE], _MOST))
    faults.cells[:] = cells
    return None


def _sound(cells, starts):
    # What no rule ever writes was not written by one.
    return all(cells[start + cell] >= 0 for start in starts for cell in range(HEAD) if cell != SINCE)
