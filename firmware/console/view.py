"""What a console may see of the agent and do to it: one object that every carrier's session shares.

Nothing in this folder reads the key, the broker's secret or the Wi-Fi password, so no command can show them.
"""

from lib import base64url

RECORDS = 20
CONSENT = {
    "full": "readings, faults and state leave",
    "minimum": "faults and state leave, readings stay here",
    "off": "nothing leaves",
}


class Refused(Exception):
    """Not without somebody at the appliance; the text says what to do."""


class View:
    """`unit`, `settings`, `clock`, `station`, `watch`, `replies`, `presence`: the parts of that name.

    `journal`: read(first) and next_number. `uplink`: `state`, reached_s(), and `sent`, the (topic, token) that left last
    or None. `waiting()`: tokens in the outbox. `note(text)` keeps a line in the journal and
    never raises. `chip`: the board's.
    """

    def __init__(
        self, unit, settings, clock, station, watch, journal, uplink, waiting, replies, presence, note, chip
    ):
        self.unit = unit
        self.settings = settings
        self.clock = clock
        self.station = station
        self.watch = watch
        self.journal = journal
        self.uplink = uplink
        self.waiting = waiting
        self.replies = replies
        self.presence = presence
        self.note = note
        self.chip = chip

    def set_consent(self, value):
        """Change consent; Refused when nobody is at the appliance, ValueError when there is no such consent."""
        settings = self.settings
        if value == settings.consent:
            return
        # Known words only, before anybody is asked to press a button.
        if not isinstance(value, str) or value not in CONSENT:
            raise ValueError("consent is full, minimum or off")
        if not self.presence.here:
            raise Refused("press the button on the appliance, then ask again within 60 s")
        settings.set("consent", value)
        self.note(f"consent {value}, by someone at the appliance")

    def records(self, first=None):
        """At most 20 (number, text) of the journal: the newest, or those from number `first` on."""
        if first is None:
            first = max(0, self.journal.next_number - RECORDS)
        left = RECORDS
        for number, payload in self.journal.read(first):
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
