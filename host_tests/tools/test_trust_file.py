"""Where the trust file is found: named, by the environment, or in the usual place; and what is said when it is nowhere."""

import subprocess
import sys

import pytest

from nameplate.errors import NameplateError
from nameplate.factory.keys import make_keys
from nameplate.token.trust_file import find_trust, need_trust


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.delenv("NAMEPLATE_TRUST", raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    return tmp_path


@pytest.fixture
def trust(home):
    make_keys(home / "keys", oem="Acme", oemid=32473)
    return home / "keys/trust.jwks"


def test_nowhere_is_no_trust_for_reading_and_an_error_for_verifying(home):
    assert find_trust(None) is None
    with pytest.raises(NameplateError) as refused:
        need_trust(None)
    assert refused.value.exit_code == 2
    assert "NAMEPLATE_TRUST" in refused.value.hint
    assert str(home / "config/nameplate/trust.jwks") in refused.value.hint


def test_the_one_named_comes_before_the_environment_and_that_before_the_usual_place(home, trust, monkeypatch):
    usual = home / "config/nameplate/trust.jwks"
    usual.parent.mkdir(parents=True)
    usual.write_bytes(trust.read_bytes())
    assert need_trust(None).keys.keys() == need_trust(str(trust)).keys.keys()
    monkeypatch.setenv("NAMEPLATE_TRUST", str(home / "missing.jwks"))
    with pytest.raises(NameplateError, match=r"missing\.jwks"):
        need_trust(None)
    assert need_trust(str(trust)).keys


def test_verify_finds_it_by_the_environment(trust, monkeypatch):
    monkeypatch.setenv("NAMEPLATE_TRUST", str(trust))
    judged = subprocess.run(
        [sys.executable, "-m", "nameplate", "verify", "-"],
        input="a.b.c\n",
        capture_output=True,
        text=True,
        check=False,
    )
    assert judged.returncode == 1
    assert "forged" in judged.stdout
