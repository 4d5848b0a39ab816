"""base64url without padding (RFC 4648 section 5, RFC 7515 section 2), in its one canonical spelling.

Bytes in and out; text is taken too. Padding, white space, the letters + and /, a length that no byte string has,
and trailing bits that are not zero are all refused: two spellings of one token would be two tokens to a duplicate
check that compares text.
"""

import binascii


def encode(data):
    text = binascii.b2a_base64(data).replace(b"+", b"-").replace(b"/", b"_")
    # One newline at the end, and up to two signs of padding before it.
    return text.rstrip(b"=\n")


def decode(text):
    """The bytes that `text` spells. Raises ValueError for any other spelling."""
    if isinstance(text, str):
        text = text.encode()
    data = binascii.a2b_base64(text.replace(b"-", b"+").replace(b"_", b"/") + b"=" * (-len(text) % 4))
    # a2b_base64 skips what it does not know; spelling the bytes again finds everything it forgave.
    if encode(data) != text:
        raise ValueError("not canonical base64url")
    return data
