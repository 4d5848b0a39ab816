"""The console's JSON-RPC methods. Each takes its params by name and gives the text of its result, in pieces.

Results that cannot be large are made in one piece; a log is read from flash piece by piece while it is sent.
"""

import json

from firmware import version, warranty
from firmware.console.view import Refused, payload_of
from firmware.reply import Busy, Unsigned, is_nonce, not_provisioned
from lib import senml

INVALID_PARAMS = -32602
NO_METHOD = -32601
NOT_PROVISIONED = -32001
BUSY = -32002
NOT_PRESENT = -32003

HELP = (
    ("read", "binding, identity and a signed reply over {nonce}"),
    ("id", "who this appliance is"),
    ("warranty", "cover by part, today"),
    ("sensors", "readings with their quality"),
    ("faults", "confirmed faults with their evidence"),
    ("sent", "the last bytes that left"),
    ("log", "journal records, newest or from {from}"),
    ("consent", "what may leave; {value} changes it"),
    ("version", "firmware, chip, uptime, clock"),
    ("help", "this list"),
)
_NAMES = [name for name, _ in HELP]
_PARAMS = {"log": ("from",), "consent": ("value",)}


class RpcError(Exception):
    """An error for the caller: `code` and a message in plain words."""

    def __init__(self, code, message):
        super().__init__(message)
        self.code = code


class Methods:
    """The methods over one View; `carrier` ("serial", "ble") goes into what is signed."""

    def __init__(self, view, carrier):
        self._view = view
        self._carrier = carrier

    async def call(self, method, params):
        """The result as an iterable of text; RpcError when there is none."""
        if method == "read":
            return await self._read(**_only(params, "nonce"))
        if method not in _NAMES:
            raise RpcError(NO_METHOD, "no such method: try help")
        return getattr(self, "_" + method)(**_only(params, *_PARAMS.get(method, ())))

    async def _read(self, nonce=None):
        if not is_nonce(nonce):
            raise RpcError(INVALID_PARAMS, "nonce must be 11 to 88 letters of base64url")
        unit = self._view.unit
        try:
            reply = await self._view.replies.read(nonce, self._carrier)
        except Busy:
            raise RpcError(BUSY, "busy: answering others, ask again")
        except Unsigned as reason:
            raise RpcError(NOT_PROVISIONED, str(reason))
        return (
            '{"binding":"', unit.binding.decode(), '","identity":"', unit.identity.decode(),
            '","reply":"', reply.decode(), '"}',
        )  # fmt: skip

    def _claims(self):
        unit = self._view.unit
        if not unit.provisioned:
            raise RpcError(NOT_PROVISIONED, not_provisioned(unit))
        return unit.claims

    def _id(self):
        claims = self._claims()
        names = (
            "serial", "model", "model_name", "oem", "oemid", "made", "hwversion", "ueid", "support_until",
            "report_url",
        )  # fmt: skip
        return _json({name: claims.get(name) for name in names})

    def _warranty(self):
        claims = self._claims()
        parts = warranty.records(claims, self._view.clock)
        for part in parts:
            part["words"] = warranty.words(part)
        return _json({"start": claims.get("start"), "parts": parts})

    def _sensors(self):
        readings = self._view.station.readings()
        facts = [
            {"name": reading.name, "quality": reading.quality, "ohm": reading.ohm} for reading in readings
        ]
        return '{"senml":', senml.pack(readings), ',"sensors":', json.dumps(facts), "}"

    def _faults(self):
        return _json({
            "faults": [
                {
                    "fault": fault.code, "state": fault.state, "since": fault.since, "text": fault.text,
                    "evidence": fault.evidence(), "next": fault.next_step, "part": fault.part,
                }
                for fault in self._view.watch.active()
            ]
        })  # fmt: skip

    def _sent(self):
        sent = self._view.uplink.sent
        if sent is None:
            return ('{"topic":null}',)
        topic, token = sent
        payload = payload_of(token)
        facts = json.dumps({"topic": topic, "token": token.decode()}, separators=(",", ":"))
        return (facts[:-1], ',"payload":', payload, "}") if payload else (facts,)

    def _log(self, **params):
        first = params.get("from")
        if first is not None and (not isinstance(first, int) or isinstance(first, bool) or first < 0):
            raise RpcError(INVALID_PARAMS, "from must be a record number")
        return self._log_text(first)

    def _log_text(self, first):
        yield '{"records":['
        comma = ""
        for number, text in self._view.records(first):
            yield comma + json.dumps({"n": number, "text": text})
            comma = ","
        yield f'],"next":{self._view.journal.next_number}}}'

    def _consent(self, value=None):
        before = self._view.settings.consent
        if value is not None:
            try:
                self._view.set_consent(value)
            except Refused as reason:
                raise RpcError(NOT_PRESENT, str(reason))
            except ValueError as reason:
                raise RpcError(INVALID_PARAMS, str(reason))
        return _json(
            {"consent": self._view.settings.consent, "changed": before != self._view.settings.consent}
        )

    def _version(self):
        view = self._view
        return _json({
            "firmware": version.VERSION, "built": version.BUILT, "chip": view.chip, "dev": view.unit.dev,
            "uptime": view.clock.uptime_s(), "clock": view.clock.quality, "provisioned": view.unit.provisioned,
        })  # fmt: skip

    def _help(self):
        return _json({"methods": [{"method": name, "does": does} for name, does in HELP]})


def _only(params, *names):
    for name in params:
        if name not in names:
            # Not the name itself: it is a stranger's text.
            raise RpcError(INVALID_PARAMS, "takes " + (" ".join(names) or "no params") + " only")
    return params


def _json(value):
    return (json.dumps(value, separators=(",", ":")),)
