"""Heartbeats and events: numbered, chained to the token before, signed and stored.

Numbers and `prev` are taken in one piece of work under a lock, so two tokens never share a number and every token names
the one stored just before it. What a token says is put into words in firmware.claims.
"""

import asyncio


class Chain:
    """Makes the tokens of one boot. `first`: claims for its first token only, from firmware.first_token.

    `clock` has uptime_s(), unix() and quality; `watch`, set by firmware.build, `suspected`. `error` is the last failure to
    store, None once one succeeds.
    """

    def __init__(self, signer, outbox, unit, clock, bootcount, first):
        self._signer = signer
        self._outbox = outbox
        self._ueid = unit.ueid
        self._clock = clock
        self._bootcount = bootcount
        self._first = first
        self.writing = asyncio.Lock()
        self.watch = None
        self.seq = 0  # of the next token
        self.error = None

    async def emit(self, kind, claims):
        """Sign and store a token of `kind` ("heartbeat" or "event") with these claims, and return it.

        Returns None when it could not be signed or stored: then it is not sent, and its number goes to the next token.
        """
        async with self.writing:
            try:
                from firmware.claims import payload

                lost = self._outbox.lost()
                text = payload(
                    kind, self._ueid, self._bootcount, self.seq, self._outbox.last_hash(), self._clock,
                    "" if self.seq else self._first, claims, lost,
                )  # fmt: skip
                # The code that signs is loaded for it: with no memory left, or a bad read, the token is for a later try.
                token = await self._signer.sign("nameplate-" + kind + "+jwt", text.encode())
                # A leak is confirmed before flash is erased, which stops everything; that takes two seconds at most.
                for _ in range(100):
                    if not self.watch or not self.watch.suspected:
                        break
                    await asyncio.sleep_ms(20)
                self._outbox.put(kind, self._bootcount, self.seq, token, lost)
            except (OSError, ValueError, MemoryError, ImportError) as error:
                self.error = "a token could not be made: " + (str(error) or type(error).__name__)
                return None
            self.seq += 1
            self.error = None
            await asyncio.sleep(0)  # let others run before anybody writes again: see firmware.agent
            return token
