"""A unit's life on a whole flash: what is provisioned into it, one boot of it, and the receiver who must never see two units."""

import hashlib
import json
from types import SimpleNamespace

from firmware import blob, boots, first_token, identity, mirror
from firmware.outbox import Outbox
from firmware.settings import Settings
from nameplate.factory.mirror_image import mirror_files
from nameplate.token import mint
from nameplate.token.order import Order

MAKER = mint.private_key(bytes(31) + b"\x09")
SETTINGS = {
    "wifi_ssid": "Kitchen", "wifi_psk": "correct horse", "broker_url": "mqtt://10.0.0.2:1883", "period_s": 60,
    "consent": "full", "ack": "broker",
}  # fmt: skip
CLONE = {"same-number", "forked-prev", "clone-branch", "number-seen"}


def _dump(claims):
    return json.dumps(claims, separators=(",", ":")).encode()


def records(board=1, key=7, **settings):
    """NVS key to payload of a unit; `board` makes its name, `key` its key."""
    ueid = mint.encode(bytes([1]) + bytes([board]) * 16)
    private = mint.private_key(bytes(31) + bytes([key]))
    binding = mint.binding_payload(
        ueid=ueid, key=private, oemid=12345, model="KF-320", key_origin="host", iat=1795600000
    )
    paper = mint.identity_payload(
        ueid=ueid, oemid=12345, oem="Acme", serial=f"S-{board}", model="KF-320", name="fridge-freezer", revision="C",
        made="2026-03-02", warranty=[{"part": "parts", "months": 24, "until": "2028-03-02"}],
        support_until="2036-03-02", report_url="https://example.com", iat=1795600000,
    )  # fmt: skip
    own = {
        "ueid": ueid, "key": mint.encode(mint.private_scalar(private)), "oemid": 12345, "broker_user": ueid,
        "broker_secret": f"secret-{board}-{key}", "key_origin": "host",
    }  # fmt: skip
    anchors = {role: [mint.anchor(MAKER)] for role in ("identity", "update", "pass", "backend")}
    return {
        "unit": _dump(own),
        "binding": mint.sign("binding", binding, MAKER).encode(),
        "identity": mint.sign("identity", paper, MAKER).encode(),
        "anchors": _dump({**anchors, "number": 1}),
        "settings": _dump({**SETTINGS, **settings}),
    }


UNIT = records()


def provision(chip, unit=UNIT, mirrored=True, dev=False, bootcount=0):
    """As the factory does: NVS anew, and the mirror, unless the file system is left as it was."""
    chip.erase_nvs()
    fails, chip.nvs_fails = chip.nvs_fails, False
    with chip.powered() as nvs:
        for key, payload in unit.items():
            nvs.set_blob(key, blob.pack(payload))
        nvs.set_i32("bootcount", bootcount)
        if dev:
            nvs.set_i32("dev", 1)
    chip.nvs_fails = fails
    if mirrored:
        chip.change_files(lambda files: _put_all(files, mirror_files(unit, dev=dev)))


def _put_all(files, contents):
    if "mirror" not in files.listdir("/data"):
        files.mkdir("/data/mirror")
    for path, content in contents.items():
        with files.open(path, "wb") as file:
            file.write(content)


def in_nvs(chip):
    """The payloads in NVS."""
    return {key: value[7:] for key, value in chip.nvs_contents().items() if isinstance(value, bytes)}


def in_files(chip):
    """The mirror's files by name, without what was half written."""
    found = {}

    def read(files):
        for name in files.listdir("/data/mirror"):
            if not name.endswith("~"):
                with files.open(f"/data/mirror/{name}", "rb") as file:
                    found[name] = file.read()

    chip.change_files(read)
    return found


def write_file(chip, name, data):
    """Put `data` into a file of the mirror, in place. OSError where it has no room."""

    def write(files):
        with files.open(f"/data/mirror/{name}", "wb") as file:
            file.write(data)

    chip.change_files(write)


class Receiver:
    """Takes every token that ever left, in that order, as one unit's."""

    def __init__(self):
        self.order = Order()
        self.numbers = {}
        self.made = {}
        self.ram_boots = 0

    def take(self, token):
        number, digest, prev = self.made[token]
        assert self.numbers.setdefault(number, token) == token, f"{number} used twice"
        code = self.order.judge(number, digest, prev).code
        assert code not in CLONE, (number, code)


def boot(chip, receiver=None, tokens=2, cut=None):
    """One start, as firmware.app and firmware.build order it, and the tokens it sends. Cut where `cut` says so."""
    with chip.powered(cut) as nvs:
        settings = Settings(nvs)
        unit = identity.load(nvs)
        if unit.provisioned:
            unit.check_key(mint.public_point(mint.private_key(unit.key)))
        told = mirror.mend(nvs) if unit.provisioned else []
        outbox = Outbox("/data/outbox", capacity_bytes=16384)
        bootcount = None
        if unit.provisioned:
            bootcount, more = boots.count(nvs, outbox)
            told += more
        speaks = bootcount is not None and first_token.continues(outbox, nvs, bootcount)
        if speaks and receiver is not None:
            receiver.ram_boots += not outbox.persistent
            _send(receiver, outbox, bootcount, tokens)
        return SimpleNamespace(
            unit=unit, settings=settings, told=told, bootcount=bootcount, speaks=speaks, nvs=nvs,
            stored=outbox.persistent, binding=unit.binding, identity=unit.identity,
        )  # fmt: skip


def _send(receiver, outbox, bootcount, tokens):
    _flush(receiver, outbox)
    seq = 0
    for _ in range(tokens):
        prev = outbox.last_hash()
        token = b"%d/%d/%d" % (bootcount, seq, len(receiver.made))
        receiver.made[token] = ((bootcount, seq), hashlib.sha256(token).digest(), prev)
        try:
            outbox.put("heartbeat", bootcount, seq, token)
        except OSError:
            continue
        seq += 1
        _flush(receiver, outbox)


def _flush(receiver, outbox):
    while found := outbox.next():
        receiver.take(found[2])
        outbox.done(found[0])
