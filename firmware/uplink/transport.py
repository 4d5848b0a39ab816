"""A stream to the broker: the name resolved, TCP connected, TLS shaken hands over where the URL asks for it.

Nothing blocks, everything has a deadline, and what fails is a LinkError in plain words. Needed while connecting, and
forgotten after: nothing that lives on may be made of a class of this module.
"""

import asyncio

from micropython import const

from firmware.uplink.address import parse
from firmware.uplink.mqtt import LinkError
from lib import rare

_CONNECT_MS = const(10000)
_TLS_BYTES = const(28672)  # a session takes 27 KB, its handshake some more


async def connect(url, resolver, nvs, clock, watch, memory=None):
    """(stream, whether a certificate of ours named us). ValueError for a URL that cannot be used.

    Over TLS the first byte of MQTT has gone ahead: TLS is shaken hands over by writing, and each connection begins alike.
    `watch.suspected` puts off what blocks the loop. `memory()`, where it is known, is what the chip has left for TLS: with
    too little, mbedTLS would fail somewhere, and name something else as the reason.
    """
    host, port, secure = parse(url)
    if not secure:
        return await _reach(await _address(resolver, host), port), False
    if memory and memory() < _TLS_BYTES:
        raise LinkError("no memory (TLS)")
    from firmware.uplink import tls

    try:
        context, named = tls.context(nvs)
        stream = await _reach(await _address(resolver, host), port)
        return asyncio.StreamWriter(await tls.shake(context, stream, host, clock, watch)), named
    finally:
        rare.forget(("firmware.uplink.tls",))


async def _address(resolver, host):
    try:
        return await resolver.resolve(host)
    except OSError as error:
        raise LinkError(str(error))


async def _reach(address, port):
    try:
        stream = (await asyncio.wait_for_ms(asyncio.open_connection(address, port), _CONNECT_MS))[0]
        early = stream.s.read(1)  # raises what became of the connection; a broker never speaks first
    except asyncio.TimeoutError:  # noqa: UP041 - MicroPython has no other
        raise LinkError("broker does not answer")
    except OSError as error:
        raise LinkError(f"broker not reached ({error.args[0] if error.args else '?'})")
    if early is not None:
        stream.s.close()
        raise LinkError("malformed packet" if early else "broker closed the connection")
    return stream
