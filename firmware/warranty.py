"""What the warranty covers today, part by part, as far as the clock lets anyone say.

Terms come from the signed identity: {"part", "months", "until": "YYYY-MM-DD"}. A part is covered up to and including
that day, UTC. "covered" needs a clock that is set; "expired" needs only proof that the day has passed, which a floor
gives; anything else is the date, and that the clock is not known.
"""

from lib import dates

COVERED = "covered"
EXPIRED = "expired"
UNKNOWN = "clock unknown"
NO_DATE = "no date"


def records(claims, clock):
    """One dict per part: "part", "state" (see above) and, where the terms give one, "until"."""
    terms = claims.get("warranty")
    if not isinstance(terms, list):
        return []
    return [_record(term, clock) for term in terms if isinstance(term, dict)]


def words(record):
    """One record in words."""
    state = record["state"]
    if state == COVERED:
        return f"covered until {record['until']}"
    if state == EXPIRED:
        return f"expired {record['until']}"
    if state == UNKNOWN:
        return f"ends {record['until']}, clock unknown"
    return "no date given"


def lines(claims, clock):
    """The warranty as lines for people: "parts: covered until 2028-03-02"."""
    return [f"{record['part']}: {words(record)}" for record in records(claims, clock)] or [
        "no warranty terms given"
    ]


def _record(term, clock):
    part = term.get("part")
    record = {"part": part if isinstance(part, str) and part else "unnamed part"}
    until = term.get("until")
    try:
        last_day = dates.days(until)
    except ValueError:
        record["state"] = NO_DATE
        return record
    record["until"] = until
    now = clock.unix()
    if now is not None:
        record["state"] = COVERED if now // 86400 <= last_day else EXPIRED
    else:
        record["state"] = EXPIRED if clock.floor // 86400 > last_day else UNKNOWN
    return record
