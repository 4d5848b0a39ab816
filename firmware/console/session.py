"""One caller at a console: bytes in, answers out, whatever carries them.

A line that starts with { or [ is taken as JSON-RPC 2.0, any other as a person's command. Every complete line that is
not empty gets one answer, and nothing a caller sends can raise, grow a buffer or end the session. A response is never
answered (an echoing line would talk to itself), nor is a request without an id.
"""

import gc

from firmware.console.commands import Commands
from firmware.console.methods import INVALID_PARAMS, Methods, RpcError
from lib import strictjson
from lib.lines import TOO_LONG, Lines

LIMIT = 512
DEPTH = 5
_PARSE = -32700
_INVALID = -32600
_INTERNAL = -32603
_END = b"\r\n"
_BIGGEST_ID = 9007199254740991
# Ready made: there may be no room to make them when they are needed.
_LONG_LINE = b"? line longer than 512 bytes: ignored\r\n"
_LONG_REQUEST = b'{"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"longer than 512 bytes"}}\r\n'
_NO_MEMORY = b"? out of memory: try again\r\n"
_NO_MEMORY_RPC = b'{"jsonrpc":"2.0","id":null,"error":{"code":-32603,"message":"out of memory"}}\r\n'
_FAILED = b"? that failed inside; it has been counted\r\n"


class Gone(Exception):
    """Nobody takes the answer: raised by a carrier's write, ends this answer and nothing else."""


class Session:
    """`write(data)` is a coroutine that sends bytes, or raises Gone. `carrier`: "serial" or "ble".

    `answered` counts lines answered, `refused` those answered with an error, `failures` exceptions inside a command,
    of which `last_failure` is the newest's type.
    """

    def __init__(self, view, write, carrier):
        self._write = write
        self._lines = Lines(LIMIT)
        self._commands = Commands(view)
        self._methods = Methods(view, carrier)
        self.answered = 0
        self.refused = 0
        self.failures = 0
        self.last_failure = None

    async def feed(self, data):
        """Take bytes as they come, and answer the lines that they complete. Never raises an Exception."""
        for byte in data:
            try:
                line = self._lines.push(byte)
                if line is not None:
                    await self._answer(line)
            except MemoryError:  # not even room for the line, or for the call
                gc.collect()
                self.failures += 1
                self.last_failure = "MemoryError"

    async def _answer(self, line):
        if line is TOO_LONG:
            return await self._plain(_LONG_REQUEST if self._lines.head() in b"{[" else _LONG_LINE)
        json = False
        try:
            text = line.strip()
            json = text[:1] in (b"{", b"[")
            if json:
                await self._request(text)
            elif text:
                await self._command(text)
        except Gone:
            pass
        except MemoryError:
            gc.collect()
            self.failures += 1
            self.last_failure = "MemoryError"
            await self._plain(_NO_MEMORY_RPC if json else _NO_MEMORY)
        except Exception as problem:  # noqa: BLE001 - no command may end the session
            self.failures += 1
            self.last_failure = type(problem).__name__
            await self._plain(_FAILED)

    async def _plain(self, answer):
        self.refused += 1
        try:
            await self._write(answer)
        except Gone:
            pass

    # People

    async def _command(self, text):
        words = _words(text)
        if words is None:
            return await self._plain(b"? plain letters only: try help\r\n")
        if not words or words[0].startswith("?"):
            return None
        first = True
        for answer in self._commands.run(words):
            if first:
                self.answered += 1
                self.refused += answer.startswith("?")
                first = False
            await self._write(answer.encode() + _END)
        return None

    # Programs

    async def _request(self, text):
        identifier = "null"
        wanted = True
        try:
            request = _parse(text)
            if _is_response(request):
                return
            wanted = "id" in request if isinstance(request, dict) else True
            identifier = _identifier(request)
            method, params = _checked(request)
        except RpcError as problem:
            return await self._error(identifier, problem.code, str(problem))
        begun = False
        try:
            pieces = await self._methods.call(method, params)
            if not wanted:
                return
            await self._write(f'{{"jsonrpc":"2.0","id":{identifier},"result":'.encode())
            begun = True
            for piece in pieces:
                await self._write(piece.encode())
            await self._write(b"}\r\n")
            self.answered += 1
        except RpcError as problem:
            if wanted:
                await self._error(identifier, problem.code, str(problem))
        except Gone:
            raise
        except Exception as problem:  # noqa: BLE001 - the caller is told under its own id where there is room
            gc.collect()
            self.failures += 1
            self.last_failure = type(problem).__name__
            if begun:
                await self._write(_END)
            if wanted or begun:
                reason = "out of memory" if isinstance(problem, MemoryError) else "failed inside"
                await self._error(identifier, _INTERNAL, reason)

    async def _error(self, identifier, code, message):
        self.refused += 1
        # The messages are ours: plain words with nothing to escape.
        text = f'{{"jsonrpc":"2.0","id":{identifier},"error":{{"code":{code},"message":"{message}"}}}}\r\n'
        await self._write(text.encode())


def _parse(text):
    try:
        return strictjson.loads(text, DEPTH)
    except ValueError as reason:
        raise RpcError(_PARSE, f"not JSON: {reason}")


def _is_response(request):
    return (
        isinstance(request, dict) and "method" not in request and ("result" in request or "error" in request)
    )


def _identifier(request):
    """The request's id as JSON text."""
    if not isinstance(request, dict):
        raise RpcError(_INVALID, "one request a line: no batches")
    identifier = request.get("id")
    if identifier is None:
        return "null"
    if isinstance(identifier, int) and not isinstance(identifier, bool):
        if -_BIGGEST_ID <= identifier <= _BIGGEST_ID:
            return str(identifier)
    elif isinstance(identifier, str) and 1 <= len(identifier) <= 40 and _is_plain(identifier):
        return f'"{identifier}"'
    raise RpcError(_INVALID, "id must be a whole number, null, or 1 to 40 plain letters")


def _is_plain(text):
    return all(32 <= ord(letter) < 127 and letter not in '"\\' for letter in text)


def _checked(request):
    if request.get("jsonrpc") != "2.0":
        raise RpcError(_INVALID, "jsonrpc must be 2.0")
    for name in request:
        if name not in ("jsonrpc", "id", "method", "params"):
            raise RpcError(_INVALID, "a request has jsonrpc, id, method and params only")
    method = request.get("method")
    if not isinstance(method, str):
        raise RpcError(_INVALID, "method missing")
    params = request.get("params", {})
    if not isinstance(params, dict):
        raise RpcError(INVALID_PARAMS, "params go by name")
    return method, params


def _words(text):
    """The words of a typed line, its backspaces applied; None when it holds anything but plain letters."""
    typed = []
    for byte in text:
        if byte in (8, 127):
            if typed:
                typed.pop()
        elif byte == 9:
            typed.append(" ")
        elif not 32 <= byte < 127:
            return None
        else:
            typed.append(chr(byte))
    return "".join(typed).split()
