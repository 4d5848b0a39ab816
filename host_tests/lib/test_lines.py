"""Line framing gives the same lines however the bytes arrive, and its buffer never grows."""

import re

from hypothesis import given
from hypothesis import strategies as st

from lib.lines import TOO_LONG, Lines

LIMIT = 16


def framed(data: bytes) -> list:
    lines = Lines(LIMIT)
    got = []
    for byte in data:
        line = lines.push(byte)
        if line is not None:
            got.append(line)
        assert len(lines._buffer) == LIMIT
    return got


def expected(data: bytes) -> list:
    *complete, rest = re.split(rb"[\r\n]", data)
    lines = [TOO_LONG if len(line) > LIMIT else line for line in complete if line]
    return [*lines, TOO_LONG] if len(rest) > LIMIT else lines


noisy = st.lists(st.one_of(st.binary(max_size=24), st.sampled_from([b"\n", b"\r", b"\r\n", b"\0" * 40]))).map(
    b"".join
)


@given(noisy)
def test_frames_any_bytes(data):
    assert framed(data) == expected(data)


def test_every_kind_of_ending_is_one_ending():
    assert framed(b"one\ntwo\r\nthree\rfour\n\r\n\r\r\n") == [b"one", b"two", b"three", b"four"]


def test_a_line_of_exactly_the_limit_passes_and_one_more_byte_is_told_once():
    assert framed(b"x" * LIMIT + b"\n") == [b"x" * LIMIT]
    assert framed(b"x" * 100 * LIMIT + b"\nid\n") == [TOO_LONG, b"id"]
