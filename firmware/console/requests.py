"""One JSON-RPC 2.0 request: checked, carried out, answered in one line."""

from firmware.console import methods
from firmware.console.methods import INVALID_PARAMS, RpcError

DEPTH = 5
_PARSE = -32700
_INVALID = -32600
_INTERNAL = -32603
_BIGGEST_ID = 9007199254740991


async def answer(session, text):
    """Answer one line that starts with { or [; `session.gone` when nobody takes the answer."""
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
        return await _error(session, identifier, problem.code, str(problem))
    begun = False
    try:
        pieces = await methods.call(session.view, session.carrier, method, params)
        if not wanted:
            return
        await session.write(f'{{"jsonrpc":"2.0","id":{identifier},"result":'.encode())
        begun = True
        for piece in pieces:
            if isinstance(piece, int):  # a pause in ms
                await session.pause(piece)
                continue
            await session.write(piece.encode())
        await session.write(b"}\r\n")
        session.answered += 1
    except RpcError as problem:
        if wanted:
            await _error(session, identifier, problem.code, str(problem))
    except session.gone:
        raise
    except Exception as problem:  # noqa: BLE001 - the caller is told under its own id where there is room
        session.fail(problem)
        if begun:
            await session.write(b"\r\n")
        if wanted or begun:
            reason = "out of memory" if isinstance(problem, MemoryError) else "failed inside"
            await _error(session, identifier, _INTERNAL, reason)


async def _error(session, identifier, code, message):
    session.refused += 1
    # The messages are ours: plain words with nothing to escape.
    text = f'{{"jsonrpc":"2.0","id":{identifier},"error":{{"code":{code},"message":"{message}"}}}}\r\n'
    await session.write(text.encode())


def _parse(text):
    from lib import strictjson  # lib.rare may have taken it away: see methods

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
