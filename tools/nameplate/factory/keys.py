"""The manufacturer's keys: one folder with a private key per role and slot, and the public trust file.

Roles never share a key, and each has two slots so that a key can be replaced while the old one still counts.
A private key leaves its file only into the signer; nothing here returns or prints one.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from nameplate.factory.files import sync_folder, write_atomic, write_new
from nameplate.factory.refused import Refused
from nameplate.token import mint
from nameplate.token.kinds import ROLES

TRUST_FILE = "trust.jwks"
OEM_FILE = "manufacturer.json"
SLOTS = (1, 2)
OEMID_MAX = 0xFFFFFFFF


@dataclass(frozen=True)
class MadeKeys:
    """What `make_keys` made: the trust file, and the `kid` of each new key by its file name."""

    directory: Path
    trust: Path
    kids: dict[str, str]


@dataclass(frozen=True)
class Manufacturer:
    """A keys folder as provisioning needs it: who signs, and what a device is to trust."""

    trust: Path
    oem: str | None
    oemid: int | None
    anchors: dict[str, list[dict[str, str]]]
    identity_key: mint.PrivateKey = field(repr=False)


def key_file(role: str, slot: int) -> str:
    """The name of the private key's file for a role and slot."""
    return f"{role}-{slot}.pem"


def make_keys(
    directory: Path,
    *,
    oem: str | None = None,
    oemid: int | None = None,
    slot: int = 1,
    roles: Sequence[str] = ROLES,
) -> MadeKeys:
    """Make the private keys of `slot` for `roles` and put their public halves into the trust file.

    Slot 1 makes a new folder, whole or not at all; slot 2 adds to one. Raises Refused rather than
    overwrite anything, and when `oem` or `oemid` (the IANA enterprise number) is malformed.
    """
    if slot not in SLOTS or not roles or any(role not in ROLES for role in roles):
        raise ValueError("slot is 1 or 2, roles are those of the trust file")
    check_oem(oem, oemid)
    if slot == 1 and not (directory / TRUST_FILE).exists():
        return _make_folder(directory, oem, oemid, roles)
    if oem is not None or oemid is not None:
        raise Refused(
            f"{directory} already belongs to a manufacturer",
            "leave out --oem and --oemid, or choose a new folder",
        )
    trust = read_trust(directory)
    return _add(directory, trust, slot, roles, _read_oem(directory).get("oemid"))


def check_oem(oem: str | None, oemid: int | None) -> None:
    """Raise Refused unless the maker's name and number, where given, can go into a unit."""
    if oem is not None and not (1 <= len(oem.encode()) <= 40 and oem.isprintable() and oem == oem.strip()):
        raise Refused(
            f"oem {oem!r} is not a name of 1 to 40 bytes", "give the maker's name as people know it"
        )
    if oemid is not None and not 1 <= oemid <= OEMID_MAX:
        raise Refused(
            f"oemid {oemid} is out of range 1 to {OEMID_MAX}",
            "give the maker's IANA Private Enterprise Number",
        )


def read_trust(directory: Path) -> dict[str, Any]:
    """The trust file of a keys folder. Raises Refused when it is missing or not a JWKS."""
    hint = f"make the keys with `nameplate factory keys {directory}`"
    if not directory.is_dir():
        raise Refused(f"no keys folder {directory}", hint)
    try:
        trust = json.loads((directory / TRUST_FILE).read_bytes())
        if all(isinstance(key, dict) and key["role"] in ROLES for key in trust["keys"]):
            return dict(trust)
    except FileNotFoundError as error:
        raise Refused(f"{directory} holds no {TRUST_FILE}", hint) from error
    except (ValueError, TypeError, KeyError) as error:
        raise Refused(f"{directory / TRUST_FILE} is not a trust file", hint) from error
    raise Refused(f"{directory / TRUST_FILE} is not a trust file", hint)


