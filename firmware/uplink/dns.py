"""Names to addresses, without stalling anybody: the port's own getaddrinfo holds every task for up to twenty seconds.

What stays in memory is a handful of answers; asking is firmware.uplink.dns_query, loaded when a name is not known.
"""

import time

from lib import rare

_KEPT = 3
_RARE = ("firmware.uplink.dns_query",)


class DnsError(OSError):
    """A name that could not be resolved; the text says why in plain words."""


class Resolver:
    """`server()` gives the name server's IPv4 address as text, or None while there is none."""

    def __init__(self, server, ticks=time, port=53):
        self._server = server
        self._ticks = ticks
        self._port = port
        self._known = []  # (host, address, milliseconds it holds, ticks when it was told), oldest first

    async def resolve(self, host):
        """The IPv4 address of `host` as text, within five seconds. DnsError where there is none to be had.

        An address that is out of date is used where no server answers any more.
        """
        if host == "localhost":
            return "127.0.0.1"
        from firmware.uplink import dns_query

        try:
            if dns_query.is_ipv4(host):
                return host
            known = None
            for entry in self._known:
                if entry[0] == host:
                    known = entry
            ticks = self._ticks
            if known and 0 <= ticks.ticks_diff(ticks.ticks_ms(), known[3]) < known[2]:
                return known[1]
            try:
                address, seconds = await dns_query.ask(self._server(), self._port, host, ticks)
            except dns_query.NoAnswer as error:
                if known:
                    return known[1]
                raise DnsError(error.args[0])
            except ValueError as error:
                raise DnsError(error.args[0])
            others = [entry for entry in self._known if entry[0] != host]
            self._known = others[1 - _KEPT :] + [(host, address, seconds * 1000, ticks.ticks_ms())]
            return address
        finally:
            rare.forget(_RARE)
