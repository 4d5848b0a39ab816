"""CSV as field engineers have it: what is read, and what is refused with the row."""

import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nameplate.errors import USAGE, NameplateError
from nameplate.replay.numbers import Unit, decimal, milli, switch
from nameplate.replay.table import Table
from nameplate.replay.times import parse


def table(text, *args, **kwargs):
    return Table(io.BytesIO(text if isinstance(text, bytes) else text.encode()), "x.csv", *args, **kwargs)


@pytest.mark.parametrize(
    "text, seconds, second_of_day",
    [
        ("2013-12-02 21:15:00", 1386018900, 76500),
        ("2013-12-02T21:15:00Z", 1386018900, 76500),
        ("2013-12-02T22:15:00+01:00", 1386018900, 80100),
        ("2013-12-02 21:15:00.250", 1386018900, 76500),
        ("2013-12-02 21:15", 1386018900, 76500),
        ("1386018900", 1386018900, 76500),
        ("1386018900.75", 1386018900, 76500),
        ("0", 0, 0),
        ("-1.5", -2, 86398),
    ],
)
def test_a_time_is_read_in_any_usual_form(text, seconds, second_of_day):
    moment = parse(text)
    assert (moment.seconds, moment.second_of_day) == (seconds, second_of_day)


@pytest.mark.parametrize(
    "text", ["", "yesterday", "02/03/2026 10:00", "1386018900000", "2013-13-02 00:00:00", "9" * 60]
)
def test_what_is_no_time_is_told(text):
    with pytest.raises(ValueError, match="time"):
        parse(text)


@pytest.mark.parametrize(
    "text, found", [("1", "1"), ("-0.5", "-0.5"), ("1e3", "1E+3"), (" 7. ", "7"), (".25", "0.25")]
)
def test_a_value_is_exact(text, found):
    assert str(decimal(text)) == found


@pytest.mark.parametrize(
    "text", ["", "nan", "NaN", "-inf", "1,5", "twelve", "1e99", "0x10", "1_000", "٣", "1" * 70]
)
def test_what_is_no_value_is_told(text):
    with pytest.raises(ValueError, match="value"):
        decimal(text)


def test_contacts_are_words_or_digits():
    assert [switch(word) for word in ("1", "ON", "open", "wet", "0", "off", "Closed", "dry")] == [
        True
    ] * 4 + [False] * 4
    with pytest.raises(ValueError, match="contact"):
        switch("2")


def test_thousandths_are_rounded():
    assert [milli("4.8126"), milli("-0.0004"), milli("4,5", comma=True)] == [4813, 0, 4500]


def test_the_unit_of_a_series_is_that_of_its_first_value_and_stays():
    unit = Unit()
    assert unit.whole(decimal("0")) == 0
    small = unit.whole(decimal("0.0000000000001"))
    assert small >= 1_000_000
    assert unit.whole(decimal("0.0000000000002")) == 2 * small


def test_columns_are_found_by_name_place_or_as_told():
    assert [row.cells["value"] for row in table("value,timestamp\n1,10\n2,20\n").rows()] == ["1", "2"]
    assert [row.cells["value"] for row in table("when,T1 [C]\n10,1\n").rows()] == ["1"]
    assert [row.cells["value"] for row in table("10,1\n20,2\n").rows()] == ["1", "2"]
    found = table("Date;A;B\n10;1;2,5\n", headings={"value": "b"})
    assert [row.cells["value"] for row in found.rows()] == ["2,5"]
    assert found.comma


def test_marks_of_spreadsheets_and_of_other_systems_are_no_values():
    rows = list(table(b'\xef\xbb\xbftimestamp,value\r\n10,1\r\n\r\n20,"2"\r\n').rows())
    assert [(row.number, row.cells["value"]) for row in rows] == [(2, "1"), (4, "2")]


@pytest.mark.parametrize(
    "text, said",
    [
        ("", "is empty"),
        ("timestamp,a,b\n1,2,3\n", "none of the columns value"),
    ],
)
def test_a_file_without_a_usable_head_is_refused(text, said):
    with pytest.raises(NameplateError, match=said) as refused:
        table(text)
    assert refused.value.exit_code == USAGE and refused.value.hint


def test_a_heading_that_is_not_there_is_refused_with_those_that_are():
    with pytest.raises(NameplateError, match="no column 'x'") as refused:
        table("timestamp,value\n", headings={"value": "x"})
    assert "timestamp, value" in refused.value.hint


@pytest.mark.parametrize(
    "line, said",
    [
        ("20,2,3", "3 columns"),
        ("later,2", "time 'later'"),
        (",2", "no time"),
        ("10,2", "repeats the time of row 2"),
        ("9,2", "earlier than row 2"),
        ("x" * 70000, "too long"),
    ],
)
def test_a_bad_row_says_what_is_wrong_and_the_next_is_read(line, said):
    first, bad, good = table(f"timestamp,value\n10,1\n{line}\n30,3\n").rows()
    assert (bad.number, bad.moment) == (3, None) and said in bad.problem
    assert not first.problem and not good.problem and good.cells["value"] == "3"


def test_rows_after_a_jump_back_are_bad_until_time_has_caught_up():
    rows = table("timestamp,value\n10,1\n5,2\n8,3\n12,4\n").rows()
    assert [bool(row.problem) for row in rows] == [False, True, True, False]


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=300))
def test_any_bytes_are_rows_or_a_refusal(data):
    try:
        found = table(b"timestamp,value\n" + data)
    except NameplateError:
        return
    last = None
    for row in found.rows():
        assert (row.moment is None) == bool(row.problem)
        if row.moment is not None:
            assert last is None or row.moment.ns > last
            last = row.moment.ns
