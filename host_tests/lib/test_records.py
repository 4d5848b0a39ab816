"""Framed records: found behind any junk, told apart from anything that only looks like one."""

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib import records

TAG = b"tag!"
SIZE = records.header_size(len(TAG))


def frame(number, payload):
    return records.header(number, payload, TAG) + payload


def seek(data, offset=0):
    view = memoryview(bytearray(SIZE))
    found = records.seek(io.BytesIO(data), offset, len(data), view, len(TAG))
    return found and (*found[:3], bytes(view[12 : 12 + len(TAG)]))


def test_a_header_says_what_follows():
    data = frame(7, b"payload")
    assert len(data) == SIZE + 7
    number, length, check = records.parse(memoryview(data), len(TAG))
    assert (number, length) == (7, 7)
    assert records.intact(b"payload", check)
    assert not records.intact(b"pAyload", check)


@pytest.mark.parametrize("filler", [b"\0", b"\xff", b"\xa5", b"N", b"\xa5N"])
def test_the_next_record_is_found_behind_junk_of_any_length(filler):
    for length in range(140):
        data = (filler * length)[:length] + frame(3, b"x")
        assert seek(data) == (length, 3, 1, TAG)


@given(st.integers(0, SIZE - 1), st.integers(1, 255))
def test_a_damaged_header_is_none(at, bits):
    data = bytearray(frame(1, b"first"))
    data[at] ^= bits
    assert seek(bytes(data)) is None
    assert seek(bytes(data) + frame(2, b"second")) == (len(data), 2, 6, TAG)


@given(st.binary(max_size=200))
def test_junk_holds_no_record(junk):
    assert seek(junk) is None


def test_a_header_cut_short_is_none():
    data = frame(1, b"")
    for length in range(SIZE):
        assert seek(data[:length]) is None
