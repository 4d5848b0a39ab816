"""Names to addresses, without stalling anybody: the port's own getaddrinfo holds every task for up to twenty seconds.

What stays in memory is a handful of answers; everything else is in firmware.uplink.dns_query.
"""

import time

from lib import rare


class Resolver:
    """`server()` gives the name server's IPv4 address as text, or None while there is none.

    `known`: (host, address, milliseconds that it holds, ticks when it was told) of a few hosts, oldest first.
    """

    def __init__(self, server, ticks=time, port=53):
        self.server = server
        self.ticks = ticks
        self.port = port
        self.known = []

    async def resolve(self, host):
        """The IPv4 address of `host` as text, within five seconds. An OSError whose text says why there is none."""
        from firmware.uplink import dns_query

        try:
            return await dns_query.resolve(self, host)
        finally:
            rare.forget(("firmware.uplink.dns_query",))
