"""What is known of every fault of the model: one small state machine each, its state in a row of cells of one array.

A fault is known by its place in the profile's list. CLEAR -> SUSPECTED -> CONFIRMED -> RECOVERING -> CLEAR; back from
SUSPECTED to CLEAR, and from RECOVERING to CONFIRMED. Leaks are stepped by firmware.diagnosis.leak with every sample, all
others by the rare firmware.diagnosis.judge. Texts are not here: firmware.diagnosis.catalogue reads them from flash.

The first cells of each row, whatever its rule. A leak counts milliseconds, up to 12 days; all others count seconds:
    0 STATE   bits 0 and 1 the state; OLD and SILENCED beside it
    1 SINCE   uptime in seconds at which it was first suspected; below 0 before this start of the unit
    2 TIMER   suspected: beyond the limit without a break; recovering: well without a break
    3 TIMES   how often it was ever confirmed
    4 WINDOW  since it was first suspected
    5 KNOWN   of WINDOW: the readings it rests on were known
    6 FOR     of KNOWN: beyond the limit, or wet
From HEAD on they are the rule's own, as firmware.diagnosis.rules lays them out.
"""

CLEAR = 0
SUSPECTED = 1
CONFIRMED = 2
RECOVERING = 3
STATES = 3
# Known from before this start, and since then neither seen again nor seen to be over. It does not sound.
OLD = 4
# A sensor it rests on is faulty: what stood before stays known, nothing new is raised.
SILENCED = 8

STATE = 0
SINCE = 1
TIMER = 2
TIMES = 3
WINDOW = 4
KNOWN = 5
FOR = 6
HEAD = 7

ALARM = 2  # of the severities 0 (notice), 1 (warning), 2


class Faults:
    """`codes`: the codes, in the profile's order; `starts`: where each one's row begins in `cells`, an array("i");
    `severities`: bytes, 0 (notice), 1 (warning) or ALARM for each."""

    def __init__(self, codes, severities, starts, cells):
        self._codes = "".join(codes)
        self.starts = starts
        self.cells = cells
        self._severities = severities
        self._order = bytes(sorted(range(len(codes)), key=lambda index: -severities[index]))
        self.rules = None  # the file of the rules, as long as there are any
        self.failures = 0  # of rules, since the start
        self.changed = False  # a fault was confirmed or cleared since the state was last stored

    @property
    def codes(self):
        """The codes, three letters each, in the profile's order; a new list."""
        return [self._codes[at : at + 3] for at in range(0, len(self._codes), 3)]

    def state(self, index):
        """CLEAR, SUSPECTED, CONFIRMED or RECOVERING."""
        return self.cells[self.starts[index]] & STATES

    def flags(self, index):
        """OLD and SILENCED, as far as they hold."""
        return self.cells[self.starts[index]] & ~STATES

    def silenced(self, index):
        """Whether a sensor that it rests on is faulty."""
        return bool(self.cells[self.starts[index]] & SILENCED)

    def severity(self, index):
        """0 (notice), 1 (warning) or ALARM."""
        return self._severities[index]

    def since(self, index):
        """Uptime in seconds when it was first suspected; below 0 before this start."""
        return self.cells[self.starts[index] + SINCE]

    def active(self):
        """The places of those that are confirmed or recovering, the worst first."""
        return [index for index in self._order if self.state(index) >= CONFIRMED]

    def sounding(self):
        """Whether the alarm is to sound: for an alarm that was seen since this start."""
        for index in self.active():
            if self._severities[index] == ALARM and not self.flags(index) & OLD:
                return True
        return False
