"""For MicroPython: a scripted life of journal, outbox and chain on littlefs, with the power cut at every flash operation.

One run records each operation and what was promised before it. Then the flash is built up operation by operation, and
booted before each one, and again with that one half done (every other: garbled): what had been promised must be there,
and nothing else may be.
Prints one line of figures; an assertion that fails ends it.
"""

import asyncio
import hashlib
import json

import vfs
from ram_flash import BLOCK, RamFlash, erase, program

from firmware.heartbeat import Chain
from firmware.journal import Journal
from firmware.outbox import EVENT, HEARTBEAT, Outbox
from lib import base64url

BLOCKS = 40
SIZES = {"capacity_bytes": 5 * BLOCK, "token_bytes": 1024}


class Signer:
    """Signs nothing, but makes a token of the payload's bytes, and remembers it."""

    def __init__(self):
        self.made = {}

    async def sign(self, typ, payload):
        text = typ.encode() + b"." + base64url.encode(payload) + b"."
        token = text + base64url.encode(hashlib.sha256(text).digest() * 2)
        made = self.made.setdefault(place(token), [])
        made.append(token)
        assert len(made) == 1, "a number used twice"
        return token


class Unit:
    ueid = "AQIDBAUGBwgJCgsMDQ4PEBE"


class Clock:
    quality = "floor"

    def uptime_s(self):
        return 1

    def unix(self):
        return None


def claims(token):
    return json.loads(base64url.decode(token.split(b".")[1]))


def place(token):
    found = claims(token)
    return found["bootcount"], found["seq"]


def digest(token):
    return base64url.encode(hashlib.sha256(token).digest()[:12]).decode()


def entry(number, boot):
    return b"%d: something happened in boot %d" % (number, boot)


def live(flash, signer):
    """The script. Returns what was promised: lists of (operations until then, what)."""
    stored, sent, logged = [], [], []

    def now():
        return len(flash.log)

    for boot in range(1, 5):
        outbox = Outbox("/flash/data", **SIZES)
        journal = Journal("/flash/data", segments=3, segment_bytes=1024)
        chain = Chain(signer, outbox, Unit, Clock(), boot, '"reset":"power"')
        for step in range(13):
            kind = EVENT if step % 5 == 2 else HEARTBEAT
            token = asyncio.run(chain.emit(kind, '"filler":"' + "x" * (280 + step) + '"'))
            assert token, chain.error
            stored.append((now(), token))
            number = journal.append(entry(journal.next_number, boot), step % 6 == 3)
            if step % 6 == 3:
                logged.append((now(), number))
            if boot in (1, 4) and step % 2 == 0:
                ticket, _, token = outbox.next()
                outbox.done(ticket)
                sent.append((now(), token))
        if boot % 2:
            journal.flush()
            logged.append((now(), journal.next_number - 1))
    return stored, sent, logged


def check(data, operations, signer, promised, go_on):
    """Boot this state of the flash."""
    stored, sent, logged = promised
    flash = RamFlash(BLOCKS, data)
    flash.mount("/cut")
    outbox = Outbox("/cut/data", **SIZES)
    journal = Journal("/cut/data", segments=3, segment_bytes=1024)

    returned = [token for at, token in stored if at <= operations]
    underway = stored[len(returned)][1] if len(returned) < len(stored) else None
    last = returned[-1] if returned else None
    boot = place(last)[0] + 1 if last else 1
    if underway:
        boot = max(boot, place(underway)[0] + 1)

    named = outbox.last_hash()
    named = None if named is None else base64url.encode(named).decode()
    assert named in [None if last is None else digest(last), underway and digest(underway)], "hash"
    added = []
    if go_on:
        chain = Chain(Signer(), outbox, Unit, Clock(), boot, '"reset":"power"')
        added = [asyncio.run(chain.emit(HEARTBEAT, '"filler":1')) for _ in range(2)]
        assert claims(added[0]).get("prev") == named
        vfs.umount("/cut")
        flash.mount("/cut")
        outbox = Outbox("/cut/data", **SIZES)
        assert outbox.last_hash() == hashlib.sha256(added[1]).digest()[:12]

    found = {}
    while True:
        item = outbox.next()
        if item is None:
            break
        where = place(item[2])
        assert where not in found, "twice"
        assert item[2] in (signer.made[where] if where[0] < boot else added), "altered"
        found[where] = item[2]
        outbox.done(item[0])
    if underway and place(underway) in found:
        assert named == digest(underway), "a token is stored whose hash is not the last"
    if go_on:
        assert all(found.get(place(token)) == token for token in added)

    ranges = []
    while outbox.lost():
        ranges += outbox.lost()
        outbox.declared(outbox.lost())
    gone = [token for at, token in sent if at <= operations]
    for token in gone + list(found.values()):
        ranges += claims(token).get("lost", [])
    gone = [place(token) for token in gone]
    for token in returned:
        where = place(token)
        assert (
            found.get(where) == token
            or where in gone
            or any(b == where[0] and first <= where[1] <= end for b, first, end, _ in ranges)
        ), "lost unsaid"
    assert not [r for r in ranges if r[3] != "full"], "damage where there is none"

    highest = -1
    for number, payload in journal.read():
        assert bytes(payload) in [entry(number, b) for b in range(1, 5)], "log altered"
        highest = number
    durable = [number for at, number in logged if at <= operations]
    assert highest >= (durable[-1] if durable else -1), "log lost"
    assert journal.damaged == 0
    vfs.umount("/cut")
    return len(found)


def torn(data, operation, how):
    """Leave part of an operation's work behind."""
    at, new = operation
    if new is None:
        if how == "half":
            erase(data, at, BLOCK // 2)
        else:
            for index in range(at, at + BLOCK, 7):
                data[index] = (index * 37) & 255
    elif how == "half":
        program(data, at, new[: len(new) // 2])
    else:
        garbled = bytearray(new)
        for index in range(len(new) // 3, len(new)):
            garbled[index] |= (index * 29) & 255  # bits that were to be cleared and are not
        program(data, at, garbled)


def main():
    signer = Signer()
    flash = RamFlash(BLOCKS)
    flash.mount("/flash", True)
    base = bytearray(flash.data)
    flash.log = []
    promised = live(flash, signer)
    log = flash.log
    vfs.umount("/flash")
    boots = tokens = 0
    for operations in range(len(log) + 1):
        # No promise is made in the midst of an operation, so those up to the last whole one hold.
        for how in ("whole", "half" if operations % 2 else "garbled"):
            data = bytearray(base)
            if how != "whole":
                if operations == len(log):
                    break
                torn(data, log[operations], how)
            tokens += check(data, operations, signer, promised, operations % 5 == 0)
            boots += 1
        if operations < len(log):
            at, new = log[operations]
            if new is None:
                erase(base, at, BLOCK)
            else:
                program(base, at, new)
    declared = [claims(token)["lost"] for _, token in promised[0] if "lost" in claims(token)]
    print(len(log), boots, tokens, len(declared))


main()
