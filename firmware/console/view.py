"""What a console may see of the agent and do to it: one object that every carrier's session shares.

Nothing in this folder reads the key, the broker's secret or the Wi-Fi password, so no command can show them.
"""


class View:
    """`unit`, `settings`, `clock`, `station`, `watch`, `replies`, `presence`: the parts of that name.

    `journal`: read(first) and next_number. `uplink`: `state`, reached_s(), and `sent`, the (topic, token) that left last
    or None. `waiting()`: tokens in the outbox. `note(text)` keeps a line in the journal and
    never raises. `chip`: the board's. `board`, `display` (or None) and `writing`, the lock of whoever writes to flash, are
    what a self-test looks at; `tested`: uptime in seconds when one last wrote to flash, or None.
    """

    def __init__(
        self, unit, settings, clock, station, watch, journal, uplink, waiting, replies, presence, note, chip, board,
        display, writing,
    ):  # fmt: skip
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
        self.board = board
        self.display = display
        self.writing = writing
        self.tested = None
