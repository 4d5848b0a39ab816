"""One unit: its own key, the manufacturer's word on it, and its settings, written into a copy of the image.

The order is what keeps a crash harmless: check everything, enter the unit in the register as pending, write its
image under a temporary name, rename it, count it. See `registry.py` for who settles what a crash left.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from nameplate.factory import broker_tls
from nameplate.factory import keys as manufacturer_keys
from nameplate.factory.files import check_folder, sync_folder, temporary_beside, write_new
from nameplate.factory.image import ImageContent, read_image
from nameplate.factory.mirror_image import mirror_files
from nameplate.factory.nvs_image import compact_json, write_nvs
from nameplate.factory.refused import Refused
from nameplate.factory.registry import Entry, Registry
from nameplate.factory.request import ProvisionRequest
from nameplate.token import base64url, mint
from nameplate.token.kinds import KINDS

Progress = Callable[[str], None]


@dataclass(frozen=True)
class Unit:
    """A provisioned unit: its image file (which holds its private key: mode 0600) and what is public about it.

    `trust` is the manufacturer's trust file; `retired` the `kid` of the key that this
    provisioning took the place of, where the board had one.
    """

    path: Path
    ueid: str
    serial: str
    model: str
    oemid: int
    kid: str
    sha256: str
    binding: str
    identity: str
    trust: Path
    broker_user: str
    broker_secret: str = field(repr=False)
    retired: str | None = None


def provision(
    request: ProvisionRequest,
    *,
    image: Path,
    out: Path,
    keys: Path,
    registry: Path,
    now: int | None = None,
    progress: Progress = lambda step: None,
) -> Unit:
    """Make one unit from `image` into the new file `out` and enter it in `registry`.

    `keys` is the folder of `make_keys`; `now` is Unix seconds (default: this computer's clock). Raises
    Refused for anything to be refused; then neither `out` nor the registry has changed.
    """
    now = int(time.time()) if now is None else now
    base = read_image(image)
    maker = manufacturer_keys.load(keys)
    request = request.completed(maker.oem, maker.oemid)
    request.check(datetime.fromtimestamp(now, UTC).astimezone().date())
    _check_image(image, base, request)
    if out.exists():
        raise Refused(f"{out} already exists", "a unit's file is never overwritten: it may hold its only key")
    check_folder(out, "the unit")
    progress("checked")

    with Registry(registry) as register:
        register.refuse_taken(request.serial, request.board())
        unit, data = _make(request, base, maker, out, now)
        temporary = temporary_beside(out)
        with register.exclusive():
            if out.exists():
                raise Refused(f"{out} already exists", "another unit was just written there")
            retired = register.enter(_entry(unit, request, now), unit.broker_secret, out, temporary)
            progress("entered")
            write_new(temporary, data, 0o600)
            progress("written")
            os.replace(temporary, out)
            sync_folder(out.absolute().parent)
            progress("renamed")
    progress("done")
    return replace(unit, retired=retired)


def _check_image(path: Path, base: ImageContent, request: ProvisionRequest) -> None:
    if base.provisioned:
        raise Refused(
            f"{path} already has an identity", "give the plain image, as `nameplate factory image` writes it"
        )
    if request.model is not None and request.model != base.model:
        raise Refused(
            f"the image is for model {base.model}, not {request.model}",
            "give the image of that model, or leave out model",
        )


def _make(
    request: ProvisionRequest, base: ImageContent, maker: manufacturer_keys.Manufacturer, out: Path, now: int
) -> tuple[Unit, bytes]:
    assert request.oem is not None and request.oemid is not None
    ueid = request.board() or mint.new_ueid()
    key = mint.new_key()
    broker_secret = secrets.token_urlsafe(24)
    binding = mint.binding_payload(
        ueid=ueid, key=key, oemid=request.oemid, model=base.model, key_origin="host", iat=now
    )
    identity = mint.identity_payload(
        ueid=ueid,
        oemid=request.oemid,
        oem=request.oem,
        serial=request.serial,
        model=base.model,
        name=base.model_name,
        revision=request.revision,
        made=request.made,
        warranty=request.warranty_terms(),
        support_until=request.support_until,
        report_url=request.report_url,
        iat=now,
    )
    tokens = {
        "binding": mint.sign("binding", binding, maker.identity_key),
        "identity": mint.sign("identity", identity, maker.identity_key),
    }
    for kind, token in tokens.items():
        if len(token) > KINDS[kind].limit:
            raise Refused(
                f"the unit's {kind} takes {len(token)} bytes, verifiers read {KINDS[kind].limit}",
                "shorten the names and the report address, or the number of warranty parts",
            )
    records = {
        "unit": compact_json(
            {
                "ueid": ueid,
                "key": base64url.encode(mint.private_scalar(key)),
                "oemid": request.oemid,
                "broker_user": ueid,
                "broker_secret": broker_secret,
                "key_origin": "host",
            }
        ),
        "binding": tokens["binding"].encode("ascii"),
        "identity": tokens["identity"].encode("ascii"),
        **_tls_records(request, ueid),
        "anchors": compact_json({**maker.anchors, "number": 1}),
        "settings": compact_json(
            {
                "wifi_ssid": request.wifi_ssid,
                "wifi_psk": request.wifi_psk,
                "broker_url": request.broker_url,
                "period_s": request.period_s,
                "ntp": request.ntp,
                "consent": "full",
                "ack": "broker",
            }
        ),
    }
    data = bytearray(base.data)
    place = base.layout.span("nvs")
    data[place] = write_nvs(
        records, {"bootcount": 0, **({"dev": 1} if request.dev else {})}, size=place.stop - place.start
    )
    place = base.layout.span("vfs")
    data[place] = _with_mirror(base.data[place], mirror_files(records, dev=request.dev))
    unit = Unit(
        path=out,
        ueid=ueid,
        serial=request.serial,
        model=base.model,
        oemid=request.oemid,
        kid=mint.thumbprint(key),
        sha256=hashlib.sha256(data).hexdigest(),
        binding=tokens["binding"],
        identity=tokens["identity"],
        trust=maker.trust,
        broker_user=ueid,
        broker_secret=broker_secret,
    )
    return unit, bytes(data)


def _with_mirror(partition: bytes, files: Mapping[str, bytes]) -> bytes:
    from nameplate.factory.littlefs_image import FileSystem

    system = FileSystem(partition)
    for path, content in files.items():
        system.write(path, content)
    return system.image()


def _tls_records(request: ProvisionRequest, ueid: str) -> dict[str, bytes]:
    """What the unit needs under TLS: whom it believes, and who it is to the broker."""
    if request.broker_ca is None:
        return {}
    records = {"broker_ca": broker_tls.read_ca(Path(request.broker_ca))}
    if request.client_ca is not None:
        pair = broker_tls.Authority.load(Path(request.client_ca)).client(ueid)
    elif request.client_cert is not None and request.client_key is not None:
        pair = broker_tls.read_pair(Path(request.client_cert), Path(request.client_key))
    else:
        return records
    return {**records, "broker_cert": pair.certificate, "broker_key": pair.key}


def _entry(unit: Unit, request: ProvisionRequest, now: int) -> Entry:
    return Entry(
        kid=unit.kid,
        ueid=unit.ueid,
        serial=unit.serial,
        model=unit.model,
        oemid=unit.oemid,
        revision=request.revision,
        made=request.made,
        binding=unit.binding,
        identity=unit.identity,
        sha256=unit.sha256,
        broker_user=unit.broker_user,
        provisioned_at=now,
    )
