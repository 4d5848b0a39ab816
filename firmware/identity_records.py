"""Reads a unit's records, from NVS or from their mirror, into firmware.identity.Unit. Needed once, at boot."""

from firmware import mirror
from firmware.blob import Damaged
from lib import base64url, strictjson

_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
_DEPTH = 6
_ROLES = ("identity", "update", "pass", "backend")


def fill(unit, nvs):
    """Make `unit` what `nvs` and the mirror say, or refuse it with the reason. Raises nothing."""
    try:
        unit.dev = nvs.get_i32("dev") == 1
    except OSError:
        unit.dev = False
    try:
        _part("unit", nvs, unit, _read_unit)
        _part("binding", nvs, unit, _read_binding)
        _part("identity", nvs, unit, _read_identity)
    except Damaged as reason:
        unit.refuse(str(reason))
        return
    try:
        _part("anchors", nvs, unit, _read_anchors)
    except Damaged as reason:
        unit.anchors_damage = str(reason)
    unit.provisioned = True
    unit.damage = None


def _part(name, nvs, unit, reader):
    try:
        reader(unit, mirror.read(nvs, name))
    except Damaged as reason:
        raise Damaged(f"{name}: {reason}")
    except Exception as problem:  # noqa: BLE001 - memory, or a shape nobody thought of: the agent must boot
        raise Damaged(f"{name}: {type(problem).__name__}")


def _read_unit(unit, payload):
    claims = _json(payload)
    ueid = _text(claims, "ueid")
    if len(ueid) != 23 or _bytes(ueid, "ueid")[0] != 1:
        raise Damaged("ueid malformed")
    key = _bytes(_text(claims, "key"), "key")
    if len(key) != 32 or not 0 < int.from_bytes(key, "big") < _ORDER:
        raise Damaged("key out of range")
    unit.oemid = _oemid(claims)
    unit.key_origin = _text(claims, "key_origin")
    unit.broker_user = _text(claims, "broker_user")
    unit.broker_secret = _text(claims, "broker_secret")
    unit.ueid = ueid
    unit.key = key


def _read_binding(unit, payload):
    claims = _payload(payload)
    _same_unit(unit, claims)
    unit.hwmodel = _text(claims, "hwmodel")
    cnf = claims.get("cnf")
    unit.cnf = _point(cnf.get("jwk") if isinstance(cnf, dict) else None)


def _read_identity(unit, payload):
    claims = _payload(payload)
    _same_unit(unit, claims)
    for name in ("serial", "model", "model_name", "oem", "made"):
        _text(claims, name)
    version = claims.get("hwversion")
    if not isinstance(version, list) or not all(isinstance(part, str) for part in version):
        raise Damaged("hwversion malformed")
    unit.hwversion = version
    unit.model = claims["model"]
    unit.serial = claims["serial"]


def _read_anchors(_, payload):
    stored = _json(payload)
    for role in _ROLES:
        keys = stored.get(role, [])
        if not isinstance(keys, list) or len(keys) > 2:
            raise Damaged(f"{role} keys malformed")
        for key in keys:
            _text(key, "kid")
            _point(key)


def _same_unit(unit, claims):
    if claims.get("ueid") != unit.ueid:
        raise Damaged("is another unit's")
    if _oemid(claims) != unit.oemid:
        raise Damaged("is another maker's")


def _payload(compact):
    parts = compact.split(b".")
    if len(parts) != 3:
        raise Damaged("not a token")
    return _json(_bytes(parts[1], "token"))


def _json(payload):
    try:
        value = strictjson.loads(payload, _DEPTH)
    except ValueError as reason:
        raise Damaged(f"not JSON, {reason}")
    if not isinstance(value, dict):
        raise Damaged("not a JSON object")
    return value


def _text(claims, name):
    value = claims.get(name) if isinstance(claims, dict) else None
    if not isinstance(value, str) or not value:
        raise Damaged(f"{name} missing")
    return value


def _oemid(claims):
    value = claims.get("oemid")
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise Damaged("oemid malformed")
    return value


def _bytes(text, name):
    try:
        return base64url.decode(text)
    except ValueError:
        raise Damaged(f"{name} not base64url")


def _point(jwk):
    point = _bytes(_text(jwk, "x"), "x") + _bytes(_text(jwk, "y"), "y")
    if len(point) != 64:
        raise Damaged("public key malformed")
    return point
