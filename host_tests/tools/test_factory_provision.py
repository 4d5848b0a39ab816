"""One unit: what lies in its flash, what the register keeps, and that no crash leaves half of either."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import os
import shlex
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Callable
from dataclasses import fields, replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from joserfc import jws
from joserfc.jwk import ECKey, KeySet

from host_tests.factory_fixtures import UNIT
from host_tests.tools import base_builds
from nameplate.cli import main
from nameplate.errors import NameplateError
from nameplate.factory import nvs_image, partitions
from nameplate.factory.littlefs_image import FileSystem
from nameplate.factory.mirror_image import mirror_files
from nameplate.factory.provision import Unit, provision
from nameplate.factory.registry import Registry
from nameplate.factory.request import ProvisionRequest, read_unit_file
from nameplate.sim.nvs_pages import Storage
from nameplate.token import schemas
from nameplate.token.trust import Trust
from nameplate.token.verifier import Verifier

ROOT = Path(__file__).resolve().parents[2]
STEPS = ("checked", "entered", "written", "renamed", "done")


class Flash:
    """Just enough of a flash chip for the simulator's NVS to read a partition."""

    def __init__(self, data: bytes) -> None:
        self.data = bytearray(data)

    def read(self, address: int, size: int) -> bytes:
        return bytes(self.data[address : address + size])

    def program(self, address: int, data: bytes) -> None:
        for at, byte in enumerate(data, address):
            self.data[at] &= byte

    def erase(self, address: int, size: int) -> None:
        self.data[address : address + size] = b"\xff" * size


def nvs_of(unit: Unit) -> dict[str, int | bytes]:
    """The unit's NVS as the simulator's own reader of IDF pages finds it."""
    storage = Storage(Flash(unit.path.read_bytes()), partitions.NVS.offset, partitions.NVS.size)
    contents = storage.contents()
    assert list(contents) == ["nameplate"]
    return contents["nameplate"]


def record(unit: Unit, key: str) -> bytes:
    blob = nvs_of(unit)[key]
    assert isinstance(blob, bytes)
    return nvs_image.unframe(blob)


def claims(token: str | bytes, trust: Path) -> dict[str, Any]:
    """The payload of a token that another library has verified with the trust file's identity keys."""
    keys = [key for key in json.loads(trust.read_bytes())["keys"] if key["role"] == "identity"]
    names = ("kty", "crv", "x", "y", "kid")
    known = KeySet([ECKey.import_key({name: key[name] for name in names}) for key in keys])
    checked = jws.deserialize_compact(token, known, algorithms=["ES256"])
    return dict(json.loads(checked.payload))


@pytest.fixture(scope="module")
def unit(make_unit) -> Unit:
    return make_unit("4F7-220918")


def contents(data):
    system = FileSystem(data[partitions.VFS.offset : partitions.VFS.end])
    return {path: system.read(path) for path, _ in system.files()}


def test_the_file_system_is_the_images_and_the_mirror_of_nvs(unit, image):
    made = contents(unit.path.read_bytes())
    mirror = {path: made.pop(path) for path in list(made) if path.startswith("/data/mirror/")}
    assert made == contents(image.read_bytes())
    assert mirror == mirror_files(
        {key: record(unit, key) for key in ("unit", "binding", "identity", "anchors", "settings")}, dev=False
    )
    superblock = unit.path.read_bytes()[partitions.VFS.offset :][:4096]
    assert (
        superblock[superblock.index(b"littlefs") + 12 :][:4] == b"\0\0\2\0"
    )  # as MicroPython 1.23 mounts it


def test_the_flash_outside_nvs_and_files_is_the_images(unit, image):
    plain, made = image.read_bytes(), unit.path.read_bytes()
    start, end = partitions.NVS.offset, partitions.NVS.end
    files = partitions.VFS.offset
    assert (made[:start], made[end:files]) == (plain[:start], plain[end:files])
    assert made[start:end] != plain[start:end]
    assert unit.sha256 == hashlib.sha256(made).hexdigest()
    assert stat.S_IMODE(unit.path.stat().st_mode) == 0o600  # it holds the private key


def test_nvs_holds_the_records_of_the_contract_and_fits(unit):
    found = nvs_of(unit)
    assert set(found) == {"unit", "binding", "identity", "anchors", "settings", "bootcount"}
    assert found["bootcount"] == 0
    for key, blob in found.items():
        if isinstance(blob, bytes):
            assert (blob[:3], len(blob) <= 4000) == (b"NP1", True), key


