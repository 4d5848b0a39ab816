"""What others may know of the uplink: where it is in a few words, what left last, when the broker was last reached."""


class LinkStatus:
    """`word`: the uplink's own state. `sent`: the (topic, token) that left last, or None.

    `network`: has `up` and `state`; None where there is no uplink at all. `refused`: how many messages that came in were
    turned away, by reason.
    """

    def __init__(self, network, uptime_s, word="starting"):
        self._network = network
        self._uptime_s = uptime_s
        self._reached = None
        self.refused = {}
        self.word = word
        self.sent = None

    @property
    def state(self):
        """In a few words, for people: the network's trouble where there is no network, else the broker's."""
        return self.word if self._network is None or self._network.up else self._network.state

    def reached(self):
        """The broker has just acknowledged something."""
        self._reached = self._uptime_s()

    def reached_s(self):
        """Seconds since the broker last acknowledged anything, or None."""
        return None if self._reached is None else self._uptime_s() - self._reached
