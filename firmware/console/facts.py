"""What people and programs are told alike: log records, what was sent, consent."""

from lib import base64url

RECORDS = 20
CONSENT = {
    "full": "readings, faults and state leave",
    "minimum": "faults and state leave, readings stay here",
    "off": "nothing leaves",
}


class Refused(Exception):
    """Not without somebody at the appliance; the text says what to do."""


def set_consent(view, value):
    """Change consent; Refused when nobody is at the appliance, ValueError when there is no such consent."""
    settings = view.settings
    if value == settings.consent:
        return
    # Known words only, before anybody is asked to press a button.
    if not isinstance(value, str) or value not in CONSENT:
        raise ValueError("consent is full, minimum or off")
    if not view.presence.here:
        raise Refused("press the button on the appliance, then ask again within 60 s")
    settings.set("consent", value)
    view.note(f"consent {value}, by someone at the appliance")


def records(view, first=None):
    """At most 20 (number, text) of the journal: the newest, or those from number `first` on."""
    if first is None:
        first = max(0, view.journal.next_number - RECORDS)
    left = RECORDS
    for number, payload in view.journal.read(first):
        yield number, printable(payload)
        left -= 1
        if not left:
            return


def printable(data, limit=160):
    """Bytes as plain text: what is no printable ASCII letter becomes a dot, and a long record is cut."""
    text = "".join([chr(byte) if 32 <= byte < 127 else "." for byte in data[:limit]])
    return text + " ..." if len(data) > limit else text


def payload_of(token):
    """The payload text of a compact token (bytes), or None when it is not one."""
    parts = token.split(b".")
    try:
        return base64url.decode(parts[1]).decode() if len(parts) == 3 else None
    except ValueError:
        return None