def test_the_device_key_is_the_one_that_the_manufacturer_bound(unit):
    own = json.loads(record(unit, "unit"))
    assert set(own) == {"ueid", "key", "oemid", "broker_user", "broker_secret", "key_origin"}
    assert own["ueid"] == unit.ueid == own["broker_user"]
    raw = base64.urlsafe_b64decode(unit.ueid + "=")
    assert (len(raw), raw[0]) == (17, 1)
    assert (own["oemid"], own["key_origin"]) == (32473, "host")
    assert len(base64.urlsafe_b64decode(own["broker_secret"] + "==")) >= 16

    binding = claims(record(unit, "binding"), unit.trust)
    assert binding["eat_profile"] == "urn:nameplate:1:binding"
    assert (binding["ueid"], binding["oemid"], binding["key_origin"]) == (unit.ueid, 32473, "host")
    assert "serial" not in json.dumps(binding)
    public = ECKey.import_key(binding["cnf"]["jwk"])
    assert public.thumbprint() == unit.kid
    private = ECKey.import_key({**binding["cnf"]["jwk"], "d": own["key"]})
    signed = jws.serialize_compact({"alg": "ES256"}, b"proof", private, algorithms=["ES256"])
    assert jws.deserialize_compact(signed, public, algorithms=["ES256"]).payload == b"proof"


def test_the_identity_is_the_manufacturers_word(unit):
    identity = claims(record(unit, "identity"), unit.trust)
    iat = identity.pop("iat")
    assert isinstance(iat, int)
    assert identity == {
        "eat_profile": "urn:nameplate:1:identity",
        "ueid": unit.ueid,
        "oemid": 32473,
        "oem": "Acme",
        "serial": "4F7-220918",
        "model": "KF-320",
        "model_name": "fridge-freezer",
        "hwversion": ["C"],
        "made": "2026-03-02",
        "warranty": [
            {"part": "parts", "months": 24, "until": "2028-03-02"},
            {"part": "compressor", "months": 120, "until": "2036-03-02"},
        ],
        "start": "made",
        "support_until": "2036-03-02",
        "report_url": "https://report.example/v1",
    }
    assert record(unit, "identity").decode() == unit.identity


def test_anchors_are_the_trust_files_keys_by_role(unit):
    anchors = json.loads(record(unit, "anchors"))
    assert anchors.pop("number") == 1
    trust = json.loads(unit.trust.read_bytes())["keys"]
    assert anchors == {key["role"]: [{"kid": key["kid"], "x": key["x"], "y": key["y"]}] for key in trust}


def test_settings_are_what_was_asked(unit, make_unit):
    assert json.loads(record(unit, "settings")) == {
        "wifi_ssid": "Kitchen",
        "wifi_psk": "correct horse",
        "broker_url": "mqtt://127.0.0.1:1883",
        "period_s": 60,
        "ntp": "0.pool.ntp.org,1.pool.ntp.org",
        "consent": "full",
        "ack": "broker",
    }
    opened = make_unit("4F7-2", wifi_psk=None, wifi_ssid="Küche", period_s=2)
    settings = json.loads(record(opened, "settings"))
    assert (settings["wifi_ssid"], settings["wifi_psk"], settings["period_s"]) == ("Küche", None, 2)


def test_a_development_board_is_marked(make_unit):
    assert nvs_of(make_unit("DEV-1", dev=True))["dev"] == 1


def test_the_longest_unit_fits_the_nvs_and_leaves_room_to_change_settings(make_unit, manufacturer):
    longest = make_unit(
        "A" * 20,
        revision="A" * 8,
        warranty={f"{'x' * 22}{n:02}": 600 for n in range(8)},
        report_url="https://" + "x" * 120,
        broker_url="mqtt://" + "x" * 115 + ":65535",
        wifi_ssid="x" * 32,
        wifi_psk="x" * 63,
    )
    flash = Flash(longest.path.read_bytes())
    storage = Storage(flash, partitions.NVS.offset, partitions.NVS.size)
    namespace = storage.open("nameplate")
    for number in range(50):
        storage.set_blob(namespace, "settings", nvs_image.frame(bytes([number]) * 500))
        storage.set_i32(namespace, "bootcount", number)
    for kind in ("identity", "binding"):
        token = nvs_image.unframe(storage.get_blob(namespace, kind))
        assert schemas.problem(kind, claims(token, longest.trust)) is None


