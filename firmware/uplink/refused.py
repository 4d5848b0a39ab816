"""Counts what came in from the network and was turned away, by reason. Bounded: the reasons are a fixed list."""

REASONS = (
    "oversize",
    "malformed",
    "topic",
    "rate",
    "consent",
    "token",
    "addressee",
    "expired",
    "repeated",
    "method",
)


class Refused:
    """`by` maps a reason to how often it was given; only reasons that were."""

    def __init__(self):
        self.by = {}

    def count(self, reason):
        if reason not in REASONS:
            raise ValueError(reason)
        self.by[reason] = min(self.by.get(reason, 0) + 1, 999999999)

    @property
    def total(self):
        return sum(self.by.values())
