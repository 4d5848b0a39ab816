"""base64url without padding (RFC 7515 section 2), in its one canonical spelling."""

import base64
import binascii

# To plain base64; what is plain base64 but not base64url becomes a character of neither.
_TO_PLAIN = bytes.maketrans(b"-_+/=", b"+/!!!")
_PADDING = (b"", b"", b"==", b"=")
# The last characters whose spare bits are zero, by the length's remainder.
_LAST = (None, b"", b"AQgw", b"AEIMQUYcgkosw048")


def encode(data: bytes) -> str:
    """The unpadded base64url text of `data`."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def decode(text: str | bytes) -> bytes:
    """The bytes `text` stands for.

    Raises ValueError for padding, white space, any character outside the alphabet, an impossible length, and
    for spare bits that are not zero: two spellings of the same bytes would be two tokens with one meaning.
    """
    data = text.encode("ascii", "replace") if isinstance(text, str) else text
    rest = len(data) % 4
    if rest == 1:
        raise ValueError("an impossible base64url length")
    try:
        found = binascii.a2b_base64(data.translate(_TO_PLAIN) + _PADDING[rest], strict_mode=True)
    except binascii.Error:
        raise ValueError("a character outside base64url") from None
    last = _LAST[rest]
    if last is not None and data[-1] not in last:
        raise ValueError("not the canonical base64url spelling")
    return found
