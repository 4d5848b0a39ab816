"""Records framed in a run of bytes, such that damage is seen and costs one record.

    magic "\\xa5N" | payload length u16 | number u32 | CRC-32 of the payload u32 | tag | CRC-32 of all before u32

Little endian. The tag is a few bytes of the caller's, the same length in every record; it has its check with the header,
so a record with a damaged payload still says its number and its tag. An intact header is a safe way to the next record;
where a header is damaged the next intact one is searched for.
"""

import binascii
import struct

_MAGIC = b"\xa5N"
_FIXED = 12
_CHECK = 4
_WINDOW = 64


def header_size(tag_bytes):
    """Bytes of a record beside its payload."""
    return _FIXED + tag_bytes + _CHECK


def header(number, payload, tag):
    """The bytes that go before `payload`."""
    text = _MAGIC + struct.pack("<HII", len(payload), number, binascii.crc32(payload)) + tag
    return text + struct.pack("<I", binascii.crc32(text))


def parse(view, tag_bytes):
    """(number, payload length, payload CRC) of the header at the start of `view`, or None if it is not intact."""
    end = _FIXED + tag_bytes
    if view[0] != _MAGIC[0] or view[1] != _MAGIC[1]:
        return None
    if binascii.crc32(view[:end]) != struct.unpack_from("<I", view, end)[0]:
        return None
    length, number, check = struct.unpack_from("<HII", view, 2)
    return number, length, check


def intact(payload, check):
    """Whether a payload has the CRC that its header names."""
    return binascii.crc32(payload) == check


def seek(file, offset, end, view, tag_bytes):
    """Find the first intact header in `file` between `offset` and `end`, and read it into the start of `view`.

    Returns (offset, number, payload length, payload CRC), or None. Steps over whatever is damaged.
    """
    size = header_size(tag_bytes)
    while offset + size <= end:
        file.seek(offset)
        if file.readinto(view[:size]) != size:
            return None
        found = parse(view, tag_bytes)
        if found:
            return (offset,) + found
        offset = _next_magic(file, offset + 1, end)
    return None


def _next_magic(file, offset, end):
    while offset < end:
        file.seek(offset)
        window = file.read(min(_WINDOW, end - offset))
        if len(window) < len(_MAGIC):
            return end
        at = window.find(_MAGIC)
        if at >= 0:
            return offset + at
        offset += len(window) - 1  # the magic may straddle two windows
    return end
