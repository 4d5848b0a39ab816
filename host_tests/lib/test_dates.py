"""Dates and day numbers agree with the standard library, and with each other, on both interpreters."""

import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib import dates

EPOCH = datetime.date(1970, 1, 1).toordinal()


@given(st.dates())
def test_agrees_with_the_standard_library_both_ways(date):
    number = date.toordinal() - EPOCH
    assert dates.days(date.isoformat()) == number
    assert dates.text(number) == date.isoformat()


@pytest.mark.parametrize(
    "text",
    ["", "2028-3-02", "2028/03/02", "2028-02-30", "2027-02-29", "2100-02-29", "2028-13-01", "2028-00-10",
     "2028-01-00", "0000-01-01", "2028-01-0x", "２０２８-03-02", "2028-03-02 ", None, 20280302, b"2028-03-02"],
)  # fmt: skip
def test_refuses_what_is_no_date(text):
    with pytest.raises(ValueError):
        dates.days(text)


def test_on_the_device_interpreter(micropython):
    printed = micropython("""
from lib import dates
print(dates.days("1970-01-01"), dates.days("2028-02-29"), dates.text(dates.days("2036-03-02")))
try:
    dates.days("2027-02-29")
except ValueError as problem:
    print(problem)
""")
    leap = datetime.date(2028, 2, 29).toordinal() - EPOCH
    assert printed.split("\n")[:2] == [f"0 {leap} 2036-03-02", "not a date"]