def test_every_unit_has_its_own_key_secret_and_name(make_unit):
    units = [make_unit(f"OWN-{number}") for number in range(4)]
    for name in ("ueid", "kid", "broker_secret", "sha256"):
        assert len({getattr(unit, name) for unit in units}) == 4


def test_the_real_firmware_reads_what_the_factory_wrote(unit, micropython, tmp_path):
    for key, value in nvs_of(unit).items():
        (tmp_path / key).write_bytes(value if isinstance(value, bytes) else str(value).encode())
    said = micropython(
        "from firmware import identity, settings\n"
        "class Nvs:\n"
        "    def get_blob(self, key, limit):\n"
        "        return open(sys.argv[1] + '/' + key, 'rb').read()\n"
        "    def get_i32(self, key):\n"
        "        return None\n"
        "unit = identity.load(Nvs())\n"
        "kept = settings.Settings(Nvs())\n"
        "print(unit.provisioned, unit.damage, unit.anchors_damage, unit.ueid, unit.claims['serial'], kept.damage,"
        " kept.broker_url, [len(unit.anchors(role)) for role in ('identity', 'update', 'pass', 'backend')])\n",
        str(tmp_path),
    )
    assert said.strip() == (f"True None None {unit.ueid} 4F7-220918 None mqtt://127.0.0.1:1883 [1, 1, 1, 1]")


def test_our_own_verifier_believes_the_unit(unit):
    verifier = Verifier(Trust.load(unit.trust))
    assert verifier.binding(unit.binding).verdict == "genuine"
    assert verifier.check(unit.identity, kind="identity").verdict == "genuine"


# The register, and refusals that depend on what is already there.


@pytest.fixture
def line(tmp_path, manufacturer, image) -> Callable[..., Unit]:
    """Provision into one folder with one register, as a factory line does."""

    def make(
        serial: str, out: str | None = None, progress: Callable[[str], None] = lambda step: None, **given: Any
    ):
        return provision(
            ProvisionRequest(serial=serial, **{**UNIT, **given}),
            image=image,
            out=tmp_path / (out or f"{serial}.bin"),
            keys=manufacturer.directory,
            registry=tmp_path / "registry.sqlite",
            progress=progress,
        )

    return make


def registered(folder: Path) -> dict[str, str]:
    """Serial to kid of every unit that counts, after whatever a crash left has been settled."""
    with Registry(folder / "registry.sqlite") as register, register.exclusive():
        return {entry.serial: entry.kid for entry in register.units()}


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


REGISTER = {"registry.sqlite", "registry.sqlite.broker"}


def test_the_register_keeps_what_is_public_and_no_secret(line, tmp_path):
    unit = line("4F7-1")
    with Registry(tmp_path / "registry.sqlite") as register:
        (entry,) = register.units()
    assert (entry.kid, entry.ueid, entry.sha256, entry.identity) == (
        unit.kid,
        unit.ueid,
        unit.sha256,
        unit.identity,
    )
    own = json.loads(record(unit, "unit"))
    public = (tmp_path / "registry.sqlite").read_bytes()
    for secret in (own["key"], own["broker_secret"], UNIT["wifi_psk"]):
        assert secret.encode() not in public
    kept = tmp_path / "registry.sqlite.broker"
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert own["broker_secret"].encode() in kept.read_bytes()
    assert own["key"].encode() not in kept.read_bytes()


def test_a_serial_is_given_once(line, tmp_path):
    first = line("4F7-1")
    before = first.path.read_bytes()
    with pytest.raises(NameplateError, match=rf"serial 4F7-1 is already provisioned, as ueid {first.ueid}"):
        line("4F7-1", "other.bin")
    assert names(tmp_path) == REGISTER | {"4F7-1.bin"}
    assert first.path.read_bytes() == before
    assert registered(tmp_path) == {"4F7-1": first.kid}


def test_a_units_file_is_never_overwritten(line, tmp_path):
    first = line("4F7-1")
    with pytest.raises(NameplateError, match="already exists"):
        line("4F7-2", "4F7-1.bin")
    assert registered(tmp_path) == {"4F7-1": first.kid}


