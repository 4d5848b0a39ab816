"""Timestamps as recorders write them: ISO 8601 with a blank or a T, or Unix seconds."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime

NANO = 1_000_000_000
_DAY_S = 86_400
_NUMBER = re.compile(r"-?[0-9]{1,15}(\.[0-9]{1,12})?\Z")
_UNIX_LIMIT = 100_000_000_000  # the year 5138; what is larger was counted in thousandths
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LONGEST = 40


@dataclass(frozen=True)
class Moment:
    """`ns` since 1970, to order by; `second_of_day` on the clock that the recorder showed, to know morning from night."""

    ns: int
    second_of_day: int

    @property
    def seconds(self) -> int:
        """Whole seconds since 1970."""
        return self.ns // NANO


def parse(text: str) -> Moment:
    """The moment that a cell names. A time without a zone is taken as it stands, as if it were UTC.

    Raises ValueError with a sentence for people.
    """
    text = text.strip()
    if _NUMBER.match(text):
        return _unix(text)
    if not text:
        raise ValueError("it has no time")
    try:
        found = datetime.fromisoformat(text) if len(text) <= _LONGEST else None
    except ValueError:
        found = None
    if found is None:
        raise ValueError(f"its time {text[:_LONGEST]!r} is not understood")
    clock = found.hour * 3600 + found.minute * 60 + found.second
    aware = found if found.tzinfo else found.replace(tzinfo=UTC)
    since = aware - _EPOCH
    whole = since.days * _DAY_S + since.seconds
    return Moment(whole * NANO + since.microseconds * 1000, clock)


def _unix(text: str) -> Moment:
    whole, _, fraction = text.lstrip("-").partition(".")
    ns = int(whole) * NANO + int((fraction + "000000000")[:9])
    if int(whole) >= _UNIX_LIMIT:
        raise ValueError(f"its time {text} is too large for Unix seconds: divide milliseconds by 1000")
    if text.startswith("-"):
        ns = -ns
    return Moment(ns, ns // NANO % _DAY_S)
