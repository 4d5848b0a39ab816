"""base64url without padding (RFC 7515 section 2), in its one canonical spelling."""

import base64
import binascii
import re

_ALPHABET = re.compile(r"[A-Za-z0-9_-]*\Z", re.ASCII)


def encode(data: bytes) -> str:
    """The unpadded base64url text of `data`."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def decode(text: str | bytes) -> bytes:
    """The bytes `text` stands for.

    Raises ValueError for padding, white space, any character outside the alphabet, an impossible length, and
    for spare bits that are not zero: two spellings of the same bytes would be two tokens with one meaning.
    """
    if isinstance(text, bytes):
        text = text.decode("ascii", "replace")
    if not _ALPHABET.match(text):
        raise ValueError("a character outside base64url")
    if len(text) % 4 == 1:
        raise ValueError("an impossible base64url length")
    try:
        data = binascii.a2b_base64(text.replace("-", "+").replace("_", "/") + "=" * (-len(text) % 4))
    except binascii.Error as error:
        raise ValueError("not base64url") from error
    if encode(data) != text:
        raise ValueError("not the canonical base64url spelling")
    return data
