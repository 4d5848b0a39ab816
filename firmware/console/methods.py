"""The console's JSON-RPC methods. Each takes its params by name and gives the text of its result, in pieces.

Results that cannot be large are made in one piece; a log is read from flash piece by piece while it is sent.
"""

import json

from firmware import version, warranty
from firmware.console import facts
from firmware.reply import Busy, Unsigned, is_nonce, not_provisioned
from lib import rare

INVALID_PARAMS = -32602
NO_METHOD = -32601
NOT_PROVISIONED = -32001
BUSY = -32002
NOT_PRESENT = -32003
NOT_KNOWN = -32004
UNREADABLE = -32005

HELP = (
    ("read", "binding, identity and a signed reply over {nonce}"),
    ("id", "who this appliance is"),
    ("warranty", "cover by part, today"),
    ("sensors", "readings with their quality"),
    ("faults", "faults with their evidence; all states with {all}"),
    ("explain", "what {code} means, in {lang}; all codes without"),
    ("selftest", "test what can be tested from here"),
    ("sent", "the last bytes that left"),
    ("log", "journal records, newest or from {from}"),
    ("consent", "what may leave; {value} changes it"),
    ("version", "firmware, chip, uptime, clock"),
    ("help", "this list"),
)
LOOKED_UP = ("nonce", "from", "value", "code", "lang", "all")
_PARAMS = {"log": ("from",), "consent": ("value",), "explain": ("code", "lang"), "faults": ("all",)}


class RpcError(Exception):
    """An error for the caller: `code` and a message in plain words."""

    def __init__(self, code, message):
        super().__init__(message)
        self.code = code


async def call(view, carrier, method, params):
    """The result as an iterable of text; RpcError when there is none. `carrier` goes into what is signed."""
    if method == "read":
        return await _read(view, carrier, **_only(params, "nonce"))
    if method not in _METHODS:
        raise RpcError(NO_METHOD, "no such method: try help")
    return _METHODS[method](view, **_only(params, *_PARAMS.get(method, ())))


async def _read(view, carrier, nonce=None):
    if not is_nonce(nonce):
        raise RpcError(INVALID_PARAMS, "nonce must be 11 to 88 letters of base64url")
    unit = view.unit
    rare.forget(("lib.strictjson",))  # a signature needs the room
    try:
        reply = await view.replies.read(nonce, carrier)
    except Busy:
        raise RpcError(BUSY, "busy: answering others, ask again")
    except Unsigned as reason:
        raise RpcError(NOT_PROVISIONED, str(reason))
    return (
        '{"binding":"', unit.binding.decode(), '","identity":"', unit.identity.decode(),
        '","reply":"', reply.decode(), '"}',
    )  # fmt: skip


def _claims(view):
    unit = view.unit
    if not unit.provisioned:
        raise RpcError(NOT_PROVISIONED, not_provisioned(unit))
    return unit.claims


def _id(view):
    claims = _claims(view)
    names = (
        "serial", "model", "model_name", "oem", "oemid", "made", "hwversion", "ueid", "support_until",
        "report_url",
    )  # fmt: skip
    return _json({name: claims.get(name) for name in names})


def _warranty(view):
    claims = _claims(view)
    parts = warranty.records(claims, view.clock)
    for part in parts:
        part["words"] = warranty.words(part)
    return _json({"start": claims.get("start"), "parts": parts})


def _sensors(view):
    from firmware.console import methods_diagnosis

    return methods_diagnosis.sensors(view)


def _faults(view, **params):
    from firmware.console import methods_diagnosis

    every = params.get("all", False)
    if not isinstance(every, bool):
        raise RpcError(INVALID_PARAMS, "all must be true or false")
    return methods_diagnosis.faults(view, every)


def _explain(view, code=None, lang="en"):
    from firmware.diagnosis import catalogue

    if not catalogue.is_language(lang):
        raise RpcError(INVALID_PARAMS, "lang must be two small letters")
    if code is None:
        return _codes(catalogue.titles(lang), catalogue.languages())
    if not catalogue.is_code(code):
        raise RpcError(INVALID_PARAMS, "code must be a capital letter and two digits")
    entry, problem = catalogue.find(code, lang)
    if entry is not None:
        return _json(entry)
    if problem:
        raise RpcError(UNREADABLE, f"catalogue {lang}: {problem}")
    raise RpcError(NOT_KNOWN, "no such code on this model: explain without params lists them")


def _codes(titles, languages):
    problems = []
    yield '{"codes":['
    comma = ""
    for code, title in titles:
        if code is None:
            problems.append(title)
        else:
            yield comma + json.dumps({"code": code, "title": title})
            comma = ","
    yield '],"languages":' + json.dumps(languages) + ',"problems":' + json.dumps(problems) + "}"


def _selftest(view):
    from firmware import selftest

    return _tests(selftest.run(view))


def _tests(results):
    yield '{"tests":['
    comma = ""
    for result in results:
        if isinstance(result, int):
            yield result
        else:
            part, verdict, text = result
            yield comma + json.dumps({"part": part, "verdict": verdict, "measured": text})
            comma = ","
    yield "]}"


def _sent(view):
    sent = view.uplink.sent
    claims = {"topic": None}
    if view.uplink.refused:
        claims["refused"] = view.uplink.refused
    if sent is None:
        return _json(claims)
    claims["topic"], token = sent
    claims["token"] = token.decode()
    payload = facts.payload_of(token)
    text = json.dumps(claims, separators=(",", ":"))
    return (text[:-1], ',"payload":', payload, "}") if payload else (text,)


def _log(view, **params):
    first = params.get("from")
    if first is not None and (not isinstance(first, int) or isinstance(first, bool) or first < 0):
        raise RpcError(INVALID_PARAMS, "from must be a record number")
    return _log_text(view, first)


def _log_text(view, first):
    yield '{"records":['
    comma = ""
    for number, text in facts.records(view, first):
        yield comma + json.dumps({"n": number, "text": text})
        comma = ","
    yield f'],"next":{view.journal.next_number}}}'


def _consent(view, value=None):
    before = view.settings.consent
    if value is not None:
        try:
            facts.set_consent(view, value)
        except facts.Refused as reason:
            raise RpcError(NOT_PRESENT, str(reason))
        except ValueError as reason:
            raise RpcError(INVALID_PARAMS, str(reason))
    return _json({"consent": view.settings.consent, "changed": before != view.settings.consent})


def _version(view):
    return _json({
        "firmware": version.VERSION, "built": version.BUILT, "chip": view.chip, "dev": view.unit.dev,
        "uptime": view.clock.uptime_s(), "clock": view.clock.quality, "provisioned": view.unit.provisioned,
    })  # fmt: skip


def _help(view):
    return _json({"methods": [{"method": name, "does": does} for name, does in HELP]})


def _only(params, *names):
    for name in params:
        if name not in names:
            # Not the name itself: it is a stranger's text.
            raise RpcError(INVALID_PARAMS, "takes " + (" ".join(names) or "no params") + " only")
    return params


def _json(value):
    return (json.dumps(value, separators=(",", ":")),)


_METHODS = {
    "id": _id, "warranty": _warranty, "sensors": _sensors, "faults": _faults,
    "explain": _explain, "selftest": _selftest, "sent": _sent, "log": _log,
    "consent": _consent, "version": _version, "help": _help,
}  # fmt: skip