def test_an_image_with_an_identity_or_none_of_ours_is_refused(line, tmp_path, manufacturer):
    unit = line("4F7-1")
    junk = tmp_path / "junk.bin"
    junk.write_bytes(os.urandom(4096))
    lost = bytearray(unit.path.read_bytes())
    lost[partitions.NVS.offset : partitions.NVS.end] = b"\xff" * partitions.NVS.size
    (tmp_path / "lost.bin").write_bytes(lost)  # read back from a board that lost its NVS: the mirror has it
    taken = "already has an identity"
    for image, said in (
        (unit.path, taken),
        (tmp_path / "lost.bin", taken),
        (junk, "is not a Nameplate image"),
    ):
        with pytest.raises(NameplateError, match=said):
            provision(
                ProvisionRequest(serial="4F7-2", **UNIT),
                image=image,
                out=tmp_path / "x.bin",
                keys=manufacturer.directory,
                registry=tmp_path / "registry.sqlite",
            )
    assert set(registered(tmp_path)) == {"4F7-1"}


@pytest.mark.parametrize("missing", ["out", "keys", "registry"])
def test_a_missing_folder_is_refused(missing, tmp_path, manufacturer, image):
    places = {"out": tmp_path / "x.bin", "keys": manufacturer.directory, "registry": tmp_path / "r.sqlite"}
    places[missing] = tmp_path / "nowhere" / "x"
    with pytest.raises(NameplateError, match="no (keys )?folder .*nowhere"):
        provision(ProvisionRequest(serial="4F7-1", **UNIT), image=image, **places)
    assert names(tmp_path) == set()


def test_another_programs_file_is_not_taken_for_a_register(line, tmp_path):
    (tmp_path / "registry.sqlite").write_bytes(
        b"not a database at all, but long enough to be read as one" * 20
    )
    with pytest.raises(
        NameplateError, match="cannot use .*registry.sqlite as a registry: file is not a database"
    ):
        line("4F7-1")
    (tmp_path / "registry.sqlite").unlink()
    with contextlib.closing(sqlite3.connect(tmp_path / "registry.sqlite")) as other:
        other.execute("CREATE TABLE bookmarks (url)")
    with pytest.raises(NameplateError, match="another program's database"):
        line("4F7-1")
    assert not (tmp_path / "4F7-1.bin").exists()


def test_a_register_that_cannot_be_opened_is_refused(line, tmp_path):
    (tmp_path / "registry.sqlite").mkdir()
    with pytest.raises(NameplateError, match="cannot use .*registry.sqlite as a registry: unable to open"):
        line("4F7-1")
    assert not (tmp_path / "4F7-1.bin").exists()


def test_a_board_gets_a_new_identity_under_its_own_name(line, tmp_path):
    first = line("4F7-1")
    line("4F7-2")
    again = line("4F7-1", "again.bin", ueid=first.ueid)
    assert (again.ueid, again.retired) == (first.ueid, first.kid)
    assert again.kid != first.kid
    assert again.broker_secret != first.broker_secret
    assert registered(tmp_path)["4F7-1"] == again.kid
    with Registry(tmp_path / "registry.sqlite") as register:
        secrets = {entry.kid: secret for entry, secret in register.broker_users()}
        assert secrets[again.kid] == again.broker_secret
        assert len(secrets) == 2
    assert first.broker_secret.encode() not in (tmp_path / "registry.sqlite.broker").read_bytes()
    with pytest.raises(
        NameplateError, match=f"the board {first.ueid} is already provisioned, as serial 4F7-1"
    ):
        line("4F7-3", ueid=first.ueid)
    with pytest.raises(NameplateError, match="serial 4F7-2 is already provisioned"):
        line("4F7-2", "x.bin", ueid=first.ueid)


def test_a_ueid_may_be_given_in_hex_or_as_in_tokens(line):
    raw = b"\x01" + bytes(range(16))
    text = base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
    first = line("4F7-1", ueid=raw.hex())
    assert (first.ueid, first.retired) == (text, None)
    assert line("4F7-1", "b.bin", ueid=text).retired == first.kid


# Crashes.


