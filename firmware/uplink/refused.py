"""Counts what came in from the network and was turned away, by reason. Bounded: the reasons are words of our own."""


class Refused:
    """`by` maps a reason to how often it was given; only reasons that were."""

    def __init__(self):
        self.by = {}

    def count(self, reason):
        self.by[reason] = min(self.by.get(reason, 0) + 1, 999999999)
