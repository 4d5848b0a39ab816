"""The panel's lines that are made of words: what is wrong and what to do, and the warranty. Loaded when they change."""

from firmware import warranty as terms
from firmware.diagnosis.catalogue import entry
from lib.wrap import wrap

COLUMNS = 20


def fault(code):
    """Up to four lines on a fault: what it is, what to do; or one, its code, where the catalogue does not tell."""
    found = entry(code)
    if found is None:
        return [warning(code)]
    return [warning(found["title"])] + wrap(found["next"] or "see the manual", COLUMNS)[:3]


def warranty(claims, clock):
    """What the warranty covers, in one line."""
    for record in terms.records(claims, clock):
        state = record["state"]
        if state == terms.COVERED:
            return f"Warranty {record['until']}"
        if state == terms.EXPIRED:
            return f"Expired  {record['until']}"
        if state == terms.UNKNOWN:
            return f"Ends {record['until']} (?)"
    return "Warranty: no date"


def warning(text):
    """A fault in one line: "! WATER IN BASE PAN"; without its articles where that makes it fit."""
    line = "! " + text.upper()
    if len(line) > COLUMNS:
        line = " ".join([word for word in line.split(" ") if word not in ("THE", "A", "AN")])
    return line[:COLUMNS]
