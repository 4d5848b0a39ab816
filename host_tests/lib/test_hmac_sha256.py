"""HMAC-SHA-256 against RFC 4231 and CPython's own."""

import hmac

from hypothesis import given
from hypothesis import strategies as st

from lib.p256_sign import hmac_sha256

RFC_4231 = [  # cases 1, 2 and 6: a short key, a shorter one, and one longer than a block
    (b"\x0b" * 20, b"Hi There", "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"),
    (
        b"Jefe",
        b"what do ya want for nothing?",
        "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
    ),
    (
        b"\xaa" * 131,
        b"Test Using Larger Than Block-Size Key - Hash Key First",
        "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
    ),
]


def test_rfc_4231():
    for key, message, digest in RFC_4231:
        assert hmac_sha256(key, message).hex() == digest


@given(st.binary(max_size=140), st.binary(max_size=300))
def test_agrees_with_the_standard_library(key, message):
    assert hmac_sha256(key, message) == hmac.digest(key, message, "sha256")


def test_on_micropython(micropython):
    out = micropython(f"""
from lib.p256_sign import hmac_sha256
print([hmac_sha256(key, message).hex() == digest for key, message, digest in {RFC_4231!r}])
""")
    assert out.strip() == "[True, True, True]"
