"""The warranty in words: what the terms and the clock together allow to be said, and no more."""

import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware import warranty
from host_tests.firmware.fakes import CLAIMS, Clock


def unix(text: str, seconds: int = 0) -> int:
    return int(datetime.datetime.fromisoformat(text + "T00:00:00+00:00").timestamp()) + seconds


def said(quality: str, now: int, floor: int = 0) -> list[str]:
    return warranty.lines(CLAIMS, Clock(quality, now, floor))


@pytest.mark.parametrize("quality", ["set", "trusted"])
def test_covered_through_its_last_day_and_expired_from_the_next(quality):
    assert said(quality, unix("2028-03-02", 86399))[0] == "parts: covered until 2028-03-02"
    assert said(quality, unix("2028-03-03"))[0] == "parts: expired 2028-03-02"
    assert said(quality, unix("2028-03-03"))[1] == "compressor: covered until 2036-03-02"


@pytest.mark.parametrize("quality", ["unknown", "floor"])
def test_without_a_clock_only_what_the_floor_proves(quality):
    never = unix("2099-01-01")  # what an unset clock may claim counts for nothing
    assert said(quality, never, unix("2028-03-02", 86399))[0] == "parts: ends 2028-03-02, clock unknown"
    assert said(quality, never, unix("2028-03-03"))[0] == "parts: expired 2028-03-02"
    assert said(quality, never, 0)[1] == "compressor: ends 2036-03-02, clock unknown"


@pytest.mark.parametrize(
    ("terms", "lines"),
    [
        (None, ["no warranty terms given"]), ([], ["no warranty terms given"]), ("x", ["no warranty terms given"]),
        ([{"part": "parts"}], ["parts: no date given"]),
        ([{"part": "parts", "until": "soon"}, 7], ["parts: no date given"]),
        ([{"until": "2028-02-30"}], ["unnamed part: no date given"]),
    ],
)  # fmt: skip
def test_terms_that_say_too_little(terms, lines):
    assert warranty.lines({"warranty": terms}, Clock()) == lines


@given(
    st.sampled_from(["unknown", "floor", "set", "trusted"]),
    st.integers(0, 2**33),
    st.integers(0, 2**33),
    st.dates(),
)
def test_never_says_more_than_the_clock_allows(quality, now, floor, until):
    (record,) = warranty.records(
        {"warranty": [{"part": "p", "until": until.isoformat()}]}, Clock(quality, now, floor)
    )
    known = now if quality in ("set", "trusted") else floor
    passed = datetime.date(1970, 1, 1).toordinal() + known // 86400 > until.toordinal()
    if record["state"] == "covered":
        assert quality in ("set", "trusted")
        assert not passed
    assert (record["state"] == "expired") == passed
