"""The manufacturer's keys: made once, never overwritten, never shown; the trust file is what verifiers need."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path

import pytest
from joserfc.jwk import ECKey

from nameplate.cli import main
from nameplate.errors import NameplateError
from nameplate.factory import keys
from nameplate.token import mint
from nameplate.token.kinds import ROLES
from nameplate.token.trust import Trust


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture
def directory(tmp_path) -> Path:
    return tmp_path / "keys"


@pytest.mark.parametrize("umask", [0o000, 0o077])
def test_every_role_has_its_own_key_and_only_its_owner_reads_it(directory, umask):
    before = os.umask(umask)
    try:
        made = keys.make_keys(directory, oem="Acme", oemid=32473)
    finally:
        os.umask(before)
    assert sorted(path.name for path in directory.iterdir()) == sorted(
        [*(f"{role}-1.pem" for role in ROLES), "trust.jwks", "manufacturer.json"]
    )
    assert mode(directory) == 0o700
    assert {mode(directory / f"{role}-1.pem") for role in ROLES} == {0o600}
    trust = json.loads(made.trust.read_bytes())
    assert [key["role"] for key in trust["keys"]] == list(ROLES)
    assert len({key["x"] for key in trust["keys"]}) == len(ROLES)
    for key in trust["keys"]:
        assert set(key) == {"kty", "crv", "x", "y", "kid", "use", "alg", "role", "oemid"}
        assert key["oemid"] == 32473
        public = ECKey.import_key({name: key[name] for name in ("kty", "crv", "x", "y")})
        assert public.thumbprint() == key["kid"] == made.kids[f"{key['role']}-1.pem"]
        private = ECKey.import_key((directory / f"{key['role']}-1.pem").read_bytes())
        assert private.as_dict(private=False)["x"] == key["x"]


def test_nothing_private_is_printed(directory, capsys):
    for extra in ([], ["--slot", "2", "--json"]):
        assert main.run(["factory", "keys", str(directory), *extra]) == 0
    shown = "".join(capsys.readouterr())
    assert "trust.jwks" in shown
    for path in directory.glob("*.pem"):
        scalar = keys._read_key(path).private_numbers().private_value
        secret_words = path.read_text().splitlines()[1:-1]
        for word in (*secret_words, f"{scalar:064x}", str(scalar), mint.encode(scalar.to_bytes(32, "big"))):
            assert word not in shown
        assert "PRIVATE" not in shown


def snapshot(directory: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in directory.iterdir()}


def test_keys_are_never_overwritten(directory, capsys):
    keys.make_keys(directory, oem="Acme", oemid=32473)
    before = snapshot(directory)
    assert main.run(["factory", "keys", str(directory)]) == 2
    assert "already exists" in capsys.readouterr().err
    assert main.run(["factory", "keys", str(directory), "--oem", "Other", "--oemid", "9"]) == 2
    assert snapshot(directory) == before


def test_a_folder_with_something_else_in_it_is_left_alone(directory):
    directory.mkdir()
    (directory / "holiday.jpg").write_bytes(b"x")
    with pytest.raises(NameplateError, match="not empty"):
        keys.make_keys(directory)
    assert snapshot(directory) == {"holiday.jpg": b"x"}
    with pytest.raises(NameplateError, match="no folder"):
        keys.make_keys(directory / "a" / "b")


def test_an_empty_folder_is_filled(directory):
    directory.mkdir()
    assert keys.make_keys(directory).trust.exists()


def test_the_second_slot_is_added_beside_the_first(directory):
    first = keys.make_keys(directory, oem="Acme", oemid=32473)
    before = snapshot(directory)
    second = keys.make_keys(directory, slot=2, roles=["identity"])
    assert list(second.kids) == ["identity-2.pem"]
    assert {
        name: data for name, data in snapshot(directory).items() if name in before and name != "trust.jwks"
    } == {name: data for name, data in before.items() if name != "trust.jwks"}
    loaded = keys.load(directory)
    assert [anchor["kid"] for anchor in loaded.anchors["identity"]] == [
        first.kids["identity-1.pem"],
        second.kids["identity-2.pem"],
    ]
    assert mint.thumbprint(loaded.identity_key) == second.kids["identity-2.pem"]  # the newest signs
    with pytest.raises(NameplateError, match="already exists"):
        keys.make_keys(directory, slot=2, roles=["identity"])


@pytest.mark.parametrize("oemid", [None, 32473, 2**32 - 1])
def test_the_verifier_takes_the_trust_file(directory, oemid):
    made = keys.make_keys(directory, oemid=oemid)
    more = keys.make_keys(directory, slot=2)
    trust = Trust.load(made.trust)
    assert set(trust.keys) == {*made.kids.values(), *more.kids.values()}
    assert {key.oemid for key in trust.keys.values()} == {oemid}


def test_no_role_gets_a_third_key(directory):
    keys.make_keys(directory)
    keys.make_keys(directory, slot=2)
    (directory / "update-1.pem").unlink()
    with pytest.raises(NameplateError, match="already has two keys"):
        keys.make_keys(directory, slot=1, roles=["update"])


@pytest.mark.parametrize("fails_at", range(1, 7))
def test_a_failure_on_the_way_leaves_nothing(directory, monkeypatch, fails_at):
    """Six files are written; the write that fails takes the others with it."""
    real, count = keys.write_new, iter(range(1, 100))

    def failing(path, data, file_mode):
        if next(count) == fails_at:
            raise OSError(28, "No space left on device", str(path))
        real(path, data, file_mode)

    monkeypatch.setattr(keys, "write_new", failing)
    monkeypatch.setattr("nameplate.factory.files.write_new", failing)
    with pytest.raises(OSError, match="No space"):
        keys.make_keys(directory, oem="Acme", oemid=32473)
    assert list(directory.parent.iterdir()) == []


def test_a_failure_while_adding_leaves_what_was_there(directory, monkeypatch):
    keys.make_keys(directory)
    before = snapshot(directory)

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(keys, "write_atomic", full)
    with pytest.raises(OSError, match="No space"):
        keys.make_keys(directory, slot=2)
    assert snapshot(directory) == before


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"oem": ""}, "is not a name"),
        ({"oem": "x" * 41}, "is not a name"),
        ({"oem": "Ac\x1b[31mme"}, "is not a name"),
        ({"oemid": 0}, "out of range"),
        ({"oemid": -5}, "out of range"),
        ({"oemid": 2**32}, "out of range"),
    ],
)
def test_a_malformed_maker_is_refused(directory, given, said):
    with pytest.raises(NameplateError, match=said):
        keys.make_keys(directory, **given)
    assert not directory.exists()


def test_a_keys_folder_that_does_not_fit_together_is_refused(directory, tmp_path):
    with pytest.raises(NameplateError, match="no keys folder"):
        keys.load(directory)
    keys.make_keys(directory)
    other = keys.make_keys(tmp_path / "other")
    cases = {
        "identity-1.pem": [
            ((other.directory / "identity-1.pem").read_bytes(), "is not an identity key of"),
            ((directory / "pass-1.pem").read_bytes(), "is not an identity key of"),
            (b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", "is not a private key"),
            (b"", "is not a private key"),
            (None, "holds no identity key"),
        ],
        "trust.jwks": [
            (b"{", "is not a trust file"),
            (b'{"keys":[{"role":"king"}]}', "is not a trust file"),
            (b"[]", "is not a trust file"),
            (None, "holds no trust.jwks"),
        ],
        "manufacturer.json": [(b"[]", "not JSON with oem"), (b'{"oemid":"x"}', "not JSON with oem")],
    }
    for name, spoilt in cases.items():
        path = directory / name
        right = path.read_bytes() if path.exists() else None
        for content, said in spoilt:
            path.unlink(missing_ok=True) if content is None else path.write_bytes(content)
            with pytest.raises(NameplateError, match=said):
                keys.load(directory)
        path.unlink(missing_ok=True) if right is None else path.write_bytes(right)
    assert keys.load(directory).trust == directory / "trust.jwks"


def test_the_private_key_is_not_in_the_representation(directory):
    keys.make_keys(directory, oem="Acme", oemid=1)
    assert "identity_key" not in repr(keys.load(directory))
