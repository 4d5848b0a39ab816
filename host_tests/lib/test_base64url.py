"""base64url: one spelling for each byte string, every other refused."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib import base64url

RFC_4648 = [  # section 10, and the two letters that differ from base64
    (b"", b""),
    (b"f", b"Zg"),
    (b"fo", b"Zm8"),
    (b"foo", b"Zm9v"),
    (b"foob", b"Zm9vYg"),
    (b"fooba", b"Zm9vYmE"),
    (b"foobar", b"Zm9vYmFy"),
    (b"\xfb\xef\xbe\xff\xff\xff", b"----____"),
]
REFUSED = {
    "padding": b"Zg==",
    "padding alone": b"=",
    "padding inside": b"Zg==Zg",
    "plus": b"++__",
    "slash": b"--//",
    "a newline at the end": b"Zm9v\n",
    "white space inside": b"Zm 9v",
    "a NUL": b"Zm9v\0",
    "a letter outside": b"Zm9!",
    "one letter": b"Z",
    "five letters": b"Zm9vY",
    "four trailing bits": b"Zh",
    "two trailing bits": b"Zm9",
    "not ASCII": "Zm9é",
}


@pytest.mark.parametrize(("data", "text"), RFC_4648)
def test_vectors(data, text):
    assert base64url.encode(data) == text
    assert base64url.decode(text) == data
    assert base64url.decode(text.decode()) == data


@pytest.mark.parametrize("text", REFUSED.values(), ids=REFUSED)
def test_refuses(text):
    with pytest.raises(ValueError):
        base64url.decode(text)


@given(st.binary(max_size=200))
def test_round_trip(data):
    text = base64url.encode(data)
    assert text == base64.urlsafe_b64encode(data).rstrip(b"=")
    assert base64url.decode(text) == data


@given(st.binary(max_size=24) | st.text(max_size=24).map(str.encode))
def test_any_text_is_refused_or_is_the_one_spelling(text):
    try:
        data = base64url.decode(text)
    except ValueError:
        return
    assert base64url.encode(data) == text


def test_on_micropython(micropython):
    out = micropython(f"""
from lib import base64url
for data, text in {RFC_4648!r}:
    assert base64url.encode(data) == text and base64url.decode(text) == data
    assert base64url.decode(text.decode()) == data
for text in {list(REFUSED.values())!r}:
    try:
        print("taken:", text, base64url.decode(text))
    except ValueError:
        pass
good = 0
for a in range(256):  # all texts of two letters: 64 * 4 are right
    for b in range(256):
        try:
            base64url.decode(bytes((a, b)))
            good += 1
        except ValueError:
            pass
print(good)
""")
    assert out.split() == ["256"]
