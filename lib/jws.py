"""Signing compact JWS (RFC 7515). Tokens are made in lib.p256_sign, which is in memory only while it is used, and read in
lib.jws_verify.
"""

import asyncio

from lib import rare

_CODE = ("lib.p256_sign", "lib.p256")
_PAUSE_S = 1


class Curve:
    """The arithmetic of P-256, and the file of its table: in memory only while somebody works `async with` it.

    Tokens come in bursts: it is forgotten a second or two after the last.
    """

    def __init__(self, comb_path):
        self.comb_path = comb_path
        self._users = 0
        self._used = False
        self._leaving = None

    async def __aenter__(self):
        self._users += 1
        self._used = True

    async def __aexit__(self, *_):
        self._users -= 1
        if self._leaving is None:
            self._leaving = asyncio.create_task(self._leave())

    async def _leave(self):
        try:
            while self._users or self._used:
                self._used = False
                await asyncio.sleep(_PAUSE_S)
            rare.forget(_CODE)
        finally:
            self._leaving = None

    async def run(self, steps, gives_way=False):
        """Take the steps of some work to their end, letting other tasks run between two, and return its value.

        Work that gives way rests while there is other work: a signature is waited for, a verification is not.
        """
        while True:
            if not gives_way or self._users == 1:
                try:
                    next(steps)
                except StopIteration as done:
                    return done.value
            await asyncio.sleep(0)


class Signer:
    """One private key. Signatures are made one at a time, in slices between which other tasks run.

    Making one reads the key's own public half from the curve. Raises OSError for a damaged table, ValueError for no key.
    """

    def __init__(self, curve, key):
        from lib import p256_sign

        self._curve = curve
        self._key = key
        self._lock = asyncio.Lock()
        self.public = p256_sign.public_of(curve.comb_path, key)
        self.kid = p256_sign.thumbprint(self.public)

    async def sign(self, typ, payload):
        """The compact token, as bytes, of the payload's bytes and the whole `typ` of its header."""
        async with self._lock, self._curve:
            from lib import p256_sign

            steps = p256_sign.token_steps(self._curve.comb_path, self._key, self.kid, typ, payload)
            return await self._curve.run(steps)
