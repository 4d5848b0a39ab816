"""A folder from which nats-server or Mosquitto runs as the broker of a register's units: configuration, users, certificate.

Written again when units were added; what it made of its own (certificate, the backend's secret) it keeps.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from nameplate.factory import broker_tls, brokers
from nameplate.factory.broker_tls import Authority
from nameplate.factory.brokers import Users
from nameplate.factory.files import write_atomic, write_new
from nameplate.factory.refused import Refused

SERVER, SERVER_KEY, CA = "server.pem", "server-key.pem", "ca.pem"
PORT, TLS_PORT = 1883, 8883
HANDSHAKE_S = 20  # nats-server gives 2 s of itself, and a chip computes for more than one


@dataclass(frozen=True, kw_only=True)
class BrokerRequest:
    """`names`: host names and addresses the broker is reached by. `authority`: its folder, None for no TLS.

    `certificates`: users prove themselves with a certificate instead of a secret. `backend`: the name of the user that
    reads all and publishes commands. `address`, `port`: where it listens.
    """

    broker: str
    names: Sequence[str] = ()
    authority: Path | None = None
    certificates: bool = False
    backend: str | None = None
    address: str = "0.0.0.0"  # noqa: S104 units come from the whole network
    port: int | None = None


def write_folder(folder: Path, users: Users, request: BrokerRequest) -> Path:
    """Write the folder; the path of the broker's configuration in it. Raises Refused, then nothing has changed."""
    if not folder.absolute().parent.is_dir():
        raise Refused(f"no folder {folder.absolute().parent}", "make it, or choose another place")
    if not users:
        raise Refused("the register has no units", "provision one first")
    if request.certificates and request.authority is None:
        raise Refused("certificates need TLS", "give the authority of `factory broker-ca`")
    if request.backend in {entry.broker_user for entry, _ in users}:
        raise Refused(f"{request.backend} is a unit", "give the backend a name of its own")
    authority = None if request.authority is None else Authority.load(request.authority)
    pair = None
    if authority and not (folder / SERVER).exists():
        pair = authority.server(request.names)
    client = None
    if (
        authority
        and request.backend
        and request.certificates
        and not (folder / f"{request.backend}.pem").exists()
    ):
        client = authority.client(request.backend)
    folder.mkdir(mode=0o700, exist_ok=True)
    if authority:
        write_atomic(folder / CA, broker_tls.pem(authority.certificate), 0o644)
    if pair:
        broker_tls.write_pair(pair, folder / SERVER, folder / SERVER_KEY)
    if client:
        broker_tls.write_pair(
            client, folder / f"{request.backend}.pem", folder / f"{request.backend}-key.pem"
        )
    backend = None
    if request.backend is not None:
        backend = (request.backend, "" if request.certificates else _secret(folder, request.backend))
    return _WRITERS[request.broker](folder, users, request, backend)


def _secret(folder: Path, backend: str) -> str:
    path = folder / f"{backend}.secret"
    if not path.exists():
        write_new(path, secrets.token_urlsafe(24).encode() + b"\n", 0o600)
    return path.read_text(encoding="ascii").strip()


def _port(request: BrokerRequest) -> int:
    return request.port or (TLS_PORT if request.authority else PORT)


def _nats(folder: Path, users: Users, request: BrokerRequest, backend: tuple[str, str] | None) -> Path:
    here = folder.absolute()
    mqtt: dict[str, object] = {"listen": f"{request.address}:{_port(request)}"}
    if request.authority:
        demand = {"ca_file": str(here / CA), "verify_and_map": True} if request.certificates else {}
        mqtt["tls"] = {
            "cert_file": str(here / SERVER),
            "key_file": str(here / SERVER_KEY),
            "timeout": HANDSHAKE_S,
            **demand,
        }
    lines = [
        "# Units speak MQTT; who speaks NATS does it from this machine.",
        "listen: 127.0.0.1:4222",
        "server_name: nameplate",
        f"jetstream: {json.dumps({'store_dir': str(here / 'jetstream')})}",
        f"mqtt: {json.dumps(mqtt, indent=1)}",
        brokers.nats(users, backend, request.certificates),
    ]
    write_atomic(folder / "nats.conf", "\n".join(lines).encode(), 0o600)
    return folder / "nats.conf"


def _mosquitto(folder: Path, users: Users, request: BrokerRequest, backend: tuple[str, str] | None) -> Path:
    here = folder.absolute()
    lines = [
        f"listener {_port(request)} {request.address}",
        "allow_anonymous false",
        f"acl_file {here / 'acl'}",
    ]
    if request.authority:
        lines += [f"certfile {here / SERVER}", f"keyfile {here / SERVER_KEY}"]
    if request.certificates:
        lines += [f"cafile {here / CA}", "require_certificate true", "use_identity_as_username true"]
    else:
        known = list(users)
        if backend is not None:
            known.append((replace(users[0][0], broker_user=backend[0]), backend[1]))
        write_atomic(folder / "users", brokers.mosquitto(known).encode(), 0o600)
        lines.append(f"password_file {here / 'users'}")
    write_atomic(folder / "acl", brokers.mosquitto_acl(users, backend and backend[0]).encode(), 0o600)
    write_atomic(folder / "mosquitto.conf", ("\n".join(lines) + "\n").encode(), 0o600)
    return folder / "mosquitto.conf"


_WRITERS: dict[str, Callable[[Path, Users, BrokerRequest, tuple[str, str] | None], Path]] = {
    "nats": _nats,
    "mosquitto": _mosquitto,
}