@pytest.mark.parametrize("again", [False, True])
@pytest.mark.parametrize("step", STEPS)
def test_an_exception_at_any_step_leaves_all_or_nothing(line, tmp_path, step, again):
    """Also when the unit takes the place of an earlier one: that one counts again."""
    earlier = line("4F7-1", "earlier.bin") if again else None

    def fail(at: str) -> None:
        if at == step:
            raise OSError(28, "No space left on device")

    ueid = earlier.ueid if earlier else None
    with pytest.raises(OSError, match="No space"):
        line("4F7-1", "unit.bin", fail, ueid=ueid)
    whole = step in ("renamed", "done")
    kept = {"earlier.bin"} if again else set()
    started = REGISTER if again or step != "checked" else set()
    assert names(tmp_path) == started | kept | ({"unit.bin"} if whole else set())
    if not whole:
        assert registered(tmp_path) == ({"4F7-1": earlier.kid} if earlier else {})
        line("4F7-1", "unit.bin", ueid=ueid)  # the serial was not used up
    assert set(registered(tmp_path)) == {"4F7-1"}
    with Registry(tmp_path / "registry.sqlite") as register:
        (pair,) = register.broker_users()
    assert json.loads(record_of(tmp_path / "unit.bin", "unit"))["broker_secret"] == pair[1]


def record_of(path: Path, key: str) -> bytes:
    storage = Storage(Flash(path.read_bytes()), partitions.NVS.offset, partitions.NVS.size)
    return nvs_image.unframe(storage.get_blob(storage.open("nameplate"), key))


KILLED = """
import os, sys
from pathlib import Path
from host_tests.factory_fixtures import UNIT
from nameplate.factory.provision import provision
from nameplate.factory.request import ProvisionRequest, read_unit_file

image, keys, folder, step = sys.argv[1:]
provision(
    ProvisionRequest(serial="4F7-1", **UNIT), image=Path(image), out=Path(folder, "unit.bin"), keys=Path(keys),
    registry=Path(folder, "registry.sqlite"), progress=lambda at: os._exit(9) if at == step else None,
)
"""


@pytest.mark.parametrize("step", STEPS)
def test_a_kill_at_any_step_is_settled_by_the_next_run(line, tmp_path, manufacturer, image, step):
    done = subprocess.run(
        [sys.executable, "-c", KILLED, str(image), str(manufacturer.directory), str(tmp_path), step],
        env={**os.environ, "PYTHONPATH": os.pathsep.join((str(ROOT), str(ROOT / "tools")))},
        check=False,
        timeout=60,
    )
    assert done.returncode == 9
    if step in ("renamed", "done"):
        with pytest.raises(NameplateError, match="is already provisioned"):
            line("4F7-1", "again.bin")
    else:
        assert not (tmp_path / "unit.bin").exists()
        line("4F7-1", "unit.bin")
    assert names(tmp_path) == REGISTER | {"unit.bin"}
    with Registry(tmp_path / "registry.sqlite") as register:
        ((entry, secret),) = register.broker_users()
    assert entry.sha256 == hashlib.sha256((tmp_path / "unit.bin").read_bytes()).hexdigest()
    assert secret == json.loads(record_of(tmp_path / "unit.bin", "unit"))["broker_secret"]


def test_eight_lines_at_once_never_share_a_serial(tmp_path, manufacturer, image):
    """Eight processes, four serials: each serial is made once, the other four are refused."""
    code = KILLED.replace('serial="4F7-1"', 'serial="4F7-" + step[0]').replace('"unit.bin"', 'step + ".bin"')
    running = [
        subprocess.Popen(
            [
                sys.executable,
                "-c",
                code,
                str(image),
                str(manufacturer.directory),
                str(tmp_path),
                f"{n % 4}{n}",
            ],
            env={**os.environ, "PYTHONPATH": os.pathsep.join((str(ROOT), str(ROOT / "tools")))},
            stderr=subprocess.PIPE,
        )
        for n in range(8)
    ]
    said = [process.communicate(timeout=60)[1].decode() for process in running]
    assert sorted(process.returncode for process in running) == [0] * 4 + [1] * 4
    assert all("is already provisioned" in text for text in said if text)
    assert set(registered(tmp_path)) == {f"4F7-{n}" for n in range(4)}
    assert len(list(tmp_path.glob("*.bin"))) == 4
    assert not list(tmp_path.glob(".*"))


def test_an_interrupt_is_an_exception_like_any(line, tmp_path):
    def interrupt(at: str) -> None:
        if at == "written":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        line("4F7-1", progress=interrupt)
    assert names(tmp_path) == REGISTER


# The verbs.