def load(directory: Path) -> Manufacturer:
    """The manufacturer of a keys folder, signing with the newest identity key in it.

    Raises Refused when there is none, or it is not one that the folder's own trust file names.
    """
    trust = read_trust(directory)
    anchors = {role: [_anchor(key) for key in trust["keys"] if key["role"] == role][:2] for role in ROLES}
    paths = [directory / key_file("identity", slot) for slot in reversed(SLOTS)]
    path = next((path for path in paths if path.exists()), None)
    if path is None:
        raise Refused(
            f"{directory} holds no identity key",
            f"provisioning signs with {paths[-1].name} or {paths[0].name}",
        )
    key = _read_key(path)
    if mint.thumbprint(key) not in {anchor["kid"] for anchor in anchors["identity"]}:
        raise Refused(
            f"{path} is not an identity key of {directory / TRUST_FILE}",
            "a unit signed with it would be refused everywhere: give the trust file that belongs to the key",
        )
    named = _read_oem(directory)
    return Manufacturer(directory / TRUST_FILE, named.get("oem"), named.get("oemid"), anchors, key)


def _make_folder(directory: Path, oem: str | None, oemid: int | None, roles: Sequence[str]) -> MadeKeys:
    if directory.exists() and (not directory.is_dir() or any(directory.iterdir())):
        raise Refused(f"{directory} is not empty", "keys are never overwritten: choose a new folder")
    if not directory.absolute().parent.is_dir():
        raise Refused(f"no folder {directory.absolute().parent}", "make it, or choose another place")
    building = Path(
        tempfile.mkdtemp(prefix=f".{directory.name}.", suffix=".partial", dir=directory.absolute().parent)
    )
    try:
        if oem is not None or oemid is not None:
            named = {"oem": oem, "oemid": oemid}
            write_new(building / OEM_FILE, _json({k: v for k, v in named.items() if v is not None}), 0o644)
        made = _add(building, {"keys": []}, 1, roles, oemid)
        os.rename(building, directory)
    except BaseException:
        shutil.rmtree(building, ignore_errors=True)
        raise
    sync_folder(directory.absolute().parent)
    return MadeKeys(directory, directory / TRUST_FILE, made.kids)


def _add(
    directory: Path, trust: dict[str, Any], slot: int, roles: Sequence[str], oemid: int | None
) -> MadeKeys:
    for role in roles:
        if (directory / key_file(role, slot)).exists():
            raise Refused(
                f"{directory / key_file(role, slot)} already exists",
                "keys are never overwritten: use the other slot",
            )
        if sum(key["role"] == role for key in trust["keys"]) >= len(SLOTS):
            raise Refused(
                f"role {role} already has two keys in {directory / TRUST_FILE}",
                "retire one from the trust file first",
            )
    kids: dict[str, str] = {}
    written: list[Path] = []
    try:
        for role in roles:
            key = mint.new_key()
            path = directory / key_file(role, slot)
            write_new(path, _pem(key), 0o600)
            written.append(path)
            public: dict[str, Any] = mint.trust_jwk(key, role)
            # With the number in it, the key speaks for this maker only, also in a trust file merged from several.
            trust["keys"].append(public if oemid is None else {**public, "oemid": oemid})
            kids[path.name] = public["kid"]
        write_atomic(directory / TRUST_FILE, _json(trust))
    except BaseException:
        for path in written:
            path.unlink(missing_ok=True)
        raise
    return MadeKeys(directory, directory / TRUST_FILE, kids)


def _json(value: dict[str, Any]) -> bytes:
    return json.dumps(value, indent=2, ensure_ascii=False).encode() + b"\n"


def _pem(key: mint.PrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _read_key(path: Path) -> mint.PrivateKey:
    try:
        key = serialization.load_pem_private_key(path.read_bytes(), password=None)
    except (ValueError, TypeError) as error:
        raise Refused(
            f"{path} is not a private key in PEM without a passphrase", "give the right file"
        ) from error
    if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(key.curve, ec.SECP256R1):
        raise Refused(f"{path} is not a P-256 key", "keys are made with `nameplate factory keys`")
    return key


def _read_oem(directory: Path) -> dict[str, Any]:
    path = directory / OEM_FILE
    if not path.exists():
        return {}
    try:
        named = json.loads(path.read_bytes())
        oem, oemid = named.get("oem"), named.get("oemid")
    except (ValueError, AttributeError) as error:
        raise Refused(f"{path} is not JSON with oem and oemid", "mend it, or make new keys") from error
    if not isinstance(oem, str | None) or not isinstance(oemid, int | None):
        raise Refused(f"{path} is not JSON with oem and oemid", "mend it, or make new keys")
    check_oem(oem, oemid)
    return {"oem": oem, "oemid": oemid}


def _anchor(key: dict[str, Any]) -> dict[str, str]:
    return {"kid": str(key["kid"]), "x": str(key["x"]), "y": str(key["y"])}
