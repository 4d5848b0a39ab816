"""One caller at a console: bytes in, answers out, whatever carries them.

A line that starts with { or [ is taken as JSON-RPC 2.0, any other as a person's command. Every complete line that is
not empty gets one answer, and nothing a caller sends can raise, grow a buffer or end the session. A response is never
answered (an echoing line would talk to itself), nor is a request without an id.
The interpreters behind it are loaded by the first line that needs them and forgotten when `rest` is called.
"""

import gc

from lib import rare
from lib.lines import TOO_LONG, Lines

LIMIT = 512
_END = b"\r\n"
_RARE = (
    "firmware.console.commands", "firmware.console.commands_sensors", "firmware.console.commands_faults",
    "firmware.console.commands_explain", "firmware.console.lines", "firmware.console.requests",
    "firmware.console.methods", "firmware.console.methods_diagnosis", "firmware.console.facts", "lib.strictjson",
    "firmware.warranty", "lib.dates", "firmware.diagnosis.catalogue", "firmware.selftest",
)  # fmt: skip
# Ready made: there may be no room to make them when they are needed.
_LONG_LINE = b"? line longer than 512 bytes: ignored\r\n"
_LONG_REQUEST = b'{"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"longer than 512 bytes"}}\r\n'
_NO_MEMORY = b"? out of memory: try again\r\n"
_NO_MEMORY_RPC = b'{"jsonrpc":"2.0","id":null,"error":{"code":-32603,"message":"out of memory"}}\r\n'
_FAILED = b"? that failed inside; it has been counted\r\n"
_NOT_PLAIN = b"? plain letters only: try help\r\n"


class Gone(Exception):
    """Nobody takes the answer: raised by a carrier's write, ends this answer and nothing else."""


class Session:
    """`write(data)` is a coroutine that sends bytes, or raises Gone. `carrier`: "serial" or "ble". `pause(ms)` is one
    that waits that long, and says whether the caller has written something meanwhile.

    `answered` counts lines answered, `refused` those answered with an error, `failures` exceptions inside a command,
    of which `last_failure` is the newest's type, `dropped` answers, or ends of answers, that nobody took. `gone`: what
    `write` raises then, for those who do without this module.
    """

    gone = Gone

    def __init__(self, view, write, carrier, pause):
        self.view = view
        self.write = write
        self.pause = pause
        self.carrier = carrier
        self._lines = Lines(LIMIT)
        self._loaded = None  # or which interpreter is: True for JSON-RPC
        self.answered = 0
        self.refused = 0
        self.failures = 0
        self.dropped = 0
        self.last_failure = None

    async def feed(self, data):
        """Take bytes as they come, and answer the lines that they complete. Never raises an Exception."""
        for byte in data:
            try:
                line = self._lines.push(byte)
                if line is not None:
                    await self._answer(line)
            except MemoryError as problem:  # not even room for the line, or for the call
                self.fail(problem)

    def rest(self):
        """Nobody has asked for a while: give back what the answers needed."""
        if self._loaded is not None:
            self._loaded = None
            rare.forget(_RARE)

    def fail(self, problem):
        """Count an exception inside a command."""
        self.failures += 1
        self.last_failure = type(problem).__name__
        gc.collect()

    async def _answer(self, line):
        if line is TOO_LONG:
            return await self._plain(_LONG_REQUEST if self._lines.head() in b"{[" else _LONG_LINE)
        json = False
        try:
            text = line.strip()
            json = text[:1] in (b"{", b"[")
            if self._loaded is not json:
                self.rest()  # room for one interpreter, not for both
            self._loaded = json
            if json:
                from firmware.console import requests

                await requests.answer(self, text)
            elif text:
                await self._command(text)
        except Gone:
            self.dropped += 1
        except MemoryError as problem:
            self.rest()  # an import that failed halfway would stay as half a module
            self.fail(problem)
            await self._plain(_NO_MEMORY_RPC if json else _NO_MEMORY)
        except Exception as problem:  # noqa: BLE001 - no command may end the session
            self.rest()
            self.fail(problem)
            await self._plain(_FAILED)

    async def _plain(self, answer):
        self.refused += 1
        try:
            await self.write(answer)
        except Gone:
            self.dropped += 1

    async def _command(self, text):
        from firmware.console import commands

        words = commands.words(text)
        if words is None:
            return await self._plain(_NOT_PLAIN)
        # Our own errors start with a question mark; an echo of one is not answered.
        if not words or words[0].startswith("?"):
            return None
        first = True
        said = None
        answers = commands.run(self.view, words)
        try:
            while True:
                answer = answers.send(said)
                said = None
                if isinstance(answer, int):  # a pause in ms, for what measures or repeats
                    said = await self.pause(answer)
                    continue
                if first:
                    self.answered += 1
                    self.refused += answer.startswith("?")
                    first = False
                await self.write(answer.encode() + _END)
        except StopIteration:
            return None
        finally:
            answers.close()