def test_the_verb_makes_a_unit_from_a_unit_file_and_lists_it(tmp_path, manufacturer, image, capsys):
    fields = {"serial": "4F7-1", **UNIT}
    (tmp_path / "unit.json").write_text(json.dumps(fields))
    words = ["factory", "provision", "--image", str(image), "--keys", str(manufacturer.directory)]
    words += ["--registry", str(tmp_path / "r.sqlite"), "--unit", str(tmp_path / "unit.json")]
    assert main.run([*words, "--out", str(tmp_path / "1.bin"), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["serial"], told["model"], told["retired"]) == ("4F7-1", "KF-320", None)
    assert isinstance(told["seconds"], float)
    second = [*words, "--out", str(tmp_path / "2.bin"), "--serial", "4F7-2", "--warranty", "door seal=6"]
    assert main.run(second) == 0
    text = capsys.readouterr().out
    assert "KF-320 serial 4F7-2" in text
    own = json.loads(record_of(tmp_path / "2.bin", "unit"))
    for secret in (own["key"], own["broker_secret"], UNIT["wifi_psk"]):
        assert secret not in text
        assert secret not in json.dumps(told)
    identity = record_of(tmp_path / "2.bin", "identity")
    assert [term["part"] for term in claims(identity, manufacturer.trust)["warranty"]] == ["door seal"]

    assert main.run(["factory", "units", "--registry", str(tmp_path / "r.sqlite")]) == 0
    *rows, last = capsys.readouterr().out.splitlines()
    assert [row.split()[:4] for row in rows] == [
        ["4F7-1", "KF-320", "rev", "C"],
        ["4F7-2", "KF-320", "rev", "C"],
    ]
    assert last == "2 units"
    assert main.run(["factory", "units", "--registry", str(tmp_path / "r.sqlite"), "--json"]) == 0
    entries = json.loads(capsys.readouterr().out)
    assert entries[0]["ueid"] == told["ueid"]


def test_a_retired_key_is_named_so_that_it_can_be_revoked(line, tmp_path, manufacturer, image, capsys):
    first = line("4F7-1")
    (tmp_path / "unit.json").write_text(json.dumps({"serial": "4F7-1", "ueid": first.ueid, **UNIT}))
    words = ["factory", "provision", "--image", str(image), "--keys", str(manufacturer.directory)]
    words += ["--registry", str(tmp_path / "registry.sqlite"), "--unit", str(tmp_path / "unit.json")]
    assert main.run([*words, "--out", str(tmp_path / "new.bin")]) == 0
    assert f"its earlier key {first.kid} is out of use" in capsys.readouterr().out


def test_a_register_that_is_not_there_is_not_made_by_looking(tmp_path, capsys):
    assert main.run(["factory", "units", "--registry", str(tmp_path / "r.sqlite")]) == 2
    assert "no registry" in capsys.readouterr().err
    assert names(tmp_path) == set()


def test_secrets_are_not_in_representations(make_unit):
    unit = make_unit("REPR-1")
    asked = ProvisionRequest(serial="4F7-1", **UNIT)
    assert unit.broker_secret not in repr(unit)
    assert UNIT["wifi_psk"] not in repr(asked)
    assert replace(asked, serial="4F7-2").wifi_psk == UNIT["wifi_psk"]


def test_the_guides_own_commands_work(tmp_path, monkeypatch, capsys):
    """docs/factory.md: the block at the top, word for word, and the unit file."""
    guide = (ROOT / "docs/factory.md").read_text()
    commands = (
        guide.split("```\n")[1].replace("\\\n", " ").replace("NAMEPLATE_WIFI_PSK=... ", "").splitlines()
    )
    assert len(commands) == 4
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NAMEPLATE_WIFI_PSK", "a password")
    (tmp_path / "ESP32_GENERIC.bin").write_bytes(base_builds.ESP32.file())
    for line in commands:
        program, *words = shlex.split(line)
        assert program == "nameplate"
        assert main.run(words) == 0, line
    assert "4F7-220918" in capsys.readouterr().out.splitlines()[-2]
    block = guide.split("```json\n")[1].split("```")[0]
    (tmp_path / "unit.json").write_text(block)
    asked = ProvisionRequest(**read_unit_file(tmp_path / "unit.json"))
    asked.check(date(2026, 11, 24))
    assert {field.name for field in fields(asked)} - set(json.loads(block)) == {
        "ueid", "dev", "broker_ca", "client_cert", "client_key", "client_ca",
    }  # fmt: skip
