"""A name looked up: what is known of it, or one question over UDP (RFC 1035) and what may be believed of the answer.

An answer counts only if it comes from the server asked, carries our number and our question, and leads from the name
asked, over aliases if need be, to an address that an appliance can connect to. Anything else is passed over, so that a
forger has to guess the number before the server answers. Needed when connecting, and forgotten after.
"""

import asyncio
import os
import socket

_KEPT = 3
_POLL_MS = 20
_SEND_AT_MS = (0, 1000, 2500)
_DEADLINE_MS = 5000
_MESSAGE_BYTES = 512
_LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789-_"
# What a message may make us do: a hostile one must not hold the loop.
_RECORDS = 20
_ALIASES = 8
_LABELS = 24
_JUMPS = 8
_TYPE_A = 1
_TYPE_CNAME = 5
_NO_SUCH_NAME = 3
_SHORTEST_S = 30
_LONGEST_S = 3600


class DnsError(OSError):
    """A name that could not be resolved; the text says why in plain words."""


class NoAnswer(DnsError):
    """Nothing that can be believed came in time, or the server cannot help now."""


async def resolve(resolver, host):
    """The IPv4 address of `host`, for a firmware.uplink.dns.Resolver. DnsError where there is none to be had.

    An address that is out of date is used where no server answers any more.
    """
    if host == "localhost":
        return "127.0.0.1"
    if is_ipv4(host):
        return host
    ticks = resolver.ticks
    known = None
    for entry in resolver.known:
        if entry[0] == host:
            known = entry
    if known and 0 <= ticks.ticks_diff(ticks.ticks_ms(), known[3]) < known[2]:
        return known[1]
    try:
        address, seconds = await ask(resolver.server(), resolver.port, host, ticks)
    except NoAnswer:
        if known:
            return known[1]
        raise
    except ValueError as error:
        raise DnsError(error.args[0])
    others = [entry for entry in resolver.known if entry[0] != host]
    resolver.known = others[1 - _KEPT :] + [(host, address, seconds * 1000, ticks.ticks_ms())]
    return address


def is_ipv4(host):
    """Whether this is an address already: four numbers with dots."""
    parts = host.split(".")
    return len(parts) == 4 and all(
        0 < len(part) <= 3 and all(digit in "0123456789" for digit in part) and int(part) < 256
        for part in parts
    )


async def ask(server, port, host, ticks):
    """(address of `host`, seconds that it holds). NoAnswer as above; ValueError for a name that there is not."""
    if not server:
        raise NoAnswer("DNS: no name server")
    name = pack_name(host)
    query = os.urandom(2) + b"\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00" + name + b"\x00\x01\x00\x01"
    peer = socket.getaddrinfo(server, port)[0][-1]
    why = "DNS: no answer"
    sent = 0
    started = ticks.ticks_ms()
    line = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        line.setblocking(False)
        while True:
            waited = ticks.ticks_diff(ticks.ticks_ms(), started)
            if waited >= _DEADLINE_MS:
                raise NoAnswer(why)
            if sent < len(_SEND_AT_MS) and waited >= _SEND_AT_MS[sent]:
                sent += 1
                try:
                    line.sendto(query, peer)
                except OSError as error:
                    why = f"DNS: not sent ({error.args[0]})"
            try:
                answer, source = line.recvfrom(_MESSAGE_BYTES)
            except OSError:  # nothing there yet
                await asyncio.sleep_ms(_POLL_MS)
                continue
            if source == peer and is_answer(answer, query):
                if not answer[3] & 15:
                    return address_in(answer, len(query), name)
                if answer[3] & 15 == _NO_SUCH_NAME:
                    raise ValueError("DNS: no such name")
                why = f"DNS: server fails ({answer[3] & 15})"
            await asyncio.sleep_ms(0)  # a flood of wrong answers gets no more of the loop than any other task
    finally:
        line.close()


def pack_name(host):
    """The name as it stands in a message; ValueError for one that cannot be."""
    packed = b""
    for label in host.lower().rstrip(".").split("."):
        if not 0 < len(label) < 64 or not all(letter in _LETTERS for letter in label):
            raise ValueError("DNS: not a name")
        packed += bytes((len(label),)) + label.encode()
    if len(packed) > 254:
        raise ValueError("DNS: not a name")
    return packed + b"\0"


def is_answer(answer, query):
    """Whether this answers our question: number, kind of message, and the question itself."""
    return (
        len(answer) >= len(query)
        and answer[:2] == query[:2]
        and answer[2] & 0xF8 == 0x80  # a response to a standard query
        and answer[4:6] == b"\0\1"
        and answer[12 : len(query)].lower() == query[12:]
    )


def address_in(message, at, name):
    """(address, seconds) for `name` in the answers, which begin at `at`. ValueError where there is none."""
    records = _records(message, at)
    shortest = _LONGEST_S
    for _ in range(_ALIASES):
        alias = None
        for owner, kind, seconds, data, size in records:
            if owner != name:
                continue
            if kind == _TYPE_A and size == 4 and _is_usable(message[data]):
                address = ".".join([str(number) for number in message[data : data + 4]])
                return address, max(_SHORTEST_S, min(shortest, seconds))
            if kind == _TYPE_CNAME and alias is None:
                try:
                    alias = read_name(message, data)[0]
                except (IndexError, ValueError):
                    break  # cut or damaged: it leads nowhere
                shortest = min(shortest, seconds)
        if alias is None:
            break
        name = alias
    raise ValueError("DNS: no address")


def _records(message, at):
    # (owner, type, seconds, where its data is, how long that is) of each answer that is whole.
    found = []
    try:
        for _ in range(min(message[6] << 8 | message[7], _RECORDS)):
            owner, at = read_name(message, at)
            size = message[at + 8] << 8 | message[at + 9]
            if at + 10 + size > len(message):
                break
            if message[at + 2 : at + 4] == b"\0\1":
                seconds = 0 if message[at + 4] & 0x80 else int.from_bytes(message[at + 4 : at + 8], "big")
                found.append((owner, message[at] << 8 | message[at + 1], seconds, at + 10, size))
            at += 10 + size
    except (IndexError, ValueError):
        pass  # cut or damaged: what came before it stands
    return found


def read_name(message, at):
    """(a name in full and in small letters, where it ends). IndexError or ValueError for one that is damaged."""
    name = b""
    end = None
    jumps = 0
    for _ in range(_LABELS + _JUMPS):
        size = message[at]
        if size >= 0xC0:
            end = end or at + 2
            jumps += 1
            at = (size & 0x3F) << 8 | message[at + 1]
            if jumps > _JUMPS:
                raise ValueError("loop")
        elif size > 63 or len(name) + size > 254:
            raise ValueError("label")
        else:
            label = message[at : at + 1 + size]
            if len(label) <= size:
                raise IndexError("cut")
            name += label.lower()
            at += 1 + size
            if not size:
                return name, end or at
    raise ValueError("labels")


def _is_usable(first):
    # No way out leads to an address that begins with 0, 127, or with 224 and above.
    return 0 < first < 224 and first != 127
