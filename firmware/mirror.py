"""The second copy of who this unit is: files that mend NVS, and that NVS mends. Needed at the start and after a change.

The port erases NVS when it finds it unusable, so each record lies in a file too. NVS is written first, and wins wherever
it is whole. A file speaks for what NVS has lost, unless a record that NVS still has says that the files are another
unit's. Records that belong together share a file, which is replaced in one step; a mark binds every file to the unit's
own record. So what is read is old or new, and never half of each.
A record that is no longer wanted is stored empty: were it erased, it would come back from here.
"""

import binascii
import os

from firmware import blob
from firmware.blob import Damaged

DIRECTORY = "/data/mirror"
OUTBOX = "/data/outbox"
# The unit's own comes first. Its `dev` is a number in NVS, and a byte or nothing here.
SETS = (
    ("unit", ("unit", "binding", "identity", "anchors", "dev")),
    ("settings", ("settings",)),
    ("broker", ("broker_ca", "broker_cert", "broker_key")),
)
_MARK = b"NPM1"  # then the unit's mark, each record behind its length (2 bytes), the CRC-32 of all that
_LIMIT = 8192
_TRIES = 4


def read(nvs, key, limit=blob.LIMIT):
    """The payload of `key`, from NVS or from its file; Damaged with the reason why NVS has it not. A payload in NVS
    of more than `limit` bytes counts as damaged."""
    try:
        return blob.read(nvs, key, limit)
    except Damaged as reason:
        payload = _kept(nvs, key)
        if not payload:
            raise reason
        return payload


def mend(nvs):
    """Make NVS and files whole and alike, for a unit that is provisioned. Returns what there is to tell, in lines."""
    told = []
    try:
        _mend(nvs, told)
    except Exception as problem:  # noqa: BLE001 - memory, or a shape nobody thought of: the agent must boot
        told.append(f"mirror not looked after: {problem!r}")
    return told


def keep(nvs, name):
    """Bring the file of the set `name` up to what was just written to NVS. Returns whether it is."""
    keys = dict(SETS)[name]
    wanted = []
    try:
        mark = _mark(blob.read(nvs, "unit"))
    except Damaged:
        return False  # nobody's
    for key in keys:
        try:
            wanted.append(_get(nvs, key))
        except Damaged:
            wanted.append(b"")
    try:
        _write(name, mark, wanted)
        return True
    except OSError:
        try:
            os.remove(DIRECTORY + "/" + name)  # better none than one that is no longer true
        except OSError:
            pass
        return False


def put(name, data):
    """Replace a file here in one step; OSError leaves the old one."""
    path = DIRECTORY + "/" + name
    try:
        os.mkdir(DIRECTORY)
    except OSError:
        pass  # it is there, or the next line says why not
    with open(path + "~", "wb") as file:
        file.write(data)
    os.rename(path + "~", path)


def get(name, limit):
    """The bytes of a file here, at most `limit`; empty when there is none."""
    try:
        with open(DIRECTORY + "/" + name, "rb") as file:
            size = min(file.seek(0, 2), limit)  # read() takes room for all it is asked for
            file.seek(0)
            return file.read(size)
    except OSError:
        return b""


def _mend(nvs, told):
    kept = _load("unit")
    if _another(nvs, kept):
        # Its tokens first: were they to stay, they would be sent as ours.
        _empty(OUTBOX)
        _empty(DIRECTORY)
        kept = []
        told.append("mirror was another unit's: replaced, its tokens given up")
    mark = None
    for name, keys in SETS:
        if mark:
            kept = _load(name, mark)
        wanted = []
        restored = []
        for at in range(len(keys)):
            try:
                payload = _get(nvs, keys[at])
            except Damaged as reason:
                payload = kept[at] if kept else b""
                if payload:
                    restored.append(f"{keys[at]} ({reason})")
                    try:
                        _set(nvs, keys[at], payload)
                    except OSError as error:
                        restored.append(f"not kept, {error!r}")
            wanted.append(payload)
        if restored:
            told.append("mended from the mirror: " + ", ".join(restored))
        mark = mark or _mark(wanted[0])
        if wanted != kept and (kept or any(wanted)):
            try:
                _write(name, mark, wanted)
                told.append(f"mirror of {name} mended")
            except OSError as error:
                told.append(f"mirror of {name} not written: {error!r}")


def _kept(nvs, key):
    unit = _load("unit")
    if _another(nvs, unit):
        return None
    if not unit:
        try:
            unit = [blob.read(nvs, "unit")]
        except Damaged:
            return None
    for name, keys in SETS:
        if key in keys:
            found = _load(name, _mark(unit[0]))
            return found[keys.index(key)] if found else None
    return None


def _another(nvs, kept):
    """Whether a record of NVS says that the file with the records `kept` was written for another unit, or another key."""
    for at in range(3 if kept else 0):
        try:
            if blob.read(nvs, SETS[0][1][at]) != kept[at]:
                return True
        except Damaged:
            pass
    return False


def _load(name, mark=None):
    """The records of a set; none of them when the file is missing, damaged, or does not bear `mark`."""
    data = get(name, _LIMIT)
    end = len(data) - 4
    if data[:4] != _MARK or end < 8 or binascii.crc32(memoryview(data)[:end]) != _number(data, end, 4):
        return []
    if mark and data[4:8] != mark:
        return []
    found = []
    at = 8
    while at < end:
        size = _number(data, at, 2)
        found.append(data[at + 2 : at + 2 + size])
        at += 2 + size
    keys = dict(SETS)[name]
    return found if at == end and len(found) == len(keys) else []


def _write(name, mark, records):
    data = _MARK + mark + b"".join([len(record).to_bytes(2, "little") + record for record in records])
    put(name, data + binascii.crc32(data).to_bytes(4, "little"))


def _number(data, at, size):
    return int.from_bytes(data[at : at + size], "little")


def _mark(unit):
    return binascii.crc32(unit).to_bytes(4, "little")


def _get(nvs, key):
    if key != "dev":
        return blob.read(nvs, key)
    number = nvs.get_i32(key)
    if number is None:
        raise Damaged("missing")
    return b"\1" if number == 1 else b""


def _set(nvs, key, payload):
    # What is written over a damaged spot of flash is damaged too, and the next try lands elsewhere.
    for _ in range(_TRIES):
        if key == "dev":
            nvs.set_i32(key, 1)
        else:
            nvs.set_blob(key, blob.pack(payload))
        nvs.commit()
        try:
            if _get(nvs, key) == payload:
                return
        except Damaged:
            pass
    raise OSError("damaged again")


def _empty(directory):
    try:
        names = os.listdir(directory)
    except OSError:
        return
    for name in names:
        if name != "boots":  # the board's, whoever it is
            try:
                os.remove(directory + "/" + name)
            except OSError:
                pass
