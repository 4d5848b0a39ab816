"""How a record lies in NVS: "NP1", the CRC-32 of the payload (4 bytes, little endian), the payload.

NVS keeps its own checksums, but the port erases the whole partition when it finds no free page, and a blob may be an
older layout's: the mark and the checksum tell a record of ours from anything else.
"""

import binascii

MARK = b"NP1"
LIMIT = 4000


class Damaged(Exception):
    """A record that cannot be used; its text is the plain reason."""


def pack(payload):
    """The record of `payload`; ValueError when it is too long for NVS."""
    if len(payload) + 7 > LIMIT:
        raise ValueError("too long to store")
    return MARK + binascii.crc32(payload).to_bytes(4, "little") + payload


def unpack(record):
    """The payload of `record` (bytes, or None when there is none); Damaged with the reason."""
    if record is None:
        raise Damaged("missing")
    if record[:3] != MARK:
        raise Damaged("bad mark")
    if len(record) < 7:
        raise Damaged("cut short")
    payload = bytes(record[7:])
    if binascii.crc32(payload) != int.from_bytes(record[3:7], "little"):
        raise Damaged("bad checksum")
    return payload


def read(nvs, key, limit=LIMIT):
    """The payload stored under `key`, `limit` bytes at most; Damaged with the reason, never anything else."""
    try:
        record = nvs.get_blob(key, limit)
    except OSError:  # a blob of another type, or a broken partition
        raise Damaged("unreadable")
    return unpack(record)
