"""The comb table: what the factory writes, and how scalars are taken apart for it."""

import hashlib

from hypothesis import example, given
from hypothesis import strategies as st

from host_tests.lib import p256_cases
from lib import p256, p256_verify
from lib.p256 import N
from nameplate.factory import comb

TABLE_SHA256 = "0a395201b2ab5655c25c8f1d9f923d365b3dc811610242d8f4436da11ce67785"


def test_geometry_is_the_device_s():
    assert (comb.TEETH, comb.COLUMNS, comb.BLOCKS) == (
        p256.BASE_TEETH,
        p256.BASE_COLUMNS,
        p256.BASE_BLOCKS,
    )
    assert comb.SIZE == len(comb.table()) == 64 * 1024


def test_same_bytes_each_time(tmp_path):
    first = comb.write(tmp_path / "a.bin").read_bytes()
    assert comb.write(tmp_path / "b.bin").read_bytes() == first
    # A change of these bytes changes every flash image: it must be meant.
    assert hashlib.sha256(first).hexdigest() == TABLE_SHA256


def test_every_point():
    table = comb.table()
    for block in range(8):
        for index in range(128):
            scalar = 1 << 28
            for tooth in range(7):
                scalar += (1 if index >> tooth & 1 else -1) << 4 * tooth
            at = (128 * block + index) * 64
            expected = p256_cases.public_bytes(p256_cases.private_key((scalar << 32 * block) % N))
            assert table[at : at + 64] == expected, (block, index)


def signed(digit, teeth, columns):
    return sum((1 if digit >> tooth & 1 else -1) << columns * tooth for tooth in range(teeth))


@given(st.integers(0, N - 1))
@example(0)
@example(1)
@example(2)
@example(N - 1)
@example(N - 2)
@example(1 << 255)
def test_digits_make_the_scalar_again(scalar):
    odd, negative = p256.odd(scalar)
    assert odd % 2 == 1
    assert (N - odd if negative else odd) == scalar
    total = 0
    for column, row in enumerate(p256.base_digits(odd)):
        for block in range(p256.BASE_BLOCKS):
            total += signed(row[4 * block], 8, 4) << 32 * block + column
    assert total == odd
    digits = p256_verify.digits(odd)
    assert len(digits) == p256_verify.COLUMNS
    assert sum(signed(digit, 5, 52) << column for column, digit in enumerate(reversed(digits))) == odd
